-- Why a send was refused: the state of the channel, of the author, of the reply and of the files.
SELECT
    channel.space_id,
    %(author)s::uuid,
    own.permissions,
    coalesce(member.timed_out_until > now(), false),
    channel.id,
    channel.kind,
    counter.closed,
    EXISTS (
        SELECT
        FROM public.users AS addressed
        WHERE
            addressed.id IN (channel.pair_low_id, channel.pair_high_id)
            AND addressed.erased_at IS NOT NULL
    ),
    EXISTS (
        SELECT
        FROM public.messages AS answered
        WHERE
            answered.space_id = channel.space_id
            AND answered.id = %(reply_to)s::uuid
            AND answered.channel_id = channel.id
            AND answered.deleted_at IS NULL
    ),
    ARRAY(
        SELECT file.id
        FROM public.message_attachments AS file
        WHERE
            file.space_id = channel.space_id
            AND file.id = ANY (%(files)s::uuid[])
            AND file.uploader_id = %(author)s
            AND file.message_id IS NULL
    ),
    CASE
        WHEN
            channel.slowmode_seconds = 0
            OR own.permissions & 2048 = 0
            OR own.permissions & 4503599627378704 <> 0
            THEN interval '0'
        ELSE public.slow_mode_wait(%(author)s, channel.space_id, channel.id)
    END
FROM public.channels AS channel
INNER JOIN public.channel_counters AS counter
    ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
CROSS JOIN LATERAL (
    SELECT public.channel_permissions(%(author)s, channel.space_id, channel.id) AS permissions
    OFFSET 0
) AS own
LEFT JOIN public.server_members AS member
    ON member.space_id = channel.space_id AND member.user_id = %(author)s
WHERE channel.id = %(channel)s AND own.permissions <> 0;
