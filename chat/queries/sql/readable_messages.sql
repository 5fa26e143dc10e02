-- spaces on a cluster: SELECT DISTINCT space_id FROM public.messages WHERE id = ANY (%(ids)s)
-- Those of these messages that one user can read, with their spaces.
WITH message AS MATERIALIZED (
    SELECT space_id, channel_id, id
    FROM public.messages
    WHERE id = ANY (%(ids)s)
    -- on a cluster: AND space_id = %(space)s
),
access AS MATERIALIZED (
    SELECT
        named.space_id,
        named.channel_id,
        public.channel_permissions(%(viewer)s, named.space_id, named.channel_id) AS permissions
    FROM (SELECT DISTINCT space_id, channel_id FROM message) AS named
)
SELECT message.space_id, message.id
FROM message
INNER JOIN access
    ON access.space_id = message.space_id AND access.channel_id = message.channel_id
WHERE access.permissions & 65536 <> 0;
