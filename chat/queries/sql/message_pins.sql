-- The pinned messages of one channel or conversation, last pinned first, as message_page.sql has them.
WITH access AS MATERIALIZED (
    -- include: access.sql
),
message AS (
    SELECT found.*
    FROM access
    CROSS JOIN LATERAL (
        SELECT *
        FROM public.messages
        WHERE
            space_id = access.space_id
            AND channel_id = access.channel_id
            AND pinned_at IS NOT NULL
            AND deleted_at IS NULL
            AND (pinned_at, id) < (%(before_at)s, %(before_id)s)
        ORDER BY pinned_at DESC, id DESC
        LIMIT %(limit)s
    ) AS found
    WHERE access.permissions & 65536 <> 0
)
SELECT
    access.permissions,
    page.*
FROM access
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE
ORDER BY page.pinned_at DESC, page.id DESC;
