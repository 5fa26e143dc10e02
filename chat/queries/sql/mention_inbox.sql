-- The messages that mention one user, newest first; only those that they can read and that are not
-- deleted. Thousands of mentions may be in channels that they cannot read any more: so no more than
-- 500 are read, and `edge` is the last of them, when they did not fill the page. There is always one
-- row, without a message if none is found.
-- spaces on a cluster: SELECT DISTINCT space_id FROM public.mentions WHERE user_id = %(user)s
WITH mention AS MATERIALIZED (
    SELECT id, created_at, space_id, channel_id, seq
    FROM public.mentions
    WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
    ORDER BY created_at DESC, id DESC
    LIMIT 500
),
readable AS MATERIALIZED (
    SELECT access.channel_id
    FROM (
        SELECT
            named.channel_id,
            public.channel_permissions(%(user)s, named.space_id, named.channel_id) AS permissions
        FROM (SELECT DISTINCT space_id, channel_id FROM mention) AS named
        OFFSET 0
    ) AS access
    WHERE access.permissions & 65536 <> 0
),
found AS MATERIALIZED (
    SELECT mention.created_at, mention.id, mention.space_id, message.id AS message_id
    FROM mention
    CROSS JOIN LATERAL (
        SELECT posted.id
        FROM public.messages AS posted
        WHERE
            posted.space_id = mention.space_id
            AND posted.channel_id = mention.channel_id
            AND posted.seq = mention.seq
            AND posted.deleted_at IS NULL
        OFFSET 0
    ) AS message
    WHERE (mention.channel_id IN (SELECT channel_id FROM readable)) IS TRUE
    ORDER BY mention.created_at DESC, mention.id DESC
    LIMIT %(limit)s
)
SELECT
    edge.created_at AS edge_at,
    edge.id AS edge_id,
    found.*
FROM (SELECT) AS always
LEFT JOIN LATERAL (
    SELECT created_at, id
    FROM mention
    WHERE (SELECT count(*) FROM found) < %(limit)s
    ORDER BY created_at DESC, id DESC
    LIMIT 1 OFFSET 499
) AS edge ON TRUE
LEFT JOIN found ON TRUE
ORDER BY found.created_at DESC, found.id DESC;
