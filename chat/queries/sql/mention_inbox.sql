-- The messages that name one user, newest first; only those that they can read and that are still
-- there. Of thousands in places that they cannot read any more each would be looked up in vain: so
-- no more than 500 names are read, and edge says how far that came, when it did not fill the page.
-- There is always one row, without a message if none is found.
WITH found AS MATERIALIZED (
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
    FROM (
        SELECT id, created_at, server_id, channel_id, seq
        FROM public.mentions
        WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
        ORDER BY created_at DESC, id DESC
        LIMIT 500
    ) AS mention
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
    ORDER BY mention.created_at DESC, mention.id DESC
    LIMIT %(limit)s
)
SELECT
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    found.*
FROM (SELECT) AS one
LEFT JOIN LATERAL (
    SELECT mention.created_at, mention.id
    FROM public.mentions AS mention
    WHERE
        mention.user_id = %(user)s
        AND (mention.created_at, mention.id) < (%(before_at)s, %(before_id)s)
        AND (SELECT count(*) FROM found) < %(limit)s
    ORDER BY mention.created_at DESC, mention.id DESC
    LIMIT 1 OFFSET 499
) AS edge ON TRUE
LEFT JOIN found ON TRUE
ORDER BY found.created_at DESC, found.id DESC;
