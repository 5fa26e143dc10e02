-- A column cannot be taken out of a view. It is made again, and whoever was granted it has it again: a
-- rollback that took the application's right to read would be an outage.

SELECT
    set_config(
        'chat.grants',
        coalesce(
            (
                SELECT string_agg(
                    format(
                        'GRANT %s ON public.channel_access TO %s%s;',
                        acl.privilege_type,
                        CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END,
                        CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
                    ),
                    ' '
                )
                FROM pg_class AS relation
                CROSS JOIN aclexplode(relation.relacl) AS acl
                WHERE
                    relation.oid = 'public.channel_access'::regclass
                    AND acl.grantee <> relation.relowner
            ),
            ''
        ),
        TRUE
    );

DROP VIEW public.channel_access;

-- As in 0010, where the bits are explained.
CREATE VIEW public.channel_access (
    user_id, server_id, channel_id, permissions, last_seq, last_message_at
) AS
SELECT
    member.user_id,
    channel.server_id,
    channel.id,
    effective.permissions,
    channel.last_seq,
    channel.last_message_at
FROM public.server_members AS member
INNER JOIN public.servers AS server
    ON server.id = member.server_id AND server.deleted_at IS NULL
INNER JOIN public.channels AS channel
    ON channel.server_id = member.server_id AND channel.deleted_at IS NULL
LEFT JOIN public.channels AS thread_parent
    ON
        channel.kind = 'thread'
        AND thread_parent.server_id = channel.server_id
        AND thread_parent.id = channel.parent_id
-- Everyone's role and the member's own, found from the member: a search among all who have a role
-- would grow with the server. Their ids are kept for the overwrites.
CROSS JOIN LATERAL (
    SELECT
        coalesce(bit_or(role.permissions), 0) & 8866461766385663 AS permissions,
        array_agg(role.id) AS role_ids,
        (array_agg(role.id) FILTER (WHERE role.position = 0))[1] AS everyones_id
    FROM (
        SELECT everyones.id, everyones.position, everyones.permissions
        FROM public.roles AS everyones
        WHERE everyones.server_id = member.server_id AND everyones.position = 0
        UNION ALL
        SELECT own.id, own.position, own.permissions
        FROM public.member_roles AS given
        INNER JOIN public.roles AS own
            ON own.server_id = given.server_id AND own.id = given.role_id
        WHERE given.server_id = member.server_id AND given.user_id = member.user_id
    ) AS role
) AS base
CROSS JOIN LATERAL (
    SELECT server.owner_id = member.user_id OR base.permissions & 8 <> 0 AS is_unlimited
) AS rank
-- Everyone's overwrite, then those of all roles together (an allow beats a deny), then the
-- member's. A thread has its parent's. ADMINISTRATOR is not for an overwrite to give.
CROSS JOIN LATERAL (
    SELECT
        (
            (
                (
                    (
                        (
                            (
                                base.permissions
                                & ~coalesce(bit_or(rule.deny) FILTER (WHERE rule.is_everyones), 0)
                            )
                            | coalesce(bit_or(rule.allow) FILTER (WHERE rule.is_everyones), 0)
                        )
                        & ~coalesce(bit_or(rule.deny) FILTER (WHERE rule.is_roles), 0)
                    )
                    | coalesce(bit_or(rule.allow) FILTER (WHERE rule.is_roles), 0)
                )
                & ~coalesce(bit_or(rule.deny) FILTER (WHERE rule.is_members), 0)
            )
            | coalesce(bit_or(rule.allow) FILTER (WHERE rule.is_members), 0)
        )
        & 8866461766385655
        AS permissions
    FROM (
        SELECT
            overwrite.allow,
            overwrite.deny,
            overwrite.role_id IS NOT DISTINCT FROM base.everyones_id
            AND overwrite.user_id IS NULL AS is_everyones,
            overwrite.role_id IS DISTINCT FROM base.everyones_id
            AND overwrite.user_id IS NULL AS is_roles,
            overwrite.user_id IS NOT NULL AS is_members
        FROM public.channel_permissions AS overwrite
        WHERE
            NOT rank.is_unlimited
            AND overwrite.server_id = channel.server_id
            AND overwrite.channel_id = coalesce(thread_parent.id, channel.id)
            AND (
                overwrite.user_id = member.user_id
                OR overwrite.role_id = ANY (base.role_ids)
            )
    ) AS rule
) AS overwritten
-- To send in a thread is SEND_MESSAGES_IN_THREADS, bit 38; callers ask for SEND_MESSAGES anywhere.
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN channel.kind = 'thread'
                THEN (overwritten.permissions & ~2048::bigint)
                    | ((overwritten.permissions >> 27) & 2048)
            ELSE overwritten.permissions
        END AS permissions
) AS placed
CROSS JOIN LATERAL (
    SELECT
        CASE
            WHEN rank.is_unlimited THEN 8866461766385663
            WHEN placed.permissions & 1024 = 0 THEN 0
            -- In a timeout: VIEW_CHANNEL and READ_MESSAGE_HISTORY.
            WHEN member.timed_out_until > now() THEN placed.permissions & 66560
            ELSE
                placed.permissions
                -- Without SEND_MESSAGES: no SEND_TTS_MESSAGES, EMBED_LINKS, ATTACH_FILES,
                -- MENTION_EVERYONE.
                & CASE WHEN placed.permissions & 2048 = 0 THEN ~184320::bigint ELSE -1 END
                -- Without CONNECT in a voice channel: nothing of voice, no MANAGE_CHANNELS, no
                -- MANAGE_ROLES.
                & CASE
                    WHEN channel.kind = 'voice' AND placed.permissions & 1048576 = 0
                        THEN ~321611779539728
                    ELSE -1
                END
        END AS permissions
) AS effective
WHERE
    effective.permissions <> 0
    AND (channel.kind <> 'thread' OR thread_parent.deleted_at IS NULL);

COMMENT ON VIEW public.channel_access IS
    'What each member may do in each channel they can see; no row, no access.';

DO $block$
BEGIN
    EXECUTE current_setting('chat.grants');
END
$block$;
