-- Why a send wrote nothing: what holds for the author, the channel and what the message brings.
SELECT
    channel.kind,
    coalesce(own.permissions, 0),
    coalesce(member.timed_out_until > now(), false),
    EXISTS (
        SELECT
        FROM public.messages AS answered
        WHERE
            answered.server_id = channel.server_id
            AND answered.id = %(reply_to)s::uuid
            AND answered.channel_id = channel.id
            AND answered.deleted_at IS NULL
    ),
    ARRAY(
        SELECT file.id
        FROM public.message_attachments AS file
        WHERE
            file.space_id = channel.server_id
            AND file.id = ANY (%(files)s::uuid[])
            AND file.uploader_id = %(author)s
            AND file.message_id IS NULL
            AND file.direct_message_id IS NULL
    ),
    CASE
        WHEN
            channel.slowmode_seconds = 0
            OR own.permissions IS NULL
            OR own.permissions & 2048 = 0
            OR own.permissions & 4503599627378704 <> 0
            THEN interval '0'
        ELSE public.slow_mode_wait(%(author)s, channel.server_id, channel.id)
    END
FROM public.channels AS channel
LEFT JOIN LATERAL (
    SELECT access.permissions
    FROM public.channel_access AS access
    WHERE
        access.user_id = %(author)s
        AND access.server_id = channel.server_id
        AND access.channel_id = channel.id
    OFFSET 0
) AS own
    ON true
LEFT JOIN public.server_members AS member
    ON member.server_id = channel.server_id AND member.user_id = %(author)s
WHERE channel.id = %(channel)s;
