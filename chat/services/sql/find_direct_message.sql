-- A direct message in a conversation in which somebody takes part: no row, not for them.
-- 65600 are ADD_REACTIONS and READ_MESSAGE_HISTORY, which everyone has among themselves.
SELECT
    post.id,
    post.conversation_id,
    NULL::uuid,
    post.seq,
    post.author_id,
    post.kind,
    post.content,
    post.version,
    post.pinned_at IS NOT NULL,
    EXISTS (
        SELECT
        FROM public.message_attachments AS file
        WHERE file.space_id = post.conversation_id AND file.direct_message_id = post.id
    ),
    %(user)s::uuid,
    65600::bigint,
    false
FROM public.direct_messages AS post
INNER JOIN public.direct_participants AS own
    ON own.conversation_id = post.conversation_id AND own.user_id = %(user)s
WHERE post.id = %(post)s AND post.deleted_at IS NULL AND own.left_at IS NULL;
