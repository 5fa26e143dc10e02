-- Every channel of one server that one user can see, as visible_channels.sql has them.
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
CROSS JOIN LATERAL (
    SELECT parent_id, kind, name, position
    FROM public.channels
    WHERE server_id = access.server_id AND id = access.channel_id
    OFFSET 0
) AS channel
ORDER BY channel.position, access.channel_id;
