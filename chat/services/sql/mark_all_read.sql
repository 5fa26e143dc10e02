-- Moves all read marks of a user to the newest message of each channel that they can see, and
-- counts those that moved; -1 if they can see nothing in the space asked for.
WITH seen AS MATERIALIZED (
    -- include: ../../queries/sql/places.sql
),

marked AS (
    INSERT INTO public.read_states AS mark (space_id, user_id, channel_id, last_read_seq)
    SELECT seen.space_id, %(user)s, seen.channel_id, seen.last_seq
    FROM seen
    WHERE seen.last_seq > 0
    ORDER BY seen.space_id, seen.channel_id
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET last_read_seq = excluded.last_read_seq
    WHERE mark.last_read_seq < excluded.last_read_seq
    RETURNING mark.channel_id
)

SELECT
    CASE
        WHEN %(space)s::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM seen) THEN -1
        ELSE (SELECT count(*) FROM marked)
    END;
