-- What one user may do in one channel or conversation: a row of `access`, or none. A key that is
-- NULL reads nothing, so a conversation asks for no server and a channel for no participant.
place AS MATERIALIZED (
    SELECT
        id,
        space_id,
        server_id,
        kind,
        CASE WHEN server_id IS NULL THEN space_id END AS conversation_id,
        CASE kind WHEN 'thread' THEN parent_id ELSE id END AS ruled_by,
        kind <> 'thread' OR EXISTS (
            SELECT FROM channels AS parent
            WHERE parent.id = channels.parent_id AND parent.deleted_at IS NULL
        ) AS is_there
    FROM channels
    WHERE id = %(channel)s AND deleted_at IS NULL
),
everyone AS MATERIALIZED (
    SELECT id FROM roles WHERE space_id = (SELECT server_id FROM place) AND position = 0
),
given AS MATERIALIZED (
    SELECT id FROM everyone
    UNION ALL
    SELECT role_id
    FROM member_roles
    WHERE space_id = (SELECT server_id FROM place) AND user_id = %(user)s
),
access AS MATERIALIZED (
    SELECT space_id, id AS channel_id, CASE
            WHEN conversation_id IS NOT NULL THEN 2251799813803072
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
            id, space_id, conversation_id, kind, is_timed_out, is_unlimited,
            CASE kind WHEN 'thread'
                THEN (ruled & ~2048::bigint) | ((ruled >> 27) & 2048) ELSE ruled
            END AS placed
        FROM (
            SELECT
                place.id, place.space_id, place.conversation_id, place.kind,
                member.timed_out_until > now() AS is_timed_out,
                server.owner_id = %(user)s OR base.bits & 8 <> 0 AS is_unlimited,
                (((((((base.bits & rule.d0) | rule.a0) & rule.d1) | rule.a1) & rule.d2) | rule.a2)
                & 8866461766385655) AS ruled
            FROM place
            LEFT JOIN servers AS server
                ON server.space_id = place.server_id AND server.deleted_at IS NULL
            LEFT JOIN server_members AS member
                ON member.space_id = place.server_id AND member.user_id = %(user)s
            LEFT JOIN participants AS participant
                ON
                    participant.space_id = place.conversation_id
                    AND participant.user_id = %(user)s
                    AND participant.left_at IS NULL
            CROSS JOIN (
                SELECT coalesce(bit_or(permissions), 0) & 8866461766385663 AS bits
                FROM roles
                WHERE
                    space_id = (SELECT server_id FROM place)
                    AND id IN (SELECT id FROM given)
            ) AS base
            CROSS JOIN (
                SELECT
                    ~coalesce(bit_or(deny) FILTER (WHERE rank = 0), 0) AS d0,
                    coalesce(bit_or(allow) FILTER (WHERE rank = 0), 0) AS a0,
                    ~coalesce(bit_or(deny) FILTER (WHERE rank = 1), 0) AS d1,
                    coalesce(bit_or(allow) FILTER (WHERE rank = 1), 0) AS a1,
                    ~coalesce(bit_or(deny) FILTER (WHERE rank = 2), 0) AS d2,
                    coalesce(bit_or(allow) FILTER (WHERE rank = 2), 0) AS a2
                FROM (
                    SELECT
                        allow, deny,
                        CASE
                            WHEN role_id IS NULL THEN 2
                            WHEN role_id = (SELECT id FROM everyone) THEN 0
                            ELSE 1
                        END AS rank
                    FROM channel_permissions
                    WHERE
                        space_id = (SELECT server_id FROM place)
                        AND channel_id = (SELECT ruled_by FROM place)
                        AND (user_id = %(user)s OR role_id IN (SELECT id FROM given))
                ) AS ranked
            ) AS rule
            WHERE
                place.is_there
                AND (
                    participant.user_id IS NOT NULL
                    OR (member.user_id IS NOT NULL AND server.space_id IS NOT NULL)
                )
            OFFSET 0
        ) AS ruled
        OFFSET 0
    ) AS placed
    WHERE conversation_id IS NOT NULL OR is_unlimited OR placed & 1024 <> 0
)
