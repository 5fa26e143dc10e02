-- Every channel that one user can see in a server, the row of `member` (own_servers.sql), with or
-- without archived threads, and what they may do there. Other statements include it as LATERAL.
--
-- The same as channel_access says, worked out for all at once: overwrites are read once for the server,
-- and joined by hashes. OFFSET 0 keeps the planner from looking each channel up by itself, and a CASE
-- from being written into the next one; FULL JOIN, for which there is no nested loop, joins the
-- overwrites. For the bits see channel_access.
SELECT
    placed.id AS channel_id,
    CASE
        WHEN member.is_unlimited THEN 8866461766385663
        WHEN member.is_timed_out THEN placed.resolved & 66560
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
                WHEN rule.channel_id IS NULL THEN member.base
                ELSE
                    (((((member.base & rule.everyones_keep) | rule.everyones_allow)
                    & rule.roles_keep) | rule.roles_allow)
                    & rule.members_keep) | rule.members_allow
            END & 8866461766385655 AS overwritten
        FROM (
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
        FULL JOIN (
            SELECT
                overwrite.channel_id,
                coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 0), 0)
                    AS everyones_allow,
                ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 0), 0)
                    AS everyones_keep,
                coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 1), 0)
                    AS roles_allow,
                ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 1), 0)
                    AS roles_keep,
                coalesce(bit_or(overwrite.allow) FILTER (WHERE overwrite.rank = 2), 0)
                    AS members_allow,
                ~coalesce(bit_or(overwrite.deny) FILTER (WHERE overwrite.rank = 2), 0)
                    AS members_keep
            FROM (
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
                    AND NOT member.is_unlimited
                    AND (user_id = %(user)s OR role_id IN (SELECT unnest(member.role_ids)))
                OFFSET 0
            ) AS overwrite
            GROUP BY overwrite.channel_id
        ) AS rule
            ON
                rule.channel_id
                = CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END
        OFFSET 0
    ) AS ruled
    OFFSET 0
) AS placed
WHERE
    member.base IS NOT NULL
    -- No overwrite of a channel that is left out.
    AND placed.id IS NOT NULL
    AND (member.is_unlimited OR placed.resolved & 1024 <> 0)
    -- A thread of a deleted channel is closed. EXISTS could be a hash of all channels there are.
    AND CASE
        WHEN placed.kind = 'thread' AND placed.closed THEN (
            SELECT parent.deleted_at IS NULL
            FROM public.channels AS parent
            WHERE parent.space_id = member.space_id AND parent.id = placed.parent_id
        )
        ELSE TRUE
    END
