-- The message with an id as it was sent, before any edit.
SELECT
    message.space_id,
    message.channel_id,
    message.author_id,
    coalesce(
        (
            SELECT revision.content
            FROM public.message_revisions AS revision
            WHERE
                revision.space_id = message.space_id
                AND revision.message_id = message.id
                AND revision.version = 1
        ),
        message.content
    ),
    message.seq,
    message.reply_to_seq,
    message.created_at,
    (
        SELECT answered.id
        FROM public.messages AS answered
        WHERE
            answered.space_id = message.space_id
            AND answered.channel_id = message.channel_id
            AND answered.seq = message.reply_to_seq
    ),
    ARRAY(
        SELECT file.id
        FROM public.message_attachments AS file
        WHERE file.space_id = message.space_id AND file.message_id = message.id
        ORDER BY file.position
    )
FROM public.messages AS message
WHERE message.id = %(id)s;
