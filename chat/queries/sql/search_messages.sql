-- Messages of one space that are looked for, newest first, in channels that the viewer can read.
--
-- No single way is fast for every word. If the words are in two of the newest 50 messages before the
-- cursor, they are common, and the newest 500 are read one by one until the page is full. Then come,
-- beyond that edge or from the cursor on, all messages that the index has for the words, if there
-- are at most 2,000. If there are more, `is_long` says so: then this is asked again with %(is_far)s,
-- which reads the newest 20,000 instead, and `edge` is the last of them, when the page is not full.
--
-- The parts of UNION ALL run one after the other, and the second only when the first has ended: so
-- what comes out is newest first, and nothing is looked up in the index for a page that is full.
-- Which channels the viewer can read is worked out for the first message with the words, since
-- OFFSET keeps the planner from asking that before it looks for the words.
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
    SELECT
        count(*) FILTER (WHERE search @@ (SELECT words FROM query)) > 1 OR %(is_far)s AS is_common
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
edge AS MATERIALIZED (
    (
        SELECT created_at, id
        FROM public.messages
        WHERE
            space_id = %(space)s
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
            AND (SELECT is_common FROM sample)
        ORDER BY created_at DESC, id DESC
        LIMIT 1 OFFSET (SELECT CASE WHEN %(is_far)s THEN 19999 ELSE 499 END)
    )
    UNION ALL
    SELECT %(before_at)s, %(before_id)s FROM sample WHERE NOT is_common
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
    LIMIT 2001
),
message AS MATERIALIZED (
    SELECT *
    FROM (
        (
            SELECT
                id, space_id, channel_id, seq, kind, content, version, created_at, edited_at,
                pinned_at, deleted_at, author_id, reply_to_seq
            FROM (
                SELECT *
                FROM public.messages
                WHERE
                    space_id = %(space)s
                    AND (created_at, id) < (%(before_at)s, %(before_id)s)
                    AND created_at >= %(after_at)s
                    AND (SELECT is_common FROM sample)
                ORDER BY created_at DESC, id DESC
                LIMIT (SELECT CASE WHEN %(is_far)s THEN 20000 ELSE 500 END)
            ) AS newest
            WHERE deleted_at IS NULL AND search @@ (SELECT words FROM query)
            OFFSET 0
        )
        UNION ALL
        (
            SELECT *
            FROM hit
            WHERE
                (created_at, id) < ((SELECT created_at FROM edge), (SELECT id FROM edge))
                AND created_at >= %(after_at)s
                AND (SELECT count(*) <= 2000 FROM hit)
            ORDER BY created_at DESC, id DESC
        )
    ) AS message
    WHERE
        -- include: search_conditions.sql
    LIMIT (SELECT %(limit)s)
)
SELECT
    viewer.is_member,
    viewer.permissions,
    CASE WHEN is_short THEN (SELECT count(*) > 2000 FROM hit) END AS is_long,
    (SELECT words::text FROM query) AS words,
    CASE WHEN is_short AND %(is_far)s THEN (SELECT created_at FROM edge) END AS edge_at,
    CASE WHEN is_short AND %(is_far)s THEN (SELECT id FROM edge) END AS edge_id,
    page.created_at AS found_at,
    page.id AS found_id,
    page.*
FROM viewer
CROSS JOIN (SELECT count(*) < %(limit)s AS is_short FROM message) AS filled
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE
ORDER BY page.created_at DESC, page.id DESC;
