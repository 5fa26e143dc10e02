-- A page of one channel: so many up to a number, so many above it, newest first.
WITH
-- include: access.sql
,
page AS MATERIALIZED (
    (
        SELECT *
        FROM messages
        WHERE
            space_id = (SELECT space_id FROM access WHERE permissions & 65536 <> 0)
            AND channel_id = (SELECT channel_id FROM access)
            AND seq <= %(upto)s
        ORDER BY seq DESC
        LIMIT %(older)s
    )
    UNION ALL
    (
        SELECT *
        FROM messages
        WHERE
            space_id = (SELECT space_id FROM access WHERE permissions & 65536 <> 0)
            AND channel_id = (SELECT channel_id FROM access)
            AND seq > %(upto)s
        ORDER BY seq
        LIMIT %(newer)s
    )
),
-- include: messages.sql
SELECT access.permissions, counter.first_seq, counter.last_seq, shown.*
FROM access
INNER JOIN channel_counters AS counter
    ON counter.space_id = access.space_id AND counter.channel_id = access.channel_id
LEFT JOIN shown ON TRUE
ORDER BY shown.seq DESC;
