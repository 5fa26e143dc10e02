-- Sends a message with all that can belong to one: its reply, its files, whom it names. As
-- send_message.sql, which is the same without.
--
-- The files are locked by id before anything else: of two sends with the same file one waits, finds
-- it taken and sends nothing.
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
    SELECT channel.*, answered.seq AS reply_to_seq
    FROM (
        -- include: sendable.sql
    ) AS channel
    LEFT JOIN public.messages AS answered
        ON
            answered.space_id = channel.space_id
            AND answered.id = %(reply_to)s::uuid
            AND answered.channel_id = channel.channel_id
            AND answered.deleted_at IS NULL
    WHERE
        (%(reply_to)s::uuid IS NULL OR answered.seq IS NOT NULL)
        AND (SELECT count(*) FROM files) = cardinality(%(files)s::uuid[])
),

sent AS (
    INSERT INTO public.messages (id, space_id, channel_id, author_id, content, reply_to_seq)
    SELECT
        %(id)s, place.space_id, place.channel_id, %(author)s, %(content)s, place.reply_to_seq
    FROM place
    RETURNING
        id,
        space_id,
        channel_id,
        seq,
        reply_to_seq,
        created_at,
        (
            -- include: still_permitted.sql
        )
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
    SELECT sent.space_id, sent.channel_id, sent.seq, target.user_id, target.role_id
    FROM sent
    CROSS JOIN place
    CROSS JOIN LATERAL (
        -- include: mention_targets.sql
    ) AS target
)

SELECT space_id, seq, reply_to_seq, created_at
FROM sent;
