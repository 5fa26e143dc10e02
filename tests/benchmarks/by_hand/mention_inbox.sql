-- The messages that name one user, latest mention first, from where they can read now.
WITH named AS MATERIALIZED (
    SELECT id, created_at, space_id, channel_id, seq
    FROM mentions
    WHERE user_id = %(user)s AND (created_at, id) < (%(before_at)s, %(before_id)s)
    ORDER BY created_at DESC, id DESC
    LIMIT 500
),
belonging AS (
    SELECT space_id, timed_out_until
    FROM server_members
    WHERE user_id = %(user)s AND space_id IN (SELECT space_id FROM named)
),
-- include: places.sql
,
page AS MATERIALIZED (
    SELECT message.*, named.id AS mention_id, named.created_at AS named_at
    FROM named
    INNER JOIN messages AS message
        ON
            message.space_id = named.space_id
            AND message.channel_id = named.channel_id
            AND message.seq = named.seq
            AND message.deleted_at IS NULL
    WHERE
        CASE WHEN named.space_id = named.channel_id THEN EXISTS (
            SELECT
            FROM participants AS participant
            INNER JOIN channels AS channel ON channel.id = participant.space_id
            WHERE
                participant.space_id = named.space_id
                AND participant.user_id = %(user)s
                AND participant.left_at IS NULL
                AND channel.deleted_at IS NULL
        ) ELSE named.channel_id IN (
            SELECT channel_id FROM place WHERE permissions & 65536 <> 0
        ) END
    ORDER BY named.created_at DESC, named.id DESC
    LIMIT %(limit)s
),
-- include: messages.sql
SELECT shown.*
FROM shown
INNER JOIN page USING (id)
ORDER BY page.named_at DESC, page.mention_id DESC;
