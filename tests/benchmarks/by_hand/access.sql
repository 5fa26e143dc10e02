-- What one user may do in one channel or conversation: a row of `access`, or none. A key that is
-- NULL reads nothing, so a conversation asks for no server and a channel for no participant.
access AS MATERIALIZED (
    SELECT space_id, id AS channel_id, CASE
            WHEN server_id IS NULL THEN 2251799813803072
            WHEN is_unlimited THEN 8866461766385663
            WHEN is_timed_out THEN placed & 66560
            ELSE
                placed
                & CASE WHEN placed & 2048 = 0 THEN ~184320::bigint ELSE -1 END
                & CASE
                    WHEN kind = 'voice' AND placed & 1048576 = 0
                        THEN ~321611779539728 ELSE -1
                END
        END AS permissions
    FROM (
        SELECT
            id, space_id, server_id, kind, is_timed_out, is_unlimited,
            CASE kind WHEN 'thread'
                THEN (ruled & ~2048::bigint) | ((ruled >> 27) & 2048) ELSE ruled
            END AS placed
        FROM (
            SELECT
                place.id, place.space_id, place.server_id, place.kind,
                member.timed_out_until > now() AS is_timed_out,
                server.owner_id = %(user)s OR base.bits & 8 <> 0 AS is_unlimited,
                (((((((base.bits & ~rule.d0) | rule.a0) & ~rule.d1) | rule.a1) & ~rule.d2)
                | rule.a2) & 8866461766385655) AS ruled
            FROM channels AS place
            LEFT JOIN servers AS server
                ON server.space_id = place.server_id AND server.deleted_at IS NULL
            LEFT JOIN server_members AS member
                ON member.space_id = place.server_id AND member.user_id = %(user)s
            LEFT JOIN roles AS everyone
                ON everyone.space_id = place.server_id AND everyone.position = 0
            LEFT JOIN participants AS participant
                ON
                    participant.space_id
                    = CASE WHEN place.server_id IS NULL THEN place.space_id END
                    AND participant.user_id = %(user)s
                    AND participant.left_at IS NULL
            CROSS JOIN LATERAL (
                SELECT
                    (coalesce(bit_or(role.permissions), 0) | coalesce(everyone.permissions, 0))
                    & 8866461766385663 AS bits
                FROM member_roles AS given
                INNER JOIN roles AS role ON role.id = given.role_id
                WHERE given.space_id = place.server_id AND given.user_id = %(user)s
            ) AS base
            CROSS JOIN LATERAL (
                SELECT
                    coalesce(bit_or(deny) FILTER (WHERE role_id = everyone_id), 0) AS d0,
                    coalesce(bit_or(allow) FILTER (WHERE role_id = everyone_id), 0) AS a0,
                    coalesce(bit_or(deny) FILTER (WHERE role_id <> everyone_id), 0) AS d1,
                    coalesce(bit_or(allow) FILTER (WHERE role_id <> everyone_id), 0) AS a1,
                    coalesce(bit_or(deny) FILTER (WHERE role_id IS NULL), 0) AS d2,
                    coalesce(bit_or(allow) FILTER (WHERE role_id IS NULL), 0) AS a2
                FROM channel_permissions AS overwrite
                -- A server may lack everyone's role.
                CROSS JOIN LATERAL (
                    SELECT coalesce(everyone.id, '00000000-0000-0000-0000-000000000000')
                    AS everyone_id
                ) AS known
                WHERE
                    overwrite.space_id = place.server_id
                    AND overwrite.channel_id
                    = CASE place.kind WHEN 'thread' THEN place.parent_id ELSE place.id END
                    AND (
                        overwrite.user_id = %(user)s
                        OR overwrite.role_id = everyone_id
                        OR EXISTS (
                            SELECT
                            FROM member_roles AS given
                            WHERE
                                given.space_id = place.server_id
                                AND given.user_id = %(user)s
                                AND given.role_id = overwrite.role_id
                        )
                    )
            ) AS rule
            WHERE
                place.id = %(channel)s
                AND place.deleted_at IS NULL
                AND (
                    participant.user_id IS NOT NULL
                    OR (member.user_id IS NOT NULL AND server.space_id IS NOT NULL)
                )
                AND CASE place.kind WHEN 'thread' THEN EXISTS (
                    SELECT FROM channels AS parent
                    WHERE parent.id = place.parent_id AND parent.deleted_at IS NULL
                ) ELSE TRUE END
            OFFSET 0
        ) AS ruled
        OFFSET 0
    ) AS placed
    WHERE server_id IS NULL OR is_unlimited OR placed & 1024 <> 0
)
