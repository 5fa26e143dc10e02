-- What one user may do in one channel or conversation: 0 for nothing.
SELECT public.channel_permissions(%(user)s, channel.space_id, channel.id)
FROM public.channels AS channel
WHERE channel.id = %(channel)s;
