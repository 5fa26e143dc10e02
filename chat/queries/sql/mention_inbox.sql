-- The messages that name one user, newest first; only those that they can read and that are still
-- there.
SELECT
    mention.id,
    mention.created_at,
    mention.server_id,
    mention.channel_id,
    mention.seq,
    message.id AS message_id,
    message.author_id,
    author.name,
    author.avatar_key,
    author.kind,
    left(message.content, 100) AS excerpt
FROM public.mentions AS mention
CROSS JOIN LATERAL (
    SELECT posted.id, posted.author_id, posted.content
    FROM public.messages AS posted
    WHERE
        posted.server_id = mention.server_id
        AND posted.channel_id = mention.channel_id
        AND posted.seq = mention.seq
        AND posted.deleted_at IS NULL
    OFFSET 0
) AS message
CROSS JOIN LATERAL (
    SELECT seen.permissions
    FROM public.channel_access AS seen
    WHERE
        seen.user_id = %(user)s
        AND seen.server_id = mention.server_id
        AND seen.channel_id = mention.channel_id
        AND seen.permissions & 65536 <> 0
    OFFSET 0
) AS access
LEFT JOIN LATERAL (
    SELECT
        coalesce(member.nickname, nullif(person.display_name, ''), person.username) AS name,
        person.avatar_key,
        person.kind
    FROM public.users AS person
    LEFT JOIN public.server_members AS member
        ON member.server_id = mention.server_id AND member.user_id = person.id
    WHERE person.id = message.author_id
    OFFSET 0
) AS author ON TRUE
WHERE
    mention.user_id = %(user)s
    AND (mention.created_at, mention.id) < (%(before_at)s, %(before_id)s)
ORDER BY mention.created_at DESC, mention.id DESC
LIMIT %(limit)s;
