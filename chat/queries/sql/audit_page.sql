-- The log of one server, newest first. The first column says whether the viewer may read it: the
-- owner, ADMINISTRATOR (8), or VIEW_AUDIT_LOG (128) outside of a timeout. No row for a viewer who is
-- no member.
SELECT
    viewer.is_allowed,
    page.*
FROM (
    SELECT
        member.space_id,
        server.owner_id = member.user_id
        OR base.permissions & 8 <> 0
        OR (
            base.permissions & 128 <> 0
            AND (member.timed_out_until IS NULL OR member.timed_out_until <= now())
        ) AS is_allowed
    FROM public.server_members AS member
    INNER JOIN public.servers AS server
        ON server.space_id = member.space_id AND server.deleted_at IS NULL
    CROSS JOIN LATERAL (
        SELECT coalesce(bit_or(role.permissions), 0) AS permissions
        FROM (
            SELECT everyones.permissions
            FROM public.roles AS everyones
            WHERE everyones.space_id = %(server)s AND everyones.position = 0
            UNION ALL
            SELECT own.permissions
            FROM public.member_roles AS given
            INNER JOIN public.roles AS own
                ON own.space_id = given.space_id AND own.id = given.role_id
            WHERE given.space_id = %(server)s AND given.user_id = member.user_id
        ) AS role
    ) AS base
    WHERE member.space_id = %(server)s AND member.user_id = %(viewer)s
) AS viewer
LEFT JOIN LATERAL (
    SELECT
        entry.id,
        entry.created_at,
        entry.actor_id,
        entry.action,
        entry.target_type,
        entry.target_id,
        entry.changes::json AS changes,
        entry.reason
    FROM public.audit_log AS entry
    WHERE
        entry.space_id = %(server)s
        AND (entry.created_at, entry.id) < (%(before_at)s, %(before_id)s)
        AND viewer.is_allowed
    ORDER BY entry.created_at DESC, entry.id DESC
    LIMIT %(limit)s
) AS page ON TRUE
ORDER BY page.created_at DESC, page.id DESC;
