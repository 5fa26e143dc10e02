-- The newest messages of a server with a word that many have: from the newest message on.
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
        WHERE space_id = %(space)s AND deleted_at IS NULL
        ORDER BY created_at DESC, id DESC
        OFFSET 0
    ) AS newest
    WHERE
        search @@ search_query(%(text)s)
        -- A semi-join could read the messages in another order.
        AND (
            channel_id IN (SELECT channel_id FROM place WHERE permissions & 65536 <> 0)
        ) IS TRUE
    LIMIT %(limit)s
),
-- include: messages.sql
SELECT * FROM shown ORDER BY created_at DESC, id DESC;
