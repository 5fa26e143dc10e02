-- Every channel that one user sees in the servers of `belonging`, as rows of `place`: the roles once
-- a server, the overwrites once a server. FULL JOIN leaves the planner no nested loop, however few
-- rows it expects; OFFSET 0 keeps an expression from being written several times into the next
-- step. A channel that takes messages is in nothing deleted, so only a closed thread looks for its
-- parent.
member AS MATERIALIZED (
    SELECT
        space_id, is_timed_out, everyones_id, role_ids, bits,
        is_owner OR bits & 8 <> 0 AS is_unlimited
    FROM (
        SELECT
            belonging.space_id,
            coalesce(belonging.timed_out_until > now(), FALSE) AS is_timed_out,
            server.owner_id = %(user)s AS is_owner,
            everyone.id AS everyones_id,
            own.role_ids,
            (coalesce(own.bits, 0) | coalesce(everyone.permissions, 0)) & 8866461766385663 AS bits
        FROM belonging
        INNER JOIN servers AS server
            ON server.space_id = belonging.space_id AND server.deleted_at IS NULL
        LEFT JOIN roles AS everyone
            ON everyone.space_id = belonging.space_id AND everyone.position = 0
        CROSS JOIN LATERAL (
            SELECT bit_or(role.permissions) AS bits, array_agg(role.id) AS role_ids
            FROM member_roles AS given
            INNER JOIN roles AS role ON role.id = given.role_id AND role.position > 0
            WHERE given.space_id = belonging.space_id AND given.user_id = %(user)s
        ) AS own
        OFFSET 0
    ) AS held
),
own_role AS MATERIALIZED (
    SELECT everyones_id AS id, TRUE AS is_everyones FROM member
    UNION ALL
    SELECT unnest(role_ids), FALSE FROM member
),
rule AS (
    SELECT
        channel_id,
        ~coalesce(bit_or(deny) FILTER (WHERE rank = 0), 0) AS d0,
        coalesce(bit_or(allow) FILTER (WHERE rank = 0), 0) AS a0,
        ~coalesce(bit_or(deny) FILTER (WHERE rank = 1), 0) AS d1,
        coalesce(bit_or(allow) FILTER (WHERE rank = 1), 0) AS a1,
        ~coalesce(bit_or(deny) FILTER (WHERE rank = 2), 0) AS d2,
        coalesce(bit_or(allow) FILTER (WHERE rank = 2), 0) AS a2
    FROM (
        SELECT
            overwrite.channel_id,
            overwrite.allow,
            overwrite.deny,
            CASE WHEN own_role.is_everyones THEN 0 WHEN overwrite.role_id IS NULL THEN 2 ELSE 1 END
            AS rank
        FROM member
        CROSS JOIN LATERAL (
            SELECT channel_id, role_id, allow, deny
            FROM channel_permissions
            WHERE
                space_id = member.space_id
                AND (user_id = %(user)s OR role_id IN (SELECT id FROM own_role))
            OFFSET 0
        ) AS overwrite
        LEFT JOIN own_role ON own_role.id = overwrite.role_id AND own_role.is_everyones
        WHERE NOT member.is_unlimited
        OFFSET 0
    ) AS ranked
    GROUP BY channel_id
),
place AS (
    SELECT
        space_id, channel_id, parent_id, kind, name, position, first_seq, last_seq,
        last_message_at, ranges_upto,
        CASE
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
            *,
            CASE kind WHEN 'thread'
                THEN (ruled & ~2048::bigint) | ((ruled >> 27) & 2048) ELSE ruled
            END AS placed
        FROM (
            SELECT
                channel.*,
                CASE
                    WHEN rule.channel_id IS NULL THEN channel.bits & 8866461766385655
                    ELSE
                        (((((((channel.bits & rule.d0) | rule.a0) & rule.d1) | rule.a1) & rule.d2)
                        | rule.a2) & 8866461766385655)
                END AS ruled
            FROM (
                SELECT
                    channel.*, counter.first_seq, counter.last_seq, counter.last_message_at,
                    counter.ranges_upto, counter.closed
                FROM (
                    SELECT
                        channel.*, member.is_timed_out, member.is_unlimited, member.bits,
                        CASE channel.kind
                            WHEN 'thread' THEN channel.parent_id ELSE channel.channel_id
                        END AS ruled_by
                    FROM member
                    CROSS JOIN LATERAL (
                        SELECT space_id, id AS channel_id, parent_id, kind, name, position
                        FROM channels
                        WHERE
                            space_id = member.space_id
                            AND deleted_at IS NULL
                            AND (archived_at IS NULL OR kind <> 'thread' OR %(with_archived)s)
                        OFFSET 0
                    ) AS channel
                    OFFSET 0
                ) AS channel
                FULL JOIN (
                    SELECT counter.*
                    FROM member
                    CROSS JOIN LATERAL (
                        SELECT
                            channel_id, first_seq, last_seq, last_message_at, ranges_upto, closed
                        FROM channel_counters
                        WHERE space_id = member.space_id
                        OFFSET 0
                    ) AS counter
                    OFFSET 0
                ) AS counter ON counter.channel_id = channel.channel_id
                OFFSET 0
            ) AS channel
            FULL JOIN rule ON rule.channel_id = channel.ruled_by
            OFFSET 0
        ) AS ruled
        OFFSET 0
    ) AS placed
    WHERE
        (is_unlimited OR placed & 1024 <> 0)
        AND CASE WHEN closed AND kind = 'thread' THEN EXISTS (
            SELECT FROM channels AS parent
            WHERE parent.id = placed.parent_id AND parent.deleted_at IS NULL
        ) ELSE TRUE END
)
