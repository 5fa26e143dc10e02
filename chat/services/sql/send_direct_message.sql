-- Sends a direct message with its reply and its files: one row, or none when something is against
-- it. A pair of which the other was erased takes no message.
--
-- The author's row is held: the key to the author leads to the participant, and would not wait for
-- an erasure that is under way, so that the message outlived it.
WITH author AS MATERIALIZED (
    SELECT account.id
    FROM public.users AS account
    WHERE account.id = %(author)s AND account.erased_at IS NULL
    FOR KEY SHARE
),

files AS MATERIALIZED (
    SELECT file.id
    FROM public.message_attachments AS file
    WHERE
        file.space_id = %(conversation)s
        AND file.id = ANY (%(files)s::uuid[])
        AND file.uploader_id = %(author)s
        AND file.message_id IS NULL
        AND file.direct_message_id IS NULL
    ORDER BY file.id
    FOR UPDATE
),

place AS MATERIALIZED (
    SELECT own.conversation_id, answered.seq AS reply_to_seq
    FROM author
    INNER JOIN public.direct_participants AS own
        ON own.user_id = author.id
    INNER JOIN public.direct_conversations AS conversation
        ON conversation.id = own.conversation_id
    LEFT JOIN public.direct_messages AS answered
        ON
            answered.conversation_id = own.conversation_id
            AND answered.id = %(reply_to)s::uuid
            AND answered.deleted_at IS NULL
    WHERE
        own.conversation_id = %(conversation)s
        AND own.left_at IS NULL
        AND NOT EXISTS (
            SELECT
            FROM public.users AS addressed
            WHERE
                addressed.id IN (conversation.pair_low_id, conversation.pair_high_id)
                AND addressed.erased_at IS NOT NULL
        )
        AND (%(reply_to)s::uuid IS NULL OR answered.seq IS NOT NULL)
        AND (SELECT count(*) FROM files) = cardinality(%(files)s::uuid[])
),

sent AS (
    INSERT INTO public.direct_messages (id, conversation_id, author_id, content, reply_to_seq)
    SELECT %(id)s, place.conversation_id, %(author)s, %(content)s, place.reply_to_seq
    FROM place
    ON CONFLICT (id) DO NOTHING
    RETURNING id, conversation_id, seq, reply_to_seq, created_at
),

attached AS (
    UPDATE public.message_attachments AS file
    SET direct_message_id = sent.id, position = chosen.place - 1
    FROM sent
    CROSS JOIN unnest(%(files)s::uuid[]) WITH ORDINALITY AS chosen (id, place)
    WHERE file.space_id = sent.conversation_id AND file.id = chosen.id
)

SELECT seq, reply_to_seq, created_at
FROM sent;
