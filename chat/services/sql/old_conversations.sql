-- Conversations whose first message, where the counter says, is older than a moment: as far as numbers
-- follow time, no other is older. In the order of their ids, after the last of the page before.
SELECT
    'conversation',
    conversation.space_id,
    NULL::integer,
    conversation.legal_hold_at IS NOT NULL,
    conversation.deleted_at IS NOT NULL
FROM public.channel_counters AS counter
INNER JOIN public.channels AS conversation
    ON
        conversation.space_id = counter.space_id
        AND conversation.id = counter.channel_id
        AND conversation.server_id IS NULL
INNER JOIN public.messages AS first
    ON
        first.space_id = counter.space_id
        AND first.channel_id = counter.channel_id
        AND first.seq = counter.first_seq
        AND first.created_at < %(before)s
WHERE
    (%(only)s::uuid IS NULL OR counter.space_id = %(only)s)
    AND counter.space_id > %(after)s
ORDER BY counter.space_id
LIMIT %(limit)s;
