-- Along messages_seq_uq: how many of the next messages there are in each place, and which are old.
-- spaces on a cluster: SELECT DISTINCT unnest(%(spaces)s::uuid[])
SELECT
    place.space_id,
    place.channel_id,
    place.after,
    next.upto,
    next.messages,
    next.last,
    next.seen
FROM
    unnest(%(spaces)s::uuid[], %(channels)s::uuid[], %(after)s::bigint[])
        AS place (space_id, channel_id, after)
    CROSS JOIN LATERAL (
        SELECT
            max(message.seq) FILTER (WHERE message.is_old) AS upto,
            count(*) FILTER (WHERE message.is_old) AS messages,
            max(message.seq) AS last,
            count(*) AS seen
        FROM (
            SELECT
                seq, %(before)s::timestamptz IS NULL OR created_at < %(before)s AS is_old
            FROM public.messages
            WHERE
                space_id = place.space_id
                AND channel_id = place.channel_id
                AND seq > place.after
            ORDER BY seq
            LIMIT %(limit)s
        ) AS message
    ) AS next
WHERE next.messages > 0
ORDER BY place.channel_id;
