ALTER FUNCTION public.channel_permissions(uuid, uuid, uuid) RESET plan_cache_mode;
