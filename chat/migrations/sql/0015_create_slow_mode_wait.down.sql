-- Drops what the way up creates.

DROP FUNCTION public.slow_mode_wait(uuid, uuid, uuid);
