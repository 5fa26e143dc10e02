-- Makes the mentions of a message those of its content, as send_rich_message.sql does. Who is named
-- still keeps the row, and with it the place in the inbox. 131072 is MENTION_EVERYONE.
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
SELECT %(space)s, %(channel)s, %(seq)s, called.user_id, called.role_id
FROM (
    SELECT account.id AS user_id, NULL::uuid AS role_id
    FROM unnest(%(users)s::uuid[]) AS account (id)
    WHERE public.channel_permissions(account.id, %(space)s, %(channel)s) <> 0
    UNION ALL
    SELECT NULL, role.id
    FROM public.roles AS role
    WHERE
        role.space_id = %(space)s
        AND role.id = ANY (%(roles)s::uuid[])
        AND role.position > 0
        AND (role.mentionable OR %(permissions)s::bigint & 131072 <> 0)
    UNION ALL
    SELECT NULL, NULL
    WHERE %(everyone)s AND %(permissions)s::bigint & 131072 <> 0
) AS called
ON CONFLICT (space_id, channel_id, seq, user_id, role_id) DO NOTHING
RETURNING id;
