-- Sends a message with all that can belong to one: its reply, its files, whom it names. As
-- send_message.sql, which is the same without.
--
-- %(needed)s is SEND_MESSAGES, with READ_MESSAGE_HISTORY to reply and ATTACH_FILES for files. The
-- files are locked by id before anything else: of two sends with the same file one waits, finds it
-- taken and sends nothing. 131072 is MENTION_EVERYONE.
WITH files AS MATERIALIZED (
    SELECT file.id
    FROM public.message_attachments AS file
    WHERE
        file.space_id = (SELECT space_id FROM public.channels WHERE id = %(channel)s)
        AND file.id = ANY (%(files)s::uuid[])
        AND file.uploader_id = %(author)s
        AND file.message_id IS NULL
    ORDER BY file.id
    FOR UPDATE
),

place AS MATERIALIZED (
    SELECT channel.space_id, channel.id, own.permissions, answered.seq AS reply_to_seq
    FROM public.channels AS channel
    CROSS JOIN LATERAL (
        SELECT public.channel_permissions(%(author)s, channel.space_id, channel.id) AS permissions
        OFFSET 0
    ) AS own
    LEFT JOIN public.messages AS answered
        ON
            answered.space_id = channel.space_id
            AND answered.id = %(reply_to)s::uuid
            AND answered.channel_id = channel.id
            AND answered.deleted_at IS NULL
    WHERE
        channel.id = %(channel)s
        AND own.permissions & %(needed)s = %(needed)s
        AND (%(reply_to)s::uuid IS NULL OR answered.seq IS NOT NULL)
        AND (SELECT count(*) FROM files) = cardinality(%(files)s::uuid[])
        AND CASE
            WHEN channel.kind = 'pair' THEN NOT EXISTS (
                SELECT
                FROM public.users AS addressed
                WHERE
                    addressed.id IN (channel.pair_low_id, channel.pair_high_id)
                    AND addressed.erased_at IS NOT NULL
            )
            WHEN channel.slowmode_seconds = 0 OR own.permissions & 4503599627378704 <> 0 THEN true
            ELSE public.slow_mode_wait(%(author)s, channel.space_id, channel.id) = interval '0'
        END
),

sent AS (
    INSERT INTO public.messages (id, space_id, channel_id, author_id, content, reply_to_seq)
    SELECT %(id)s, place.space_id, place.id, %(author)s, %(content)s, place.reply_to_seq
    FROM place
    RETURNING id, space_id, channel_id, seq, reply_to_seq, created_at
),

attached AS (
    UPDATE public.message_attachments AS file
    SET message_id = sent.id, position = chosen.place - 1
    FROM sent
    CROSS JOIN unnest(%(files)s::uuid[]) WITH ORDINALITY AS chosen (id, place)
    WHERE file.space_id = sent.space_id AND file.id = chosen.id
),

named AS (
    INSERT INTO public.mentions (space_id, channel_id, seq, user_id, role_id)
    SELECT sent.space_id, sent.channel_id, sent.seq, called.user_id, called.role_id
    FROM sent
    CROSS JOIN place
    CROSS JOIN LATERAL (
        SELECT account.id AS user_id, NULL::uuid AS role_id
        FROM unnest(%(users)s::uuid[]) AS account (id)
        WHERE public.channel_permissions(account.id, sent.space_id, sent.channel_id) <> 0
        UNION ALL
        SELECT NULL, role.id
        FROM public.roles AS role
        WHERE
            role.space_id = sent.space_id
            AND role.id = ANY (%(roles)s::uuid[])
            AND role.position > 0
            AND (role.mentionable OR place.permissions & 131072 <> 0)
        UNION ALL
        SELECT NULL, NULL
        WHERE %(everyone)s AND place.permissions & 131072 <> 0
    ) AS called
)

SELECT space_id, seq, reply_to_seq, created_at
FROM sent;
