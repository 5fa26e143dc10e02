-- Every channel that one user can see, in the order of the client's list. OFFSET 0 keeps the planner
-- from joining the names into the view, where it takes two looks at one channel for a coincidence
-- and works out what a member has once for each channel; and from reading the channels of everybody.
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
    WHERE user_id = %(user)s
    OFFSET 0
) AS access
CROSS JOIN LATERAL (
    SELECT parent_id, kind, name, position
    FROM public.channels
    WHERE server_id = access.server_id AND id = access.channel_id
    OFFSET 0
) AS channel
ORDER BY access.server_id, channel.position, access.channel_id;
