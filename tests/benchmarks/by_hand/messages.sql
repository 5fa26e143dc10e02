-- The messages of `page`, of several spaces, as rows of `shown`.
reply AS MATERIALIZED (
    SELECT
        page.id,
        page.space_id,
        answered.author_id,
        CASE WHEN answered.deleted_at IS NULL THEN left(answered.content, 100) END AS excerpt
    FROM page
    INNER JOIN messages AS answered
        ON
            answered.space_id = page.space_id
            AND answered.channel_id = page.channel_id
            AND answered.seq = page.reply_to_seq
    WHERE page.deleted_at IS NULL
),
person AS MATERIALIZED (
    SELECT
        asked.space_id,
        users.id,
        coalesce(member.nickname, nullif(users.display_name, ''), users.username) AS name,
        users.avatar_key,
        users.kind
    FROM (
        SELECT space_id, author_id FROM page
        UNION
        SELECT space_id, author_id FROM reply
    ) AS asked
    INNER JOIN users ON users.id = asked.author_id
    LEFT JOIN server_members AS member
        ON member.space_id = asked.space_id AND member.user_id = asked.author_id
),
-- include: messages_shown.sql
