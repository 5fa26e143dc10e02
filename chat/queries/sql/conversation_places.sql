-- Every conversation that one user takes part in, from one to another, in the columns of
-- `server_place`. Other statements include it.
SELECT
    own.space_id,
    own.space_id,
    2251799813803072,
    NULL,
    NULL,
    NULL,
    NULL,
    counter.ranges_upto,
    counter.first_seq,
    counter.last_seq,
    counter.last_message_at
FROM public.participants AS own
CROSS JOIN LATERAL (
    SELECT closed, first_seq, last_seq, ranges_upto, last_message_at
    FROM public.channel_counters
    WHERE space_id = own.space_id AND channel_id = own.space_id
    OFFSET 0
) AS counter
WHERE
    own.user_id = %(user)s
    AND own.left_at IS NULL
    AND own.space_id BETWEEN %(first_space)s AND %(last_space)s
    -- A deleted conversation is closed.
    AND CASE
        WHEN counter.closed THEN EXISTS (
            SELECT
            FROM public.channels AS conversation
            WHERE
                conversation.space_id = own.space_id
                AND conversation.id = own.space_id
                AND conversation.deleted_at IS NULL
        )
        ELSE TRUE
    END;
