-- Every channel of a server that one user sees, in the order of a list.
WITH belonging AS (
    SELECT space_id, timed_out_until
    FROM server_members
    WHERE user_id = %(user)s AND space_id BETWEEN %(first_space)s AND %(last_space)s
),
-- include: places.sql
SELECT
    space_id, channel_id, parent_id, kind, name, position, permissions, last_seq, last_message_at
FROM place
ORDER BY space_id, position, channel_id;
