-- A message in a channel that somebody can see, and what they may do there: no row, not for them.
SELECT
    post.id,
    post.server_id,
    post.channel_id,
    post.seq,
    post.author_id,
    post.kind,
    post.content,
    post.version,
    post.pinned_at IS NOT NULL,
    EXISTS (
        SELECT
        FROM public.message_attachments AS file
        WHERE file.space_id = post.server_id AND file.message_id = post.id
    ),
    %(user)s::uuid,
    own.permissions,
    coalesce(member.timed_out_until > now() AND own.permissions & 8 = 0, false)
FROM public.messages AS post
CROSS JOIN LATERAL (
    SELECT access.permissions
    FROM public.channel_access AS access
    WHERE
        access.user_id = %(user)s
        AND access.server_id = post.server_id
        AND access.channel_id = post.channel_id
    OFFSET 0
) AS own
INNER JOIN public.server_members AS member
    ON member.server_id = post.server_id AND member.user_id = %(user)s
WHERE post.id = %(post)s AND post.deleted_at IS NULL;
