-- Every channel of one server that one user can see, in the columns of visible_channels.sql.
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
FROM (
    SELECT server_id, channel_id, permissions, last_seq, last_message_at
    FROM public.channel_access
    WHERE user_id = %(user)s AND server_id = %(server)s
    OFFSET 0
) AS access
INNER JOIN public.channels AS channel
    ON channel.server_id = access.server_id AND channel.id = access.channel_id
ORDER BY channel.position, access.channel_id;
