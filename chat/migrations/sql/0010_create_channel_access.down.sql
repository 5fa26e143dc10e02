-- Nothing is stored in either.

DROP FUNCTION public.channel_permissions(uuid, uuid);
DROP VIEW public.channel_access;
