-- The mentions of a message in the channel `destination`: users who can see it, and roles and
-- everyone as the author's `destination`.permissions allow. Other statements include it. 131072 is
-- MENTION_EVERYONE.
SELECT account.id AS user_id, NULL::uuid AS role_id
FROM unnest(%(users)s::uuid[]) AS account (id)
WHERE public.channel_permissions(account.id, destination.space_id, destination.channel_id) <> 0
UNION ALL
SELECT NULL, role.id
FROM public.roles AS role
WHERE
    role.space_id = destination.space_id
    AND role.id = ANY (%(roles)s::uuid[])
    AND role.position > 0
    AND (role.mentionable OR destination.permissions & 131072 <> 0)
UNION ALL
SELECT NULL, NULL
WHERE %(everyone)s AND destination.permissions & 131072 <> 0;
