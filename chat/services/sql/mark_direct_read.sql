-- Moves a participant's mark forward, as mark_read.sql does a member's.
WITH place AS MATERIALIZED (
    SELECT
        conversation.id,
        conversation.last_seq,
        coalesce(%(seq)s::bigint, conversation.last_seq) AS wanted
    FROM public.direct_participants AS own
    INNER JOIN public.direct_conversations AS conversation
        ON conversation.id = own.conversation_id
    WHERE
        own.conversation_id = %(conversation)s
        AND own.user_id = %(user)s
        AND own.left_at IS NULL
),

marked AS (
    UPDATE public.direct_participants AS mark
    SET last_read_seq = greatest(mark.last_read_seq, place.wanted)
    FROM place
    WHERE
        mark.conversation_id = place.id
        AND mark.user_id = %(user)s
        AND place.wanted <= place.last_seq
    RETURNING mark.last_read_seq
)

SELECT marked.last_read_seq, place.last_seq
FROM place
LEFT JOIN marked ON true;
