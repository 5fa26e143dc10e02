-- Adds who is named and was not. As in send_rich_message.sql; 131072 is MENTION_EVERYONE.
WITH named AS (
    INSERT INTO public.mentions (server_id, channel_id, seq, user_id, role_id)
    SELECT %(server)s, %(channel)s, %(seq)s, called.user_id, called.role_id
    FROM (
        SELECT access.user_id, NULL::uuid AS role_id
        FROM public.channel_access AS access
        WHERE
            access.user_id = ANY (%(users)s::uuid[])
            AND access.server_id = %(server)s
            AND access.channel_id = %(channel)s
        UNION ALL
        SELECT NULL, role.id
        FROM public.roles AS role
        WHERE
            role.server_id = %(server)s
            AND role.id = ANY (%(roles)s::uuid[])
            AND role.position > 0
            AND (role.mentionable OR %(permissions)s::bigint & 131072 <> 0)
        UNION ALL
        SELECT NULL, NULL
        WHERE %(everyone)s AND %(permissions)s::bigint & 131072 <> 0
    ) AS called
    ON CONFLICT (server_id, channel_id, seq, user_id, role_id) DO NOTHING
    RETURNING seq
)

SELECT count(*)
FROM named;
