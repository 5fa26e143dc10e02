-- Every channel that one user can see, of the servers from one to another, in the order of the client's
-- list.
WITH
-- include: server_places.sql
SELECT
    space_id AS server_id,
    channel_id,
    parent_id,
    kind,
    name,
    position,
    permissions,
    last_seq,
    last_message_at
FROM server_place
ORDER BY space_id, position, channel_id;
