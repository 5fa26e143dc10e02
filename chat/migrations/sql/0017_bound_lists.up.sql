-- The archived threads of a channel, last archived first; and the threads that the key asks for when a
-- channel is purged. Each index is dropped before, because a run that was cut off leaves one that is not
-- valid.
DROP INDEX CONCURRENTLY IF EXISTS public.channels_parent_ix;
CREATE INDEX CONCURRENTLY IF NOT EXISTS channels_parent_ix
ON public.channels (space_id, parent_id, archived_at DESC, id DESC)
WHERE parent_id IS NOT NULL;

-- The latest mentions of a user. With all that is read of them in it, a page of the inbox is 500 entries
-- of the index in their order; else the planner reads and sorts all mentions there are.
DROP INDEX CONCURRENTLY IF EXISTS public.mentions_latest_ix;
CREATE INDEX CONCURRENTLY IF NOT EXISTS mentions_latest_ix
ON public.mentions (user_id, created_at DESC, id DESC)
INCLUDE (space_id, channel_id, seq)
WHERE user_id IS NOT NULL;
DROP INDEX CONCURRENTLY IF EXISTS public.mentions_inbox_ix;
