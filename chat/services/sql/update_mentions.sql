-- Replaces the mentions of a message by those of its new content. A mention that stays keeps its
-- row, and with it its position in the inbox.
WITH gone AS (
    DELETE FROM public.mentions AS mention
    WHERE
        mention.space_id = %(space)s
        AND mention.channel_id = %(channel)s
        AND mention.seq = %(seq)s
        AND NOT (
            CASE
                WHEN mention.user_id IS NOT NULL
                    THEN mention.user_id = ANY (%(users)s::uuid[])
                WHEN mention.role_id IS NOT NULL
                    THEN mention.role_id = ANY (%(roles)s::uuid[])
                ELSE %(everyone)s
            END
        )
)

INSERT INTO public.mentions (space_id, channel_id, seq, user_id, role_id)
SELECT destination.space_id, destination.channel_id, %(seq)s, target.user_id, target.role_id
FROM (
    SELECT
        %(space)s::uuid AS space_id,
        %(channel)s::uuid AS channel_id,
        %(permissions)s::bigint AS permissions
) AS destination
CROSS JOIN LATERAL (
    -- include: mention_targets.sql
) AS target
ON CONFLICT (space_id, channel_id, seq, user_id, role_id) DO NOTHING;
