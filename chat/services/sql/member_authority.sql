-- What members of a server may do in it, and the highest role of each.
SELECT
    member.space_id,
    member.user_id,
    server.owner_id = member.user_id,
    coalesce(member.timed_out_until > statement_timestamp(), false),
    coalesce(held.permissions, 0),
    held.position,
    held.role_id,
    statement_timestamp()
FROM server_members AS member
INNER JOIN servers AS server
    ON server.space_id = %(server)s AND server.deleted_at IS NULL
CROSS JOIN LATERAL (
    SELECT
        bit_or(role.permissions) AS permissions,
        max(role.position) AS position,
        (array_agg(role.id ORDER BY role.position DESC, role.id))[1] AS role_id
    FROM (
        SELECT everyones.id, everyones.position, everyones.permissions
        FROM roles AS everyones
        WHERE everyones.space_id = %(server)s AND everyones.position = 0
        UNION ALL
        SELECT own.id, own.position, own.permissions
        FROM member_roles AS given
        INNER JOIN roles AS own
            ON own.space_id = %(server)s AND own.id = given.role_id
        WHERE given.space_id = %(server)s AND given.user_id = member.user_id
    ) AS role
) AS held
WHERE member.space_id = %(server)s AND member.user_id = ANY (%(users)s);
