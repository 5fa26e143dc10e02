-- Who put one emoji under one message of a channel, by the id of the user; with the viewer's
-- permissions there, and a row without a user when nobody did.
SELECT
    access.permissions,
    page.*
FROM public.messages AS message
INNER JOIN public.channel_access AS access
    ON
        access.server_id = message.server_id
        AND access.channel_id = message.channel_id
        AND access.user_id = %(viewer)s
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
            space_id = message.server_id
            AND message_id = message.id
            AND emoji = %(emoji)s
            AND user_id > %(after)s
            AND message.deleted_at IS NULL
            AND access.permissions & 65536 <> 0
        ORDER BY user_id
        LIMIT %(limit)s
    ) AS given
    INNER JOIN public.users AS person ON person.id = given.user_id
    LEFT JOIN public.server_members AS member
        ON member.server_id = message.server_id AND member.user_id = given.user_id
) AS page ON TRUE
WHERE message.id = %(message)s
ORDER BY page.user_id;
