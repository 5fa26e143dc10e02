-- What is shown of the messages of `page` beside their people, who are in `person`: files and
-- reactions, each asked once for all messages, and not once for each. As rows of `shown`.
file AS MATERIALIZED (
    SELECT
        message_id,
        json_agg(
            json_build_array(
                id, filename, content_type, size_bytes, storage_key, width, height, duration_ms,
                alt_text
            )
            ORDER BY position
        ) AS files
    FROM message_attachments
    WHERE
        (space_id, message_id) IN (SELECT space_id, id FROM page WHERE deleted_at IS NULL)
    GROUP BY message_id
),
reaction AS MATERIALIZED (
    SELECT
        message_id,
        json_agg(json_build_array(emoji, people, is_own) ORDER BY people DESC, emoji) AS reactions
    FROM (
        SELECT message_id, emoji, count(*) AS people, bool_or(user_id = %(user)s) AS is_own
        FROM reactions
        WHERE
            (space_id, message_id) IN (SELECT space_id, id FROM page WHERE deleted_at IS NULL)
        GROUP BY message_id, emoji
    ) AS counted
    GROUP BY message_id
),
shown AS (
    SELECT
        page.id, page.space_id, page.channel_id, page.seq, page.kind,
        CASE WHEN page.deleted_at IS NULL THEN page.content ELSE '' END AS content,
        page.version, page.created_at, page.edited_at, page.pinned_at, page.deleted_at,
        page.author_id, author.name, author.avatar_key, author.kind AS author_kind,
        page.reply_to_seq, reply.author_id AS reply_author_id,
        replied.name AS reply_author_name, reply.excerpt, file.files, reaction.reactions
    FROM page
    LEFT JOIN person AS author
        ON author.id = page.author_id AND author.space_id = page.space_id
    LEFT JOIN reply ON reply.id = page.id
    LEFT JOIN person AS replied
        ON replied.id = reply.author_id AND replied.space_id = page.space_id
    LEFT JOIN file ON file.message_id = page.id
    LEFT JOIN reaction ON reaction.message_id = page.id
)
