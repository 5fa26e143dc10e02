-- The messages that name one user, latest mention first, from where they can read now. Permissions
-- are asked once for each channel.
WITH named AS MATERIALIZED (
    SELECT id, created_at, space_id, channel_id, seq
    FROM mentions
    WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
    ORDER BY created_at DESC, id DESC
    LIMIT 500
),
readable AS MATERIALIZED (
    SELECT channel_id
    FROM (SELECT DISTINCT space_id, channel_id FROM named OFFSET 0) AS place
    WHERE channel_permissions(%(user)s, space_id, channel_id) & 65536 <> 0
),
page AS MATERIALIZED (
    SELECT message.*, named.id AS mention_id, named.created_at AS named_at
    FROM (
        SELECT *
        FROM named
        -- A semi-join would ask for each mention.
        WHERE (channel_id IN (SELECT channel_id FROM readable)) IS TRUE
        ORDER BY created_at DESC, id DESC
        OFFSET 0
    ) AS named
    CROSS JOIN LATERAL (
        SELECT *
        FROM messages
        WHERE
            space_id = named.space_id
            AND channel_id = named.channel_id
            AND seq = named.seq
            AND deleted_at IS NULL
        OFFSET 0
    ) AS message
    LIMIT %(limit)s
),
-- include: messages.sql
SELECT shown.*
FROM shown
INNER JOIN page USING (id)
ORDER BY page.named_at DESC, page.mention_id DESC;
