-- Every place that one user can see, or those of one space: channels of their servers and their
-- conversations, with what they may do there. Other statements include it.
-- include: server_places.sql
UNION ALL
SELECT
    own.space_id,
    conversation.id,
    2251799813803072,
    NULL,
    conversation.kind,
    NULL,
    conversation.name,
    conversation.position,
    conversation.ranges_upto,
    conversation.first_seq,
    conversation.last_seq,
    conversation.last_message_at
FROM public.participants AS own
CROSS JOIN LATERAL (
    SELECT
        channel.id,
        channel.kind,
        channel.name,
        channel.position,
        counter.first_seq,
        counter.last_seq,
        counter.ranges_upto,
        counter.last_message_at
    FROM public.channels AS channel
    INNER JOIN public.channel_counters AS counter
        ON counter.space_id = own.space_id AND counter.channel_id = own.space_id
    WHERE
        channel.space_id = own.space_id
        AND channel.id = own.space_id
        AND channel.deleted_at IS NULL
    OFFSET 0
) AS conversation
WHERE
    own.user_id = %(user)s
    AND own.left_at IS NULL
    AND own.space_id BETWEEN coalesce(%(space)s::uuid, '00000000-0000-0000-0000-000000000000')
    AND coalesce(%(space)s::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
