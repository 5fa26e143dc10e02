-- Messages of one space that are looked for, newest first, in channels that the viewer can read.
--
-- No single way is fast for every word. If the words are in two of the newest 50 messages before the
-- cursor, they are common, and the newest 500 are read one by one until the page is full, else none
-- (`depth`). Then come, from the first message on that is not read so (`edge`), all that the index has
-- for the words, if there are at most 2,000. If there are more, `is_long` says so: then this is asked
-- again with %(is_far)s, which reads the newest 20,000 instead, and `edge` is the last of them, when
-- the page is not full.
--
-- The parts of UNION ALL run one after the other, and the second only when the first has ended: so
-- what comes out is newest first, and nothing is looked up in the index for a page that is full.
-- Which channels the viewer can read is worked out for the first message with the words, since
-- OFFSET keeps the planner from asking that before it looks for the words.
--
-- A plan for any space expects the average one to have fewer than 500 messages, and would sort all of
-- the largest; of a limit that it does not know it expects that little is read.
--
-- What costs much to look up is asked for by values that a SELECT gives. A plan for these values would
-- be cheaper if it knew them, so that PostgreSQL would make one at each call: 2 ms with 20 million
-- messages.
--
-- There is always one row, without a message if none is found: the first columns are the viewer's. The
-- caller sorts the rows. Before a word is found it takes 0.1 ms to set all this up, so that each node
-- of the plan counts.
WITH asked AS MATERIALIZED (
    SELECT
        public.search_query(%(text)s) AS words,
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
    SELECT %(channel)s::uuid FROM asked WHERE permissions & 65536 <> 0
),
sample AS MATERIALIZED (
    SELECT
        CASE
            WHEN %(is_far)s THEN 20000
            WHEN EXISTS (
                SELECT
                FROM (
                    SELECT search
                    FROM public.messages
                    WHERE
                        space_id = %(space)s
                        AND (created_at, id) < (%(before_at)s, %(before_id)s)
                        AND created_at >= %(after_at)s
                    ORDER BY created_at DESC, id DESC
                    LIMIT 50
                ) AS newest
                WHERE search @@ (SELECT words FROM asked)
                OFFSET 1
            ) THEN 500
            ELSE 0
        END AS depth
),
edge AS MATERIALIZED (
    SELECT created_at, id
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND (created_at, id) < (%(before_at)s, %(before_id)s)
        AND created_at >= %(after_at)s
    ORDER BY created_at DESC, id DESC
    LIMIT 1 OFFSET (SELECT CASE WHEN %(is_far)s THEN depth - 1 ELSE depth END FROM sample)
),
hit AS MATERIALIZED (
    SELECT
        id, space_id, channel_id, seq, kind, content, version, created_at, edited_at, pinned_at,
        deleted_at, author_id, reply_to_seq
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND deleted_at IS NULL
        AND search @@ (SELECT words FROM asked)
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
                ORDER BY created_at DESC, id DESC
                LIMIT (SELECT depth FROM sample)
            ) AS newest
            WHERE deleted_at IS NULL AND search @@ (SELECT words FROM asked)
        )
        UNION ALL
        (
            SELECT *
            FROM hit
            WHERE
                (created_at, id) <= (SELECT created_at, id FROM edge)
                AND created_at >= %(after_at)s
                AND NOT EXISTS (SELECT FROM hit OFFSET 2000)
            ORDER BY created_at DESC, id DESC
        )
        OFFSET 0
    ) AS message
    WHERE
        -- include: search_conditions.sql
    LIMIT %(limit)s
)
SELECT
    asked.is_member,
    asked.permissions,
    CASE WHEN filled.is_full IS NULL THEN EXISTS (SELECT FROM hit OFFSET 2000) END AS is_long,
    asked.words::text,
    CASE WHEN filled.is_full IS NULL AND %(is_far)s THEN (SELECT created_at FROM edge) END AS edge_at,
    CASE WHEN filled.is_full IS NULL AND %(is_far)s THEN (SELECT id FROM edge) END AS edge_id,
    page.created_at AS found_at,
    page.id AS found_id,
    page.*
FROM asked
LEFT JOIN (SELECT TRUE AS is_full FROM message OFFSET %(limit)s - 1) AS filled ON TRUE
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE;
