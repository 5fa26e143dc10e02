-- Every channel that one user can see, of one server or of all, in the order of the client's list.
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
    -- include: places.sql
) AS place
WHERE place.space_id <> place.channel_id
ORDER BY place.space_id, place.position, place.channel_id;
