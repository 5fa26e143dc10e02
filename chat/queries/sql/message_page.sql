-- Messages of one channel or conversation, newest first: at most %(older)s of those up to %(upto)s,
-- and at most %(newer)s of those above it. With the viewer's permissions, so that one statement tells
-- a channel that they cannot see (no row) from one that is empty or that they may not read (a row
-- without a message; READ_MESSAGE_HISTORY is 65536).
WITH access AS MATERIALIZED (
    -- include: access.sql
),
message AS (
    SELECT found.*
    FROM access
    CROSS JOIN LATERAL (
        (
            SELECT *
            FROM public.messages
            WHERE
                space_id = access.space_id
                AND channel_id = access.channel_id
                AND seq <= %(upto)s
            ORDER BY seq DESC
            LIMIT %(older)s
        )
        UNION ALL
        (
            SELECT *
            FROM public.messages
            WHERE
                space_id = access.space_id
                AND channel_id = access.channel_id
                AND seq > %(upto)s
            ORDER BY seq
            LIMIT %(newer)s
        )
    ) AS found
    WHERE access.permissions & 65536 <> 0
)
SELECT
    access.permissions,
    access.first_seq,
    access.last_seq,
    page.*
FROM access
LEFT JOIN (
    -- include: message_columns.sql
) AS page ON TRUE
ORDER BY page.seq DESC;
