-- The conversations of one user, the one with the newest message first. What takes messages and has
-- one asks nothing of `channels` until it is among the first.
WITH talk AS MATERIALIZED (
    SELECT
        counter.space_id,
        coalesce(counter.last_message_at, opened.created_at) AS active_at,
        counter.first_seq,
        counter.last_seq,
        counter.ranges_upto
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
    coalesce(state.last_read_seq, 0) AS last_read_seq,
    CASE WHEN talk.last_seq > mark.low THEN
        talk.last_seq - mark.low - CASE WHEN known.numbers IS NULL THEN 0 ELSE (
            SELECT sum(upper(part) - lower(part))::bigint FROM unnest(known.numbers) AS part
        ) END - (
            SELECT count(*)
            FROM messages AS gone
            WHERE
                gone.space_id = talk.space_id
                AND gone.channel_id = talk.space_id
                AND gone.seq > mark.low
                AND gone.deleted_at IS NOT NULL
                AND (known.numbers @> gone.seq) IS NOT TRUE
        )
    ELSE 0 END AS unread,
    state.muted_until,
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
LEFT JOIN read_states AS state
    ON
        state.space_id = talk.space_id
        AND state.user_id = %(user)s
        AND state.channel_id = talk.space_id
CROSS JOIN LATERAL (
    SELECT
        greatest(coalesce(state.last_read_seq, 0), talk.first_seq - 1) AS low,
        coalesce(state.ranges_upto, 0) AS upto
) AS mark
-- Nobody is let into what was said in a conversation.
CROSS JOIN LATERAL (
    SELECT CASE WHEN talk.ranges_upto > mark.low THEN (
        SELECT range_agg(int8range(greatest(past.first_seq, mark.low + 1), past.last_seq, '[]'))
        FROM read_ranges AS past
        WHERE
            past.space_id = talk.space_id
            AND past.channel_id = talk.space_id
            AND past.last_seq > mark.low
            AND (past.reason = 'purge' OR past.last_seq > mark.upto)
    ) END AS numbers
) AS known
LEFT JOIN messages AS newest
    ON
        newest.space_id = talk.space_id
        AND newest.channel_id = talk.space_id
        AND newest.seq = talk.last_seq
ORDER BY talk.active_at DESC, talk.space_id DESC;
