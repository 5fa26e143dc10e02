-- Messages of one conversation, as message_page.sql has those of a channel. Whoever takes no part, or
-- has left, gets no row; the first column stands where the permissions are there.
SELECT
    65536 AS permissions,
    access.last_seq,
    page.*
FROM (
    SELECT conversation.id AS conversation_id, conversation.last_seq
    FROM public.direct_participants AS participant
    INNER JOIN public.direct_conversations AS conversation
        ON conversation.id = participant.conversation_id
    WHERE
        participant.conversation_id = %(conversation)s
        AND participant.user_id = %(viewer)s
        AND participant.left_at IS NULL
) AS access
LEFT JOIN LATERAL (
    SELECT
        message.id,
        message.seq,
        message.kind,
        CASE WHEN message.deleted_at IS NULL THEN message.content ELSE '' END AS content,
        message.version,
        message.created_at,
        message.edited_at,
        message.pinned_at,
        message.deleted_at,
        message.author_id,
        author.name,
        author.avatar_key,
        author.kind AS author_kind,
        message.reply_to_seq,
        reply.author_id AS reply_author_id,
        reply.author_name,
        reply.excerpt,
        CASE WHEN message.deleted_at IS NULL THEN (
            SELECT
                json_agg(
                    json_build_array(
                        file.id, file.filename, file.content_type, file.size_bytes,
                        file.storage_key, file.width, file.height, file.duration_ms, file.alt_text
                    )
                    ORDER BY file.position
                )
            FROM public.message_attachments AS file
            WHERE file.space_id = access.conversation_id AND file.direct_message_id = message.id
        ) END AS attachments,
        CASE WHEN message.deleted_at IS NULL THEN (
            SELECT
                json_agg(
                    json_build_array(given.emoji, given.people, given.is_own)
                    ORDER BY given.people DESC, given.emoji
                )
            FROM (
                SELECT emoji, count(*) AS people, bool_or(user_id = %(viewer)s) AS is_own
                FROM public.reactions
                WHERE space_id = access.conversation_id AND direct_message_id = message.id
                GROUP BY emoji
            ) AS given
        ) END AS reactions
    FROM (
        (
            SELECT *
            FROM public.direct_messages
            WHERE
                conversation_id = access.conversation_id
                AND seq <= %(upto)s
            ORDER BY seq DESC
            LIMIT %(older)s
        )
        UNION ALL
        (
            SELECT *
            FROM public.direct_messages
            WHERE
                conversation_id = access.conversation_id
                AND seq > %(upto)s
            ORDER BY seq
            LIMIT %(newer)s
        )
    ) AS message
    LEFT JOIN LATERAL (
        SELECT
            coalesce(nullif(person.display_name, ''), person.username) AS name,
            person.avatar_key,
            person.kind
        FROM public.users AS person
        WHERE person.id = message.author_id
        OFFSET 0
    ) AS author ON TRUE
    LEFT JOIN LATERAL (
        SELECT
            answered.author_id,
            coalesce(nullif(person.display_name, ''), person.username)
                AS author_name,
            CASE WHEN answered.deleted_at IS NULL THEN left(answered.content, 100) END AS excerpt
        FROM public.direct_messages AS answered
        LEFT JOIN public.users AS person ON person.id = answered.author_id
        WHERE
            answered.conversation_id = access.conversation_id
            AND answered.seq = message.reply_to_seq
            AND message.deleted_at IS NULL
        OFFSET 0
    ) AS reply ON TRUE
) AS page ON TRUE
ORDER BY page.seq DESC;
