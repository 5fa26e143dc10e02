-- Why a direct send wrote nothing: what holds for the author, who is addressed and what it brings.
SELECT
    EXISTS (
        SELECT
        FROM public.users AS addressed
        WHERE
            addressed.id IN (conversation.pair_low_id, conversation.pair_high_id)
            AND addressed.erased_at IS NOT NULL
    ),
    EXISTS (
        SELECT
        FROM public.direct_messages AS answered
        WHERE
            answered.conversation_id = conversation.id
            AND answered.id = %(reply_to)s::uuid
            AND answered.deleted_at IS NULL
    ),
    ARRAY(
        SELECT file.id
        FROM public.message_attachments AS file
        WHERE
            file.space_id = conversation.id
            AND file.id = ANY (%(files)s::uuid[])
            AND file.uploader_id = %(author)s
            AND file.message_id IS NULL
            AND file.direct_message_id IS NULL
    )
FROM public.direct_conversations AS conversation
INNER JOIN public.direct_participants AS own
    ON own.conversation_id = conversation.id AND own.user_id = %(author)s AND own.left_at IS NULL
WHERE conversation.id = %(conversation)s;
