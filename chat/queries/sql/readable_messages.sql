-- Which of these messages one user can read, and the space of each.
WITH message AS MATERIALIZED (
    SELECT space_id, channel_id, id
    FROM public.messages
    WHERE id = ANY (%(ids)s)
),
place AS MATERIALIZED (
    SELECT
        named.space_id,
        named.channel_id,
        public.channel_permissions(%(viewer)s, named.space_id, named.channel_id) AS permissions
    FROM (SELECT DISTINCT space_id, channel_id FROM message) AS named
)
SELECT message.space_id, message.id
FROM message
INNER JOIN place
    ON place.space_id = message.space_id AND place.channel_id = message.channel_id
WHERE place.permissions & 65536 <> 0;
