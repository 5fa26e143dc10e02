-- The messages that mention one user, newest first; only those that they can read and that are not
-- deleted. Thousands of mentions may be in channels that they cannot read any more: so no more than
-- 500 are read, and `edge` is the last of them, when they did not fill the page. There is always one
-- row, without a message if none is found.
--
-- On a cluster the newest 500 of all spaces are found first, then the spaces that have one of them are
-- asked, one by one, and what is older than `edge` is not known of the others.
-- spaces on a cluster: WITH newest AS MATERIALIZED (
-- spaces on a cluster: SELECT created_at, id, space_id FROM public.mentions
-- spaces on a cluster: WHERE user_id = %(user)s
-- spaces on a cluster: AND (created_at, id) < (%(before_at)s, %(before_id)s)
-- spaces on a cluster: ORDER BY created_at DESC, id DESC LIMIT 500
-- spaces on a cluster: )
-- spaces on a cluster: SELECT DISTINCT newest.space_id, edge.created_at AS edge_at, edge.id AS edge_id
-- spaces on a cluster: FROM newest LEFT JOIN (
-- spaces on a cluster: SELECT created_at, id FROM newest
-- spaces on a cluster: ORDER BY created_at DESC, id DESC LIMIT 1 OFFSET 499
-- spaces on a cluster: ) AS edge ON TRUE
WITH mention AS MATERIALIZED (
    SELECT id, created_at, space_id, channel_id, seq
    FROM public.mentions
    WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
    ORDER BY created_at DESC, id DESC
    LIMIT 500
),
readable AS MATERIALIZED (
    SELECT access.channel_id
    FROM (
        SELECT
            named.channel_id,
            public.channel_permissions(%(user)s, named.space_id, named.channel_id) AS permissions
        FROM (SELECT DISTINCT space_id, channel_id FROM mention) AS named
        OFFSET 0
    ) AS access
    WHERE access.permissions & 65536 <> 0
),
message AS MATERIALIZED (
    SELECT wanted.created_at AS mentioned_at, wanted.id AS mention_id, posted.*
    FROM (
        SELECT *
        FROM mention
        WHERE (channel_id IN (SELECT channel_id FROM readable)) IS TRUE
        ORDER BY created_at DESC, id DESC
        OFFSET 0
    ) AS wanted
    CROSS JOIN LATERAL (
        SELECT *
        FROM public.messages
        WHERE
            space_id = wanted.space_id
            AND channel_id = wanted.channel_id
            AND seq = wanted.seq
            AND deleted_at IS NULL
        OFFSET 0
    ) AS posted
    ORDER BY wanted.created_at DESC, wanted.id DESC
    LIMIT %(limit)s
)
SELECT
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    message.mentioned_at,
    message.mention_id,
    page.*
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    (
        SELECT created_at, id
        FROM mention
        WHERE
            (SELECT count(*) FROM message) < %(limit)s
            -- on a cluster: AND FALSE
        ORDER BY created_at DESC, id DESC
        LIMIT 1 OFFSET 499
    )
    -- on a cluster: UNION ALL SELECT %(edge_at)s::timestamptz, %(edge_id)s::uuid
) AS edge ON TRUE
-- FULL JOIN, because it cannot be a nested loop, which would make all rows of the page for each.
LEFT JOIN (
    message
    FULL JOIN (
        -- include: message_columns.sql
    ) AS page ON page.id = message.id
) ON TRUE
ORDER BY message.mentioned_at DESC, message.mention_id DESC;
