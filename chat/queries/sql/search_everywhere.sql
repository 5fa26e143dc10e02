-- Messages that are looked for in all that the viewer can read, newest first.
--
-- Bounded in three ways. Of the places, the 200 with the newest messages before the cursor. Of each,
-- the newest 50, of which a common word is in many; and unless it is in five of these, all messages
-- that the index has for the words, if there are at most 500. The index is not asked for beginnings
-- of words, for it would read those of all servers for each place. `edge` is where the first of these
-- bounds ends, and what is newer is known everywhere; there is none when everything is known.
--
-- There is always one row, without a message if none is found.
WITH query AS MATERIALIZED (
    SELECT words, words::text LIKE '%%:*%%' AS has_beginning
    FROM public.search_query(%(text)s, FALSE) AS words
),
readable AS MATERIALIZED (
    SELECT seen.space_id, seen.channel_id
    FROM (
        -- include: places.sql
    ) AS seen
    WHERE seen.permissions & 65536 <> 0
),
place AS MATERIALIZED (
    SELECT
        own.space_id,
        newest.created_at,
        newest.id,
        row_number() OVER (ORDER BY newest.created_at DESC, newest.id DESC) AS number
    FROM (SELECT DISTINCT space_id FROM readable) AS own
    CROSS JOIN LATERAL (
        SELECT created_at, id
        FROM public.messages
        WHERE
            space_id = own.space_id
            AND (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
        ORDER BY created_at DESC, id DESC
        LIMIT 1
    ) AS newest
    ORDER BY newest.created_at DESC, newest.id DESC
    LIMIT 201
),
recent AS MATERIALIZED (
    SELECT message.*
    FROM place
    CROSS JOIN LATERAL (
        SELECT
            newest.id,
            newest.created_at,
            newest.space_id,
            newest.channel_id,
            newest.seq,
            newest.author_id,
            newest.content,
            newest.pinned_at,
            newest.deleted_at IS NULL AND newest.search @@ (SELECT words FROM query) AS is_hit,
            row_number() OVER (ORDER BY newest.created_at DESC, newest.id DESC) AS number
        FROM (
            SELECT *
            FROM public.messages
            WHERE
                space_id = place.space_id
                AND (created_at, id) < (%(before_at)s, %(before_id)s)
                AND created_at >= %(after_at)s
            ORDER BY created_at DESC, id DESC
            LIMIT 50
        ) AS newest
    ) AS message
    WHERE place.number <= 200
),
window_of AS MATERIALIZED (
    SELECT
        space_id,
        count(*) FILTER (WHERE is_hit) >= 5 AS is_common,
        count(*) = 50 AS is_cut
    FROM recent
    GROUP BY space_id
),
hit AS MATERIALIZED (
    SELECT message.*
    FROM window_of
    CROSS JOIN LATERAL (
        SELECT id, created_at, space_id, channel_id, seq, author_id, content, pinned_at
        FROM public.messages
        WHERE
            space_id = window_of.space_id
            AND deleted_at IS NULL
            AND search @@ (SELECT words FROM query)
        LIMIT 501
    ) AS message
    WHERE
        window_of.is_cut
        AND NOT window_of.is_common
        AND NOT (SELECT has_beginning FROM query)
),
long AS MATERIALIZED (
    SELECT space_id
    FROM window_of
    WHERE is_cut AND (is_common OR (SELECT has_beginning FROM query))
    UNION ALL
    SELECT space_id FROM hit GROUP BY space_id HAVING count(*) > 500
),
edge AS MATERIALIZED (
    SELECT created_at, id
    FROM (
        SELECT created_at, id
        FROM place
        WHERE number = 200 AND EXISTS (SELECT FROM place WHERE number = 201)
        UNION ALL
        SELECT created_at, id
        FROM recent
        WHERE number = 50 AND space_id IN (SELECT space_id FROM long)
    ) AS bound
    ORDER BY created_at DESC, id DESC
    LIMIT 1
),
found AS MATERIALIZED (
    SELECT message.created_at, message.id, message.space_id
    FROM (
        SELECT id, created_at, space_id, channel_id, seq, author_id, content, pinned_at
        FROM recent
        WHERE is_hit
        UNION
        SELECT *
        FROM hit
        WHERE
            (created_at, id) < (%(before_at)s, %(before_id)s)
            AND created_at >= %(after_at)s
    ) AS message
    WHERE
        NOT EXISTS (
            SELECT FROM edge WHERE (message.created_at, message.id) < (edge.created_at, edge.id)
        )
        AND
        -- include: search_conditions.sql
    ORDER BY message.created_at DESC, message.id DESC
    LIMIT %(limit)s
),
message AS (
    SELECT wanted.*
    FROM found
    CROSS JOIN LATERAL (
        SELECT *
        FROM public.messages
        WHERE space_id = found.space_id AND id = found.id
        OFFSET 0
    ) AS wanted
)
SELECT
    (SELECT words::text FROM query) AS words,
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    page.created_at AS found_at,
    page.id AS found_id,
    page.*
FROM (SELECT) AS always
LEFT JOIN edge ON (SELECT count(*) FROM found) < %(limit)s
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE
ORDER BY page.created_at DESC, page.id DESC;
