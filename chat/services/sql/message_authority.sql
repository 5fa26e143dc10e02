-- A message, and what somebody may do in its channel: no row if they cannot see it.
SELECT
    message.space_id,
    %(user)s::uuid,
    own.permissions,
    coalesce(member.timed_out_until > now() AND own.permissions & 8 = 0, false),
    message.channel_id,
    message.id,
    message.seq,
    message.author_id,
    message.kind,
    message.content,
    message.version,
    message.pinned_at IS NOT NULL,
    EXISTS (
        SELECT
        FROM public.message_attachments AS file
        WHERE file.space_id = message.space_id AND file.message_id = message.id
    )
FROM public.messages AS message
CROSS JOIN LATERAL (
    SELECT
        public.channel_permissions(%(user)s, message.space_id, message.channel_id) AS permissions
    OFFSET 0
) AS own
LEFT JOIN public.server_members AS member
    ON member.space_id = message.space_id AND member.user_id = %(user)s
WHERE message.id = %(message)s AND message.deleted_at IS NULL AND own.permissions <> 0;
