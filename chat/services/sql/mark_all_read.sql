-- Moves all of a user's marks to the newest message of each place that they see, and counts those that
-- moved; -1 when there is a space in question and nothing of it to be seen.
WITH place AS MATERIALIZED (
    -- include: ../../queries/sql/places.sql
),

marked AS (
    INSERT INTO public.read_states AS mark (space_id, user_id, channel_id, last_read_seq)
    SELECT place.space_id, %(user)s, place.channel_id, place.last_seq
    FROM place
    WHERE place.last_seq > 0
    ORDER BY place.space_id, place.channel_id
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET last_read_seq = excluded.last_read_seq
    WHERE mark.last_read_seq < excluded.last_read_seq
    RETURNING mark.channel_id
)

SELECT
    CASE
        WHEN %(space)s::uuid IS NOT NULL AND NOT EXISTS (SELECT FROM place) THEN -1
        ELSE (SELECT count(*) FROM marked)
    END;
