-- Sets somebody's mark in a channel: forward to %(seq)s, or to the newest message; or, as unread, to
-- just before %(seq)s. The mark as it is then, NULL for a number that no message has yet, and the
-- newest; no row, no access.
WITH place AS MATERIALIZED (
    SELECT access.*, coalesce(%(seq)s::bigint, access.last_seq) AS wanted
    FROM (
        -- include: ../../queries/sql/access.sql
    ) AS access
),

marked AS (
    INSERT INTO public.read_states AS mark (space_id, user_id, channel_id, last_read_seq)
    SELECT
        place.space_id,
        %(viewer)s,
        place.channel_id,
        CASE WHEN %(as_unread)s THEN place.wanted - 1 ELSE place.wanted END
    FROM place
    WHERE place.wanted <= place.last_seq
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET last_read_seq = CASE
        WHEN %(as_unread)s THEN excluded.last_read_seq
        ELSE greatest(mark.last_read_seq, excluded.last_read_seq)
    END
    RETURNING mark.last_read_seq
)

SELECT marked.last_read_seq, place.last_seq
FROM place
LEFT JOIN marked ON true;
