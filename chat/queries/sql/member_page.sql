-- Members of one server, first who joined first; one row without a member for an empty page. No row
-- for a viewer who is no member.
SELECT
    page.user_id,
    page.joined_at,
    page.username,
    page.name,
    page.avatar_key,
    page.kind,
    page.nickname,
    page.timed_out_until,
    page.role_ids
FROM public.server_members AS viewer
INNER JOIN public.servers AS server ON server.space_id = viewer.space_id AND server.deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT
        member.user_id,
        member.joined_at,
        person.username,
        coalesce(member.nickname, nullif(person.display_name, ''), person.username) AS name,
        person.avatar_key,
        person.kind,
        member.nickname,
        member.timed_out_until,
        ARRAY(
            SELECT given.role_id
            FROM public.member_roles AS given
            INNER JOIN public.roles AS role
                ON role.space_id = given.space_id AND role.id = given.role_id
            WHERE given.space_id = %(server)s AND given.user_id = member.user_id
            ORDER BY role.position DESC, role.id
        ) AS role_ids
    FROM (
        SELECT *
        FROM public.server_members
        WHERE
            space_id = %(server)s
            AND (joined_at, user_id) > (%(after_at)s, %(after_id)s)
        ORDER BY joined_at, user_id
        LIMIT %(limit)s
    ) AS member
    CROSS JOIN LATERAL (
        SELECT username, display_name, avatar_key, kind
        FROM public.users
        WHERE id = member.user_id
        OFFSET 0
    ) AS person
) AS page ON TRUE
WHERE viewer.space_id = %(server)s AND viewer.user_id = %(viewer)s
ORDER BY page.joined_at, page.user_id;
