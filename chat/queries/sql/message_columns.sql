-- The columns that chat.queries.message_rows.message_views reads, for the rows of messages that the
-- statement which includes this has as `message`; reactions as %(viewer)s sees them.
SELECT
    message.id,
    message.space_id,
    message.channel_id,
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
        WHERE file.space_id = message.space_id AND file.message_id = message.id
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
            WHERE space_id = message.space_id AND message_id = message.id
            GROUP BY emoji
        ) AS given
    ) END AS reactions
FROM message
LEFT JOIN LATERAL (
    SELECT
        coalesce(member.nickname, nullif(person.display_name, ''), person.username) AS name,
        person.avatar_key,
        person.kind
    FROM public.users AS person
    LEFT JOIN public.server_members AS member
        ON member.space_id = message.space_id AND member.user_id = person.id
    WHERE person.id = message.author_id
    OFFSET 0
) AS author ON TRUE
LEFT JOIN LATERAL (
    SELECT
        answered.author_id,
        coalesce(member.nickname, nullif(person.display_name, ''), person.username)
            AS author_name,
        CASE WHEN answered.deleted_at IS NULL THEN left(answered.content, 100) END AS excerpt
    FROM public.messages AS answered
    LEFT JOIN public.users AS person ON person.id = answered.author_id
    LEFT JOIN public.server_members AS member
        ON member.space_id = message.space_id AND member.user_id = person.id
    WHERE
        answered.space_id = message.space_id
        AND answered.channel_id = message.channel_id
        AND answered.seq = message.reply_to_seq
        AND message.deleted_at IS NULL
    OFFSET 0
) AS reply ON TRUE;
