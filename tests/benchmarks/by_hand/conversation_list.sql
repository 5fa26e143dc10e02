-- The conversations of one user, the one with the newest message first. What takes messages and has
-- one asks nothing of `channels` until it is among the first.
WITH talk AS MATERIALIZED (
    SELECT
        counter.space_id,
        coalesce(counter.last_message_at, opened.created_at) AS active_at,
        counter.first_seq,
        counter.last_seq
    FROM participants AS participant
    INNER JOIN channel_counters AS counter
        ON
            counter.space_id = participant.space_id
            AND counter.channel_id = participant.space_id
    LEFT JOIN channels AS opened
        ON
            opened.id = CASE
                WHEN counter.closed OR counter.last_message_at IS NULL THEN counter.channel_id
            END
    WHERE
        participant.user_id = %(user)s
        AND participant.left_at IS NULL
        AND opened.deleted_at IS NULL
        AND (coalesce(counter.last_message_at, opened.created_at), counter.space_id)
        < (%(before_at)s, %(before_id)s)
    ORDER BY active_at DESC, counter.space_id DESC
    LIMIT %(limit)s
)
SELECT
    talk.space_id, channel.kind, channel.name, channel.owner_id, talk.active_at, talk.last_seq,
    coalesce(mark.last_read_seq, 0) AS last_read_seq,
    CASE WHEN talk.last_seq > greatest(coalesce(mark.last_read_seq, 0), talk.first_seq - 1) THEN
        talk.last_seq - greatest(coalesce(mark.last_read_seq, 0), talk.first_seq - 1) - (
            SELECT count(*)
            FROM messages AS gone
            WHERE
                gone.space_id = talk.space_id
                AND gone.channel_id = talk.space_id
                AND gone.seq > greatest(coalesce(mark.last_read_seq, 0), talk.first_seq - 1)
                AND gone.deleted_at IS NOT NULL
        )
    ELSE 0 END AS unread,
    mark.muted_until,
    (
        SELECT
            json_agg(
                json_build_array(
                    users.id,
                    coalesce(nullif(users.display_name, ''), users.username),
                    users.avatar_key,
                    users.kind
                )
                ORDER BY other.joined_at, other.id
            )
        FROM participants AS other
        INNER JOIN users ON users.id = other.user_id
        WHERE
            other.space_id = talk.space_id
            AND other.user_id <> %(user)s
            AND other.left_at IS NULL
    ) AS others,
    newest.author_id,
    CASE WHEN newest.deleted_at IS NULL THEN left(newest.content, 100) END AS excerpt
FROM talk
INNER JOIN channels AS channel ON channel.id = talk.space_id
LEFT JOIN read_states AS mark
    ON
        mark.space_id = talk.space_id
        AND mark.user_id = %(user)s
        AND mark.channel_id = talk.space_id
LEFT JOIN messages AS newest
    ON
        newest.space_id = talk.space_id
        AND newest.channel_id = talk.space_id
        AND newest.seq = talk.last_seq
ORDER BY talk.active_at DESC, talk.space_id DESC;
