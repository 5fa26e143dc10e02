-- Messages of one space that are looked for, newest first, in channels that the viewer can read.
--
-- No single way is fast for every word, so there are three, each run only if the one before did not
-- fill the page. The newest 500 messages before the cursor, if the words are in two of the newest 50: a
-- common word is in enough of them. Then all messages that the index has for the words, if there are at
-- most 2,000. Else the newest 20,000, and `edge` is the last of them, when they did not fill the page.
--
-- Which channels the viewer can read is worked out when there is a first message with the words: hence
-- CASE, for else the planner would ask that first. Of one channel it is known from the beginning.
--
-- A plan for any space expects the average one to have fewer messages than these, and would sort all
-- of the largest; of a limit that is a SELECT it expects that little is read, along the index.
--
-- There is always one row, without a message if none is found: the first columns are the viewer's.
WITH query AS MATERIALIZED (
    SELECT public.search_query(%(text)s) AS words
),
viewer AS MATERIALIZED (
    SELECT
        EXISTS (
            SELECT
            FROM public.server_members AS member
            INNER JOIN public.servers AS server
                ON server.space_id = %(space)s AND server.deleted_at IS NULL
            WHERE member.space_id = %(space)s AND member.user_id = %(user)s
        ) AS is_member,
        public.channel_permissions(%(user)s, %(space)s, %(channel)s) AS permissions
),
allowed AS MATERIALIZED (
    SELECT
        CASE WHEN %(channel)s::uuid IS NULL THEN is_member ELSE permissions & 65536 <> 0 END
        AS is_allowed
    FROM viewer
),
readable AS MATERIALIZED (
    SELECT seen.channel_id
    FROM (
        -- include: places.sql
    ) AS seen
    WHERE %(channel)s::uuid IS NULL AND seen.permissions & 65536 <> 0
    UNION ALL
    SELECT %(channel)s::uuid
    WHERE %(channel)s::uuid IS NOT NULL
),
sample AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE search @@ (SELECT words FROM query)) > 1 AS is_common
    FROM (
        SELECT search
        FROM public.messages
        WHERE
            space_id = %(space)s
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND (SELECT is_allowed FROM allowed)
        ORDER BY created_at DESC, id DESC
        LIMIT 50
    ) AS message
),
newest AS MATERIALIZED (
    SELECT id, created_at
    FROM (
        SELECT *
        FROM public.messages
        WHERE
            space_id = %(space)s
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND (SELECT is_common FROM sample)
        ORDER BY created_at DESC, id DESC
        LIMIT (SELECT 500)
    ) AS message
    WHERE
        deleted_at IS NULL
        AND CASE
            WHEN search @@ (SELECT words FROM query) THEN
                -- include: search_conditions.sql
        END
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
),
hit AS MATERIALIZED (
    SELECT id, created_at, space_id, channel_id, seq, author_id, content, pinned_at
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND deleted_at IS NULL
        AND search @@ (SELECT words FROM query)
        AND (SELECT is_allowed FROM allowed)
        AND (SELECT count(*) FROM newest) < %(limit)s
    LIMIT 2001
),
way AS MATERIALIZED (SELECT count(*) > 2000 AS is_long FROM hit),
far AS MATERIALIZED (
    SELECT id, created_at
    FROM (
        SELECT *
        FROM public.messages
        WHERE
            space_id = %(space)s
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND (SELECT is_long FROM way)
        ORDER BY created_at DESC, id DESC
        LIMIT (SELECT 20000)
    ) AS message
    WHERE
        deleted_at IS NULL
        AND CASE
            WHEN search @@ (SELECT words FROM query) THEN
                -- include: search_conditions.sql
        END
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
),
found AS MATERIALIZED (
    SELECT id, created_at FROM newest WHERE (SELECT count(*) FROM newest) >= %(limit)s
    UNION ALL
    SELECT id, created_at FROM far
    UNION ALL
    (
        SELECT id, created_at
        FROM hit AS message
        WHERE
            NOT (SELECT is_long FROM way)
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND
            -- include: search_conditions.sql
        ORDER BY created_at DESC, id DESC
        LIMIT %(limit)s
    )
)
SELECT
    viewer.is_member,
    coalesce(viewer.permissions, 0) AS permissions,
    (SELECT words::text FROM query) AS words,
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    found.created_at,
    found.id,
    %(space)s::uuid AS space_id
FROM viewer
LEFT JOIN LATERAL (
    SELECT created_at, id
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND (created_at, id) < (%(before_at)s, %(before_id)s)
        AND created_at >= %(after_at)s
        AND (SELECT is_long FROM way)
        AND (SELECT count(*) FROM far) < %(limit)s
    ORDER BY created_at DESC, id DESC
    LIMIT 1 OFFSET 19999
) AS edge ON TRUE
LEFT JOIN found ON TRUE
ORDER BY found.created_at DESC, found.id DESC;
