-- The users who reacted with one emoji to one message, by id; with the viewer's permissions, and one
-- row without a user if nobody did. No row for a message that the viewer cannot see.
SELECT
    access.permissions,
    page.*
FROM (
    SELECT
        message.space_id,
        message.id,
        message.deleted_at,
        public.channel_permissions(%(viewer)s, message.space_id, message.channel_id) AS permissions
    FROM public.messages AS message
    WHERE message.id = %(message)s
    OFFSET 0
) AS access
LEFT JOIN LATERAL (
    SELECT
        given.user_id,
        coalesce(member.nickname, nullif(person.display_name, ''), person.username) AS name,
        person.avatar_key,
        person.kind
    FROM (
        SELECT user_id
        FROM public.reactions
        WHERE
            space_id = access.space_id
            AND message_id = access.id
            AND emoji = %(emoji)s
            AND user_id > %(after)s
            AND access.deleted_at IS NULL
            AND access.permissions & 65536 <> 0
        ORDER BY user_id
        LIMIT %(limit)s
    ) AS given
    INNER JOIN public.users AS person ON person.id = given.user_id
    LEFT JOIN public.server_members AS member
        ON member.space_id = access.space_id AND member.user_id = given.user_id
) AS page ON TRUE
WHERE access.permissions <> 0
ORDER BY page.user_id;
