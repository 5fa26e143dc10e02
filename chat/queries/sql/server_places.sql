-- Every channel that one user can see in their servers from one to another, with or without archived
-- threads, and what they may do there: the rows of `server_place`; in `member` are the servers with the
-- user's roles. Other statements include it behind WITH.
--
-- The same as channel_access says, worked out for all at once: roles once for each server, overwrites
-- once for each server, and joined by hashes. OFFSET 0 keeps the planner from looking each channel up
-- by itself, and a CASE from being written into the next one; FULL JOIN, for which there is no nested
-- loop, joins the overwrites. For the bits see channel_access.
member AS MATERIALIZED (
    SELECT
        held.space_id,
        held.is_timed_out,
        held.role_ids,
        held.everyones_id,
        held.base,
        held.is_owner OR held.base & 8 <> 0 AS is_unlimited
    FROM (
        SELECT
            own.space_id,
            bool_or(server.owner_id = own.user_id) AS is_owner,
            coalesce(bool_or(own.timed_out_until > now()), FALSE) AS is_timed_out,
            coalesce(bit_or(role.permissions), 0) & 8866461766385663 AS base,
            array_agg(role.id) FILTER (WHERE role.id IS NOT NULL) AS role_ids,
            (array_agg(role.id) FILTER (WHERE role.position = 0))[1] AS everyones_id
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
    ) AS held
),
rule AS MATERIALIZED (
    SELECT
        overwrite.channel_id,
        coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 0), 0) AS everyones_allow,
        ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 0), 0) AS everyones_keep,
        coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 1), 0) AS roles_allow,
        ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 1), 0) AS roles_keep,
        coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 2), 0) AS members_allow,
        ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 2), 0) AS members_keep
    FROM member
    CROSS JOIN LATERAL (
        SELECT
            channel_id,
            allow,
            deny,
            CASE
                WHEN user_id IS NOT NULL THEN 2
                WHEN role_id = member.everyones_id THEN 0
                ELSE 1
            END AS rank
        FROM public.channel_permissions
        WHERE
            space_id = member.space_id
            AND (user_id = %(user)s OR role_id IN (SELECT unnest(role_ids) FROM member))
        OFFSET 0
    ) AS overwrite
    WHERE NOT member.is_unlimited
    GROUP BY overwrite.channel_id
),
server_place AS (
    SELECT
        placed.space_id,
        placed.id AS channel_id,
        CASE
            WHEN placed.is_unlimited THEN 8866461766385663
            WHEN placed.is_timed_out THEN placed.resolved & 66560
            ELSE
                placed.resolved
                & CASE WHEN placed.resolved & 2048 = 0 THEN ~184320::bigint ELSE -1 END
                & CASE
                    WHEN placed.kind = 'voice' AND placed.resolved & 1048576 = 0
                        THEN ~321611779539728
                    ELSE -1
                END
        END AS permissions,
        placed.kind,
        placed.parent_id,
        placed.name,
        placed.position,
        placed.ranges_upto,
        placed.first_seq,
        placed.last_seq,
        placed.last_message_at
    FROM (
        SELECT
            ruled.*,
            CASE ruled.kind
                WHEN 'thread'
                    THEN (ruled.overwritten & ~2048::bigint) | ((ruled.overwritten >> 27) & 2048)
                ELSE ruled.overwritten
            END AS resolved
        FROM (
            SELECT
                channel.*,
                CASE
                    WHEN rule.channel_id IS NULL THEN channel.base
                    ELSE
                        (((((channel.base & rule.everyones_keep) | rule.everyones_allow)
                        & rule.roles_keep) | rule.roles_allow)
                        & rule.members_keep) | rule.members_allow
                END & 8866461766385655 AS overwritten
            FROM (
                SELECT
                    channel.*,
                    member.space_id,
                    member.base,
                    member.is_timed_out,
                    member.is_unlimited
                FROM member
                CROSS JOIN LATERAL (
                    SELECT
                        channel.id,
                        channel.kind,
                        channel.parent_id,
                        channel.name,
                        channel.position,
                        counter.closed,
                        counter.first_seq,
                        counter.last_seq,
                        counter.ranges_upto,
                        counter.last_message_at
                    FROM public.channels AS channel
                    INNER JOIN public.channel_counters AS counter
                        ON counter.space_id = member.space_id AND counter.channel_id = channel.id
                    WHERE
                        channel.space_id = member.space_id
                        AND channel.deleted_at IS NULL
                        AND (
                            channel.archived_at IS NULL
                            OR channel.kind <> 'thread'
                            OR %(with_archived)s
                        )
                    OFFSET 0
                ) AS channel
            ) AS channel
            FULL JOIN rule
                ON
                    rule.channel_id
                    = CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END
            OFFSET 0
        ) AS ruled
        OFFSET 0
    ) AS placed
    WHERE
        (placed.is_unlimited OR placed.resolved & 1024 <> 0)
        -- A thread of a deleted channel is closed. EXISTS could be a hash of all channels there are.
        AND CASE
            WHEN placed.kind = 'thread' AND placed.closed THEN (
                SELECT parent.deleted_at IS NULL
                FROM public.channels AS parent
                WHERE parent.space_id = placed.space_id AND parent.id = placed.parent_id
            )
            ELSE TRUE
        END
)
