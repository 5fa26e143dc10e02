-- A conversation that one user takes part in, the row of `member` (members.sql), in the columns of
-- server_places.sql. Other statements include it as LATERAL.
SELECT
    counter.channel_id,
    2251799813803072,
    NULL::text,
    NULL::uuid,
    NULL::text,
    NULL::integer,
    counter.ranges_upto,
    counter.first_seq,
    counter.last_seq,
    counter.last_message_at
FROM public.channel_counters AS counter
WHERE
    counter.space_id = member.space_id
    AND counter.channel_id = member.space_id
    AND member.base IS NULL
    -- A deleted conversation is closed.
    AND CASE
        WHEN counter.closed THEN EXISTS (
            SELECT
            FROM public.channels AS conversation
            WHERE
                conversation.space_id = member.space_id
                AND conversation.id = member.space_id
                AND conversation.deleted_at IS NULL
        )
        ELSE TRUE
    END
