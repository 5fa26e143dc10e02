-- Drops what the way up creates; nothing is stored in it.

DROP FUNCTION public.require_permissions(uuid, uuid, uuid, bigint);
DROP FUNCTION public.slow_mode_wait(uuid, uuid, uuid);
DROP FUNCTION public.channel_permissions(uuid, uuid, uuid);
ALTER TABLE public.channel_counters ALTER COLUMN space_id RESET (n_distinct);
ALTER TABLE public.channels ALTER COLUMN space_id RESET (n_distinct);
DROP VIEW public.channel_access;
