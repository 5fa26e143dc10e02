-- Every channel that one user can see, of the servers from one to another, in the order of the client's
-- list.
-- spaces on a cluster: at once
SELECT
    member.space_id AS server_id,
    place.channel_id,
    place.parent_id,
    place.kind,
    place.name,
    place.position,
    place.permissions,
    place.last_seq,
    place.last_message_at
FROM (
    -- include: own_servers.sql
) AS member
CROSS JOIN LATERAL (
    -- include: server_places.sql
) AS place
ORDER BY member.space_id, place.position, place.channel_id;
