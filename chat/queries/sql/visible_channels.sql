-- Every channel that one user can see, of the servers from one to another, in the order of the client's
-- list.
SELECT
    place.space_id AS server_id,
    place.channel_id,
    place.parent_id,
    place.kind,
    place.name,
    place.position,
    place.permissions,
    place.last_seq,
    place.last_message_at
FROM (
    -- include: server_places.sql
) AS place
ORDER BY place.space_id, place.position, place.channel_id;
