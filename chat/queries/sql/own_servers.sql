-- The servers of one user from one to another, with the user's roles there and what these allow.
-- Other statements include it as `member`. For the bits see channel_access.
SELECT
    own.space_id,
    coalesce(bool_or(own.timed_out_until > now()), FALSE) AS is_timed_out,
    array_agg(role.id) FILTER (WHERE role.id IS NOT NULL) AS role_ids,
    (array_agg(role.id) FILTER (WHERE role.position = 0))[1] AS everyones_id,
    coalesce(bit_or(role.permissions), 0) & 8866461766385663 AS base,
    coalesce(bit_or(role.permissions), 0) & 8 <> 0
    OR bool_or(server.owner_id = own.user_id) AS is_unlimited
FROM public.server_members AS own
INNER JOIN public.servers AS server
    ON server.space_id = own.space_id AND server.deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT everyones.id, everyones.position, everyones.permissions
    FROM public.roles AS everyones
    WHERE everyones.space_id = own.space_id AND everyones.position = 0
    UNION ALL
    SELECT given_role.id, given_role.position, given_role.permissions
    FROM public.member_roles AS given
    INNER JOIN public.roles AS given_role
        ON given_role.space_id = own.space_id AND given_role.id = given.role_id
    WHERE given.space_id = own.space_id AND given.user_id = %(user)s
) AS role ON TRUE
WHERE
    own.user_id = %(user)s
    AND own.space_id BETWEEN %(first_space)s AND %(last_space)s
GROUP BY own.space_id
