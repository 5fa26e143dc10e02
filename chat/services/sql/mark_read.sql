-- Sets a user's read mark in a channel: forward to %(seq)s or to the newest message, or, as unread,
-- to just before %(seq)s. Returns the mark, NULL for a number that no message has yet, and the
-- newest number; no row if the user cannot see the channel.
WITH seen AS MATERIALIZED (
    SELECT access.*, coalesce(%(seq)s::bigint, access.last_seq) AS wanted
    FROM (
        -- include: ../../queries/sql/access.sql
    ) AS access
),

marked AS (
    INSERT INTO public.read_states AS mark (
        space_id, user_id, channel_id, last_read_seq, ranges_upto
    )
    SELECT
        seen.space_id,
        %(viewer)s,
        seen.channel_id,
        CASE WHEN %(as_unread)s THEN seen.wanted - 1 ELSE seen.wanted END,
        -- As unread, also what was imported or was there before the user could read it.
        CASE WHEN %(as_unread)s THEN seen.last_seq END
    FROM seen
    WHERE seen.wanted <= seen.last_seq
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET
        last_read_seq = CASE
            WHEN %(as_unread)s THEN excluded.last_read_seq
            ELSE greatest(mark.last_read_seq, excluded.last_read_seq)
        END,
        ranges_upto = coalesce(excluded.ranges_upto, mark.ranges_upto)
    RETURNING mark.last_read_seq
)

SELECT marked.last_read_seq, seen.last_seq
FROM seen
LEFT JOIN marked ON true;
