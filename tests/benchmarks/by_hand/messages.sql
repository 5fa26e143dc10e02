-- The messages of `page` with all that is shown of them, as rows of `shown`. Each is looked up by
-- itself: for fifty messages that takes less than to join sets of them by hashing, also where a list
-- of ids touches fewer pages.
shown AS (
    SELECT
        page.id, page.space_id, page.channel_id, page.seq, page.kind,
        CASE WHEN page.deleted_at IS NULL THEN page.content ELSE '' END AS content,
        page.version, page.created_at, page.edited_at, page.pinned_at, page.deleted_at,
        page.author_id,
        coalesce(member.nickname, nullif(author.display_name, ''), author.username) AS name,
        author.avatar_key, author.kind AS author_kind,
        page.reply_to_seq, reply.author_id AS reply_author_id,
        reply.name AS reply_author_name, reply.excerpt,
        CASE WHEN page.deleted_at IS NULL THEN (
            SELECT
                json_agg(
                    json_build_array(
                        id, filename, content_type, size_bytes, storage_key, width, height,
                        duration_ms, alt_text
                    )
                    ORDER BY position
                )
            FROM message_attachments
            WHERE space_id = page.space_id AND message_id = page.id
        ) END AS files,
        CASE WHEN page.deleted_at IS NULL THEN (
            SELECT
                json_agg(json_build_array(emoji, people, is_own) ORDER BY people DESC, emoji)
            FROM (
                SELECT emoji, count(*) AS people, bool_or(user_id = %(user)s) AS is_own
                FROM reactions
                WHERE space_id = page.space_id AND message_id = page.id
                GROUP BY emoji
            ) AS counted
        ) END AS reactions
    FROM page
    LEFT JOIN users AS author ON author.id = page.author_id
    LEFT JOIN server_members AS member
        ON member.space_id = page.space_id AND member.user_id = page.author_id
    LEFT JOIN LATERAL (
        SELECT
            answered.author_id,
            coalesce(member.nickname, nullif(author.display_name, ''), author.username) AS name,
            CASE WHEN answered.deleted_at IS NULL THEN left(answered.content, 100) END AS excerpt
        FROM messages AS answered
        LEFT JOIN users AS author ON author.id = answered.author_id
        LEFT JOIN server_members AS member
            ON member.space_id = answered.space_id AND member.user_id = answered.author_id
        WHERE
            answered.space_id = page.space_id
            AND answered.channel_id = page.channel_id
            AND answered.seq = page.reply_to_seq
            AND page.deleted_at IS NULL
        OFFSET 0
    ) AS reply ON page.reply_to_seq IS NOT NULL
)
