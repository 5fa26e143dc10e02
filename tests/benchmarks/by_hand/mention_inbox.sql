-- The messages that name one user, latest mention first, from where they can read now. Permissions
-- are asked mention by mention, until the page is full.
WITH page AS MATERIALIZED (
    SELECT message.*, named.id AS mention_id, named.created_at AS named_at
    FROM (
        SELECT id, created_at, space_id, channel_id, seq
        FROM mentions
        WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
        ORDER BY created_at DESC, id DESC
        LIMIT 500
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
    CROSS JOIN LATERAL (
        SELECT channel_permissions(%(user)s, named.space_id, named.channel_id) AS permissions
        OFFSET 0
    ) AS access
    WHERE access.permissions & 65536 <> 0
    LIMIT %(limit)s
),
-- include: messages.sql
SELECT shown.*
FROM shown
INNER JOIN page USING (id)
ORDER BY page.named_at DESC, page.mention_id DESC;
