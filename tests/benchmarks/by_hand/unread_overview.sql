-- What is unread in every channel and conversation of one user. Marks are joined whole; what is
-- deleted or names somebody is looked for above the mark alone, in each place where there is more.
WITH belonging AS (
    SELECT space_id, timed_out_until
    FROM server_members
    WHERE user_id = %(user)s AND space_id BETWEEN %(first_space)s AND %(last_space)s
),
-- include: places.sql
,
mark AS MATERIALIZED (
    SELECT
        mark.channel_id, mark.last_read_seq, mark.ranges_upto, mark.notify, mark.muted_until
    FROM (
        SELECT space_id FROM member
        UNION ALL
        SELECT space_id
        FROM participants
        WHERE
            user_id = %(user)s AND left_at IS NULL
            AND space_id BETWEEN %(first_space)s AND %(last_space)s
    ) AS space
    CROSS JOIN LATERAL (
        SELECT channel_id, last_read_seq, ranges_upto, notify, muted_until
        FROM read_states
        WHERE space_id = space.space_id AND user_id = %(user)s
        OFFSET 0
    ) AS mark
),
talk AS (
    SELECT
        counter.space_id, counter.channel_id, counter.first_seq, counter.last_seq,
        counter.ranges_upto
    FROM participants AS participant
    INNER JOIN channel_counters AS counter
        ON
            counter.space_id = participant.space_id
            AND counter.channel_id = participant.space_id
    WHERE
        participant.user_id = %(user)s
        AND participant.left_at IS NULL
        AND participant.space_id BETWEEN %(first_space)s AND %(last_space)s
        AND CASE WHEN counter.closed THEN EXISTS (
            SELECT FROM channels WHERE id = counter.channel_id AND deleted_at IS NULL
        ) ELSE TRUE END
),
marked AS MATERIALIZED (
    SELECT
        counted.*,
        CASE WHEN counted.is_unread AND counted.ranges_upto > counted.low THEN (
            -- include: known_numbers.sql
        ) END AS known
    FROM (
        SELECT
            space_id, channel_id, ruled_by, last_seq, last_read_seq, ranges_upto, mark_upto, notify,
            muted_until,
            greatest(last_read_seq, first_seq - 1) AS low,
            is_read AND last_seq > greatest(last_read_seq, first_seq - 1) AS is_unread
        FROM (
            SELECT
                seen.*,
                coalesce(mark.last_read_seq, 0) AS last_read_seq,
                coalesce(mark.ranges_upto, 0) AS mark_upto,
                mark.notify, mark.muted_until
            FROM (
                SELECT
                    space_id, channel_id, first_seq, last_seq, ranges_upto,
                    CASE kind WHEN 'thread' THEN parent_id ELSE channel_id END AS ruled_by,
                    permissions & 65536 <> 0 AS is_read
                FROM place
                UNION ALL
                SELECT
                    space_id, channel_id, first_seq, last_seq, ranges_upto, channel_id, TRUE
                FROM talk
            ) AS seen
            FULL JOIN mark ON mark.channel_id = seen.channel_id
            OFFSET 0
        ) AS joined
        WHERE space_id IS NOT NULL
        OFFSET 0
    ) AS counted
)
SELECT
    space_id, channel_id, last_seq, last_read_seq,
    CASE WHEN is_unread THEN last_seq - low - CASE WHEN known IS NULL THEN 0 ELSE (
        SELECT sum(upper(part) - lower(part))::bigint FROM unnest(known) AS part
    ) END - (
        SELECT count(*)
        FROM messages AS gone
        WHERE
            gone.space_id = marked.space_id
            AND gone.channel_id = marked.channel_id
            AND gone.seq > marked.low
            AND gone.deleted_at IS NOT NULL
            AND (marked.known @> gone.seq) IS NOT TRUE
    ) ELSE 0 END AS unread,
    CASE WHEN is_unread THEN (
        SELECT count(*)
        FROM (
            SELECT seq
            FROM mentions
            WHERE
                user_id = %(user)s
                AND space_id = marked.space_id
                AND channel_id = marked.channel_id
                AND seq > marked.low
            UNION
            SELECT seq
            FROM mentions
            WHERE
                user_id IS NULL
                AND space_id = marked.space_id
                AND channel_id = marked.channel_id
                AND seq > marked.low
                AND (role_id IS NULL OR role_id IN (SELECT id FROM own_role))
        ) AS named
        WHERE (marked.known @> named.seq) IS NOT TRUE AND NOT EXISTS (
            SELECT
            FROM messages AS gone
            WHERE
                gone.space_id = marked.space_id
                AND gone.channel_id = marked.channel_id
                AND gone.seq = named.seq
                AND gone.deleted_at IS NOT NULL
        )
    ) ELSE 0 END AS mentions,
    notify, muted_until
FROM marked
ORDER BY space_id, channel_id;
