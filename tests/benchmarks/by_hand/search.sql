-- The newest messages of a server with a word. Whoever asks does not know whether many have it: so
-- the newest fifty are looked at. If two of them have it, from the newest message on, else by the
-- index of words.
WITH belonging AS (
    SELECT space_id, timed_out_until
    FROM server_members
    WHERE user_id = %(user)s AND space_id = %(space)s
),
-- include: places.sql
,
readable AS MATERIALIZED (SELECT channel_id FROM place WHERE permissions & 65536 <> 0),
-- Each row would make the words of the query anew.
query AS MATERIALIZED (SELECT search_query(%(text)s) AS words),
sample AS MATERIALIZED (
    SELECT count(*) FILTER (WHERE search @@ (SELECT words FROM query)) > 1 AS is_common
    FROM (
        SELECT search
        FROM messages
        WHERE space_id = %(space)s
        ORDER BY created_at DESC, id DESC
        LIMIT 50
    ) AS newest
),
page AS MATERIALIZED (
    (
        SELECT *
        FROM (
            SELECT *
            FROM messages
            WHERE
                space_id = %(space)s
                AND deleted_at IS NULL
                AND (SELECT is_common FROM sample)
            ORDER BY created_at DESC, id DESC
            OFFSET 0
        ) AS newest
        WHERE
            search @@ (SELECT words FROM query)
            -- A semi-join could read the messages in another order.
            AND (channel_id IN (SELECT channel_id FROM readable)) IS TRUE
        LIMIT %(limit)s
    )
    UNION ALL
    (
        SELECT *
        FROM (
            SELECT *
            FROM messages
            WHERE
                space_id = %(space)s
                AND search @@ (SELECT words FROM query)
                AND deleted_at IS NULL
                AND NOT (SELECT is_common FROM sample)
            OFFSET 0
        ) AS found
        WHERE (channel_id IN (SELECT channel_id FROM readable)) IS TRUE
        ORDER BY created_at DESC, id DESC
        LIMIT %(limit)s
    )
),
-- include: messages.sql
SELECT * FROM shown ORDER BY created_at DESC, id DESC;
