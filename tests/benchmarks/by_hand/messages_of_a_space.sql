-- The messages of `page`, all of one space, as rows of `shown`: people by a list of ids, which from
-- PostgreSQL 17 on reads each page of the index once. For files and reactions PostgreSQL 15 would
-- rather read all of the space than go along the list.
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
        (SELECT space_id FROM page LIMIT 1) AS space_id,
        person.id,
        coalesce(member.nickname, nullif(person.display_name, ''), person.username) AS name,
        person.avatar_key,
        person.kind
    FROM (
        SELECT id, display_name, username, avatar_key, kind
        FROM users
        WHERE id = ANY (ARRAY(SELECT author_id FROM page UNION SELECT author_id FROM reply))
        OFFSET 0
    ) AS person
    FULL JOIN (
        SELECT user_id, nickname
        FROM server_members
        WHERE
            space_id = (SELECT space_id FROM page LIMIT 1)
            AND user_id = ANY (ARRAY(SELECT author_id FROM page UNION SELECT author_id FROM reply))
        OFFSET 0
    ) AS member ON member.user_id = person.id
),
-- include: messages_shown.sql
