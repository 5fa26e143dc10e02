-- Every channel that one user can see, in the order of the client's list.
SELECT
    access.server_id,
    access.channel_id,
    channel.parent_id,
    channel.kind,
    channel.name,
    channel.position,
    access.permissions,
    access.last_seq,
    access.last_message_at
FROM public.channel_access AS access
INNER JOIN public.channels AS channel
    ON channel.server_id = access.server_id AND channel.id = access.channel_id
WHERE access.user_id = %(user)s
ORDER BY access.server_id, channel.position, access.channel_id;
