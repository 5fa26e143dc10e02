-- How much one user has not read, for every conversation that they take part in. OFFSET 0 keeps the
-- planner from reading all conversations of everybody.
SELECT
    conversation.id,
    conversation.last_seq,
    participant.last_read_seq,
    CASE WHEN conversation.last_seq > participant.last_read_seq THEN
        conversation.last_seq - participant.last_read_seq - (
            SELECT count(*)
            FROM public.direct_messages AS deleted
            WHERE
                deleted.conversation_id = conversation.id
                AND deleted.seq > participant.last_read_seq
                AND deleted.deleted_at IS NOT NULL
        )
    ELSE 0 END AS unread,
    participant.muted_until
FROM public.direct_participants AS participant
CROSS JOIN LATERAL (
    SELECT id, last_seq
    FROM public.direct_conversations
    WHERE id = participant.conversation_id
    OFFSET 0
) AS conversation
WHERE participant.user_id = %(user)s AND participant.left_at IS NULL
ORDER BY conversation.id;
