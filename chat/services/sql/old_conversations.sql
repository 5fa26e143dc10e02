-- Conversations whose first message, where the counter says, is older than a moment: as far as numbers
-- follow time, no other is older. In the order of their ids, after the last of the page before.
SELECT
    'conversation',
    conversation.space_id,
    NULL::integer,
    conversation.legal_hold_at IS NOT NULL,
    conversation.deleted_at IS NOT NULL
FROM public.channels AS conversation
WHERE
    conversation.server_id IS NULL
    AND (%(only)s::uuid IS NULL OR conversation.space_id = %(only)s)
    AND conversation.space_id > %(after)s
    -- Not a join, for which the planner would expect a few rows, since both columns of the key are the
    -- same, and go through all old messages for each conversation.
    AND (
        SELECT first.created_at < %(before)s
        FROM public.channel_counters AS counter
        INNER JOIN public.messages AS first
            ON
                first.space_id = counter.space_id
                AND first.channel_id = counter.channel_id
                AND first.seq = counter.first_seq
        WHERE
            counter.space_id = conversation.space_id
            AND counter.channel_id = conversation.space_id
    )
ORDER BY conversation.space_id
LIMIT %(limit)s;
