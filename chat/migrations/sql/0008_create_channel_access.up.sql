-- What each member may do in each channel, as one relation. The order is that of Discord's public
-- documentation; chat/permissions.py is the same in Python, and a test holds them together.
--
-- PostgreSQL gives |, &, << and >> one precedence and reads them from left to right, hence the many
-- parentheses. Bits: 8 is ADMINISTRATOR, 1024 VIEW_CHANNEL, 2048 SEND_MESSAGES; 8866461766385663 is every
-- permission there is, 8866461766385655 every one that an overwrite can carry.

CREATE VIEW public.channel_access (
    user_id, server_id, channel_id, permissions, last_seq, last_message_at, role_ids
) AS
SELECT
    member.user_id,
    channel.server_id,
    channel.id,
    effective.permissions,
    channel.last_seq,
    channel.last_message_at,
    base.role_ids
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

-- The permissions of one user in one channel, 0 for none, for any client in any language: the same as
-- the view says, step by step instead of in one query.
-- Most of what the view costs for a single channel is to set up its twenty nodes and all their
-- expressions each time. These steps keep their plans, through a pooler too, and end where the answer
-- is known. A test holds the two together.
--
-- PL/pgSQL sets up each expression that it comes to once in each transaction, and a send is one. So
-- there are few on the way that most answers take, and what is not set is NULL.
CREATE FUNCTION public.channel_permissions(of_user uuid, in_channel uuid) RETURNS bigint
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $function$
DECLARE
    in_server uuid;
    channel_kind text;
    -- Whose overwrites count: a thread has its parent's.
    ruling_id uuid;
    is_owner boolean;
    is_timed_out boolean;
    everyones_id uuid;
    role_ids uuid[];
    of_everyone bigint;
    of_roles bigint;
    permissions bigint;
    rule record;
    everyones_allow bigint;
    everyones_deny bigint;
    roles_allow bigint;
    roles_deny bigint;
    members_allow bigint;
    members_deny bigint;
BEGIN
    SELECT
        channel.server_id,
        channel.kind,
        CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END,
        server.owner_id = of_user,
        member.timed_out_until > now(),
        everyones.id,
        everyones.permissions
    INTO
        in_server, channel_kind, ruling_id, is_owner, is_timed_out, everyones_id, of_everyone
    FROM public.channels AS channel
    INNER JOIN public.servers AS server
        ON server.id = channel.server_id AND server.deleted_at IS NULL
    INNER JOIN public.server_members AS member
        ON member.server_id = channel.server_id AND member.user_id = of_user
    LEFT JOIN public.roles AS everyones
        ON everyones.server_id = channel.server_id AND everyones.position = 0
    WHERE channel.id = in_channel AND channel.deleted_at IS NULL;

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    IF channel_kind = 'thread' THEN
        PERFORM
        FROM public.channels AS thread_parent
        WHERE
            thread_parent.server_id = in_server
            AND thread_parent.id = ruling_id
            AND thread_parent.deleted_at IS NULL;

        IF NOT FOUND THEN
            RETURN 0;
        END IF;
    END IF;

    IF is_owner THEN
        RETURN 8866461766385663;
    END IF;

    SELECT array_agg(role.id), bit_or(role.permissions)
    INTO role_ids, of_roles
    FROM public.member_roles AS own
    INNER JOIN public.roles AS role ON role.server_id = own.server_id AND role.id = own.role_id
    WHERE own.server_id = in_server AND own.user_id = of_user;

    permissions := (coalesce(of_everyone, 0) | coalesce(of_roles, 0)) & 8866461766385663;

    IF permissions & 8 <> 0 THEN
        RETURN 8866461766385663;
    END IF;

    FOR rule IN
        SELECT overwrite.role_id, overwrite.allow, overwrite.deny
        FROM public.channel_permissions AS overwrite
        WHERE
            overwrite.server_id = in_server
            AND overwrite.channel_id = ruling_id
            AND (
                overwrite.user_id = of_user
                OR overwrite.role_id = everyones_id
                OR overwrite.role_id = ANY (role_ids)
            )
    LOOP
        IF rule.role_id IS NULL THEN
            members_allow := rule.allow;
            members_deny := rule.deny;
        ELSIF rule.role_id = everyones_id THEN
            everyones_allow := rule.allow;
            everyones_deny := rule.deny;
        ELSE
            roles_allow := coalesce(roles_allow, 0) | rule.allow;
            roles_deny := coalesce(roles_deny, 0) | rule.deny;
        END IF;
    END LOOP;

    -- A loop that came to any row.
    IF FOUND THEN
        permissions := (permissions & ~coalesce(everyones_deny, 0)) | coalesce(everyones_allow, 0);
        permissions := (permissions & ~coalesce(roles_deny, 0)) | coalesce(roles_allow, 0);
        permissions := (permissions & ~coalesce(members_deny, 0)) | coalesce(members_allow, 0);
        permissions := permissions & 8866461766385655;
    END IF;

    IF channel_kind = 'thread' THEN
        permissions := (permissions & ~2048::bigint) | ((permissions >> 27) & 2048);
    END IF;

    IF permissions & 1024 = 0 THEN
        RETURN 0;
    END IF;

    IF is_timed_out THEN
        RETURN permissions & 66560;
    END IF;

    IF permissions & 2048 = 0 THEN
        permissions := permissions & ~184320::bigint;
    END IF;

    IF channel_kind = 'voice' AND permissions & 1048576 = 0 THEN
        permissions := permissions & ~321611779539728;
    END IF;

    RETURN permissions;
END
$function$;

-- Slow mode ---------------------------------------------------------------------------------------

-- How long an author still has to wait in a channel with slow mode; zero when the message may go.
--
-- Two sends of one author at once must not both find that enough time has passed. So the channel's
-- row is locked here, which the numbering of the message would lock a moment later. A statement
-- sees what was committed when it began; VOLATILE makes each query in here see what was committed
-- before that query, and so the message for which the lock was waited.
CREATE FUNCTION public.slow_mode_wait(of_author uuid, in_server uuid, in_channel uuid)
RETURNS interval
LANGUAGE plpgsql
VOLATILE
AS $function$
DECLARE
    gap interval;
    last_sent_at timestamptz;
BEGIN
    SELECT make_interval(secs => slowmode_seconds) INTO gap
    FROM public.channels
    WHERE server_id = in_server AND id = in_channel
    FOR NO KEY UPDATE;

    SELECT created_at INTO last_sent_at
    FROM public.messages
    WHERE server_id = in_server AND channel_id = in_channel AND author_id = of_author
    ORDER BY seq DESC
    LIMIT 1;

    RETURN greatest(
        coalesce(last_sent_at + gap - clock_timestamp(), interval '0'), interval '0'
    );
END
$function$;
