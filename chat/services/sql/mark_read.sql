-- Moves a member's mark forward, to %(seq)s or the newest message: the mark as it is then, NULL for
-- one past the newest, and the newest; no row, no access.
WITH place AS MATERIALIZED (
    SELECT
        access.server_id,
        access.channel_id,
        access.last_seq,
        coalesce(%(seq)s::bigint, access.last_seq) AS wanted
    FROM public.channel_access AS access
    WHERE
        access.user_id = %(user)s
        AND access.server_id = (SELECT server_id FROM public.channels WHERE id = %(channel)s)
        AND access.channel_id = %(channel)s
),

marked AS (
    INSERT INTO public.read_states AS mark (server_id, user_id, channel_id, last_read_seq)
    SELECT place.server_id, %(user)s, place.channel_id, place.wanted
    FROM place
    WHERE place.wanted <= place.last_seq
    ON CONFLICT (server_id, user_id, channel_id) DO UPDATE
    SET last_read_seq = greatest(mark.last_read_seq, excluded.last_read_seq)
    RETURNING mark.last_read_seq
)

SELECT marked.last_read_seq, place.last_seq
FROM place
LEFT JOIN marked ON true;
