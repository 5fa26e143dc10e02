-- Messages of one space that are looked for, newest first, in channels that the viewer can read.
--
-- No single way is fast for every word. First, the newest 500 messages before the cursor, if the
-- words are in two of the newest 50: a common word is in enough of them. If these do not fill the
-- page, all messages that the index has for the words, if there are at most 2,000. If there are
-- more, there is no message, and `is_long`: then this is asked again with %(is_far)s, which reads the
-- newest 20,000, and `edge` is the last of them, when they did not fill the page.
--
-- Which channels the viewer can read is worked out when there is a first message with the words:
-- hence CASE, for else the planner would ask that first.
--
-- A plan for any space expects the average one to have fewer than 500 messages, and would sort all of
-- the largest; of a limit that it does not know, and of a CASE, it expects that little is read.
--
-- The limit and the filters are values that a SELECT gives. A plan for these values would be cheaper
-- if it knew them, so that PostgreSQL would make one at each call: 2 ms with 20 million messages.
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
        CASE
            WHEN %(channel)s::uuid IS NOT NULL
                THEN public.channel_permissions(%(user)s, %(space)s, %(channel)s)
            ELSE 0
        END AS permissions
),
readable AS MATERIALIZED (
    SELECT place.channel_id
    FROM (
        -- include: own_servers.sql
    ) AS member
    CROSS JOIN LATERAL (
        -- include: server_places.sql
    ) AS place
    WHERE %(channel)s::uuid IS NULL AND place.permissions & 65536 <> 0
    UNION ALL
    SELECT %(channel)s::uuid FROM viewer WHERE permissions & 65536 <> 0
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
        ORDER BY created_at DESC, id DESC
        LIMIT 50
    ) AS message
),
newest AS MATERIALIZED (
    SELECT
        id, space_id, channel_id, seq, kind, content, version, created_at, edited_at, pinned_at,
        deleted_at, author_id, reply_to_seq
    FROM (
        SELECT *
        FROM public.messages
        WHERE
            space_id = %(space)s
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND CASE WHEN %(is_far)s THEN TRUE ELSE (SELECT is_common FROM sample) END
        ORDER BY created_at DESC, id DESC
        LIMIT CASE WHEN %(is_far)s THEN 20000 ELSE 500 END
    ) AS message
    WHERE
        deleted_at IS NULL
        AND CASE
            WHEN search @@ (SELECT words FROM query) THEN
                -- include: search_conditions.sql
        END
    ORDER BY created_at DESC, id DESC
    LIMIT (SELECT %(limit)s)
),
hit AS MATERIALIZED (
    SELECT
        id, space_id, channel_id, seq, kind, content, version, created_at, edited_at, pinned_at,
        deleted_at, author_id, reply_to_seq
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND deleted_at IS NULL
        AND search @@ (SELECT words FROM query)
        AND NOT %(is_far)s
        AND (SELECT count(*) FROM newest) < %(limit)s
    LIMIT 2001
),
looked_up AS MATERIALIZED (SELECT count(*) AS hits FROM hit),
message AS MATERIALIZED (
    SELECT * FROM newest WHERE (SELECT hits = 0 FROM looked_up)
    UNION ALL
    (
        SELECT *
        FROM hit AS message
        WHERE
            (SELECT hits <= 2000 FROM looked_up)
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND
            -- include: search_conditions.sql
        ORDER BY created_at DESC, id DESC
        LIMIT (SELECT %(limit)s)
    )
)
SELECT
    viewer.is_member,
    viewer.permissions,
    looked_up.hits > 2000 AS is_long,
    (SELECT words::text FROM query) AS words,
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    page.created_at AS found_at,
    page.id AS found_id,
    page.*
FROM viewer
CROSS JOIN looked_up
LEFT JOIN LATERAL (
    SELECT created_at, id
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND (created_at, id) < (%(before_at)s, %(before_id)s)
        AND created_at >= %(after_at)s
        AND %(is_far)s
        AND (SELECT count(*) FROM newest) < %(limit)s
    ORDER BY created_at DESC, id DESC
    LIMIT 1 OFFSET 19999
) AS edge ON TRUE
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE
ORDER BY page.created_at DESC, page.id DESC;
