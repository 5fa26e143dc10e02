-- Drops what the way up creates; nothing is stored in it.

DROP FUNCTION public.require_permissions(uuid, uuid, uuid, bigint);
DROP FUNCTION public.slow_mode_wait(uuid, uuid, uuid);
DROP FUNCTION public.channel_permissions(uuid, uuid, uuid);
DROP VIEW public.channel_access;
