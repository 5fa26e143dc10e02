-- The newest messages of a server with a word that few have: by the index of words.
WITH belonging AS (
    SELECT space_id, timed_out_until
    FROM server_members
    WHERE user_id = %(user)s AND space_id = %(space)s
),
-- include: places.sql
,
page AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT *
        FROM messages
        WHERE
            space_id = %(space)s
            AND search @@ search_query(%(text)s)
            AND deleted_at IS NULL
        OFFSET 0
    ) AS found
    WHERE channel_id IN (SELECT channel_id FROM place WHERE permissions & 65536 <> 0)
    ORDER BY created_at DESC, id DESC
    LIMIT %(limit)s
),
-- include: messages.sql
SELECT * FROM shown ORDER BY created_at DESC, id DESC;
