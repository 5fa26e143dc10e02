-- Whom a message in `place` names, of those whom its content calls: users who can see it, and roles and
-- everyone as `place`.permissions allow. Other statements include it. 131072 is MENTION_EVERYONE.
SELECT account.id AS user_id, NULL::uuid AS role_id
FROM unnest(%(users)s::uuid[]) AS account (id)
WHERE public.channel_permissions(account.id, place.space_id, place.channel_id) <> 0
UNION ALL
SELECT NULL, role.id
FROM public.roles AS role
WHERE
    role.space_id = place.space_id
    AND role.id = ANY (%(roles)s::uuid[])
    AND role.position > 0
    AND (role.mentionable OR place.permissions & 131072 <> 0)
UNION ALL
SELECT NULL, NULL
WHERE %(everyone)s AND place.permissions & 131072 <> 0;
