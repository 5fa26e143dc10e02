-- The inbox by the earlier index, and archived threads without one.
DROP INDEX CONCURRENTLY IF EXISTS public.mentions_inbox_ix;
CREATE INDEX CONCURRENTLY IF NOT EXISTS mentions_inbox_ix
ON public.mentions (user_id, created_at DESC, id DESC)
WHERE user_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS public.mentions_latest_ix;
DROP INDEX CONCURRENTLY IF EXISTS public.channels_parent_ix;
