-- Sends a message with a reply, files or mentions; send_message.sql is the same without them.
--
-- The files are locked by id before anything else: of two sends with the same file the second waits,
-- finds it taken and sends nothing.
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

destination AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT
            channel.*,
            (
                SELECT answered.seq
                FROM public.messages AS answered
                WHERE
                    answered.space_id = channel.space_id
                    AND answered.id = %(reply_to)s::uuid
                    AND answered.channel_id = channel.channel_id
                    AND answered.deleted_at IS NULL
            ) AS reply_to_seq
        FROM (
            -- include: sendable.sql
        ) AS channel
        OFFSET 0
    ) AS place
    WHERE
        (%(reply_to)s::uuid IS NULL OR place.reply_to_seq IS NOT NULL)
        AND (SELECT count(*) FROM files) = cardinality(%(files)s::uuid[])
),

sent AS (
    INSERT INTO public.messages (id, space_id, channel_id, author_id, content, reply_to_seq)
    SELECT
        %(id)s::uuid,
        destination.space_id,
        destination.channel_id,
        %(author)s::uuid,
        %(content)s::varchar,
        destination.reply_to_seq
    FROM destination
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
    SET message_id = sent.id, position = array_position(%(files)s::uuid[], file.id) - 1
    FROM sent
    WHERE file.space_id = sent.space_id AND file.id = ANY (%(files)s::uuid[])
),

named AS (
    INSERT INTO public.mentions (space_id, channel_id, seq, user_id, role_id)
    SELECT sent.space_id, sent.channel_id, sent.seq, target.user_id, target.role_id
    FROM sent
    CROSS JOIN destination
    CROSS JOIN LATERAL (
        -- include: mention_targets.sql
    ) AS target
)

SELECT space_id, seq, reply_to_seq, created_at
FROM sent;
