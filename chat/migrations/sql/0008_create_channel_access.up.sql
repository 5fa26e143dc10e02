-- What each user may do in each channel and conversation, as one relation. The order is that of
-- Discord's public documentation; chat/rules/permissions.py is the same in Python, and a test holds them
-- together.
--
-- It is flat, so that a cluster can answer it, and no hot path asks it: one place is asked by the
-- function below, and all places of a user by chat/queries/sql/places.sql.
--
-- PostgreSQL gives |, &, << and >> one precedence and reads them from left to right, hence the many
-- parentheses. Bits: 8 is ADMINISTRATOR, 1024 VIEW_CHANNEL, 2048 SEND_MESSAGES; 8866461766385663 is every
-- permission there is, 8866461766385655 every one that an overwrite can carry, and 2251799813803072 what
-- who takes part in a conversation has there: VIEW_CHANNEL, READ_MESSAGE_HISTORY, SEND_MESSAGES,
-- EMBED_LINKS, ATTACH_FILES, ADD_REACTIONS and PIN_MESSAGES.

CREATE VIEW public.channel_access (
    user_id, space_id, channel_id, permissions, last_seq, last_message_at, role_ids
) AS
SELECT
    placed.user_id,
    placed.space_id,
    placed.channel_id,
    CASE
        WHEN placed.is_unlimited THEN 8866461766385663
        -- In a timeout: VIEW_CHANNEL and READ_MESSAGE_HISTORY.
        WHEN placed.timed_out_until > now() THEN placed.permissions & 66560
        ELSE
            placed.permissions
            -- Without SEND_MESSAGES: no SEND_TTS_MESSAGES, EMBED_LINKS, ATTACH_FILES,
            -- MENTION_EVERYONE.
            & CASE WHEN placed.permissions & 2048 = 0 THEN ~184320::bigint ELSE -1 END
            -- Without CONNECT in a voice channel: nothing of voice, no MANAGE_CHANNELS, no
            -- MANAGE_ROLES.
            & CASE
                WHEN placed.kind = 'voice' AND placed.permissions & 1048576 = 0
                    THEN ~321611779539728
                ELSE -1
            END
    END AS permissions,
    placed.last_seq,
    placed.last_message_at,
    placed.role_ids
FROM (
    SELECT
        ruled.*,
        ruled.owner_id = ruled.user_id OR ruled.base & 8 <> 0 AS is_unlimited,
        -- To send in a thread is SEND_MESSAGES_IN_THREADS, bit 38; callers ask for SEND_MESSAGES
        -- anywhere.
        CASE
            WHEN ruled.kind = 'thread'
                THEN (ruled.overwritten & ~2048::bigint) | ((ruled.overwritten >> 27) & 2048)
            ELSE ruled.overwritten
        END AS permissions
    FROM (
        SELECT
            held.*,
            -- Everyone's overwrite, then those of all roles together (an allow beats a deny), then
            -- the member's. ADMINISTRATOR is not for an overwrite to give.
            (
                (
                    (
                        (
                            ((held.base & ~held.everyones_deny) | held.everyones_allow)
                            & ~held.roles_deny
                        )
                        | held.roles_allow
                    )
                    & ~held.members_deny
                )
                | held.members_allow
            )
            & 8866461766385655 AS overwritten
        FROM (
            -- One group is one member in one channel; its rows are their roles above everyone's, each
            -- with the overwrites of the channel for the member, for everyone and for that role. A
            -- thread has its parent's overwrites.
            SELECT
                member.user_id,
                channel.space_id,
                channel.id AS channel_id,
                channel.kind,
                counter.last_seq,
                counter.last_message_at,
                member.timed_out_until,
                server.owner_id,
                (coalesce(everyones.permissions, 0) | coalesce(bit_or(own.permissions), 0))
                & 8866461766385663 AS base,
                array_remove(array_agg(DISTINCT own.id) || everyones.id, NULL) AS role_ids,
                coalesce(bit_or(rule.allow) FILTER (WHERE rule.role_id = everyones.id), 0)
                AS everyones_allow,
                coalesce(bit_or(rule.deny) FILTER (WHERE rule.role_id = everyones.id), 0)
                AS everyones_deny,
                coalesce(
                    bit_or(rule.allow) FILTER (
                        WHERE rule.user_id IS NULL AND rule.role_id IS DISTINCT FROM everyones.id
                    ),
                    0
                ) AS roles_allow,
                coalesce(
                    bit_or(rule.deny) FILTER (
                        WHERE rule.user_id IS NULL AND rule.role_id IS DISTINCT FROM everyones.id
                    ),
                    0
                ) AS roles_deny,
                coalesce(bit_or(rule.allow) FILTER (WHERE rule.user_id IS NOT NULL), 0)
                AS members_allow,
                coalesce(bit_or(rule.deny) FILTER (WHERE rule.user_id IS NOT NULL), 0)
                AS members_deny
            FROM public.server_members AS member
            INNER JOIN public.servers AS server
                ON server.space_id = member.space_id AND server.deleted_at IS NULL
            INNER JOIN public.channels AS channel
                ON channel.space_id = member.space_id AND channel.deleted_at IS NULL
            INNER JOIN public.channel_counters AS counter
                ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
            LEFT JOIN public.channels AS parent
                ON
                    channel.kind = 'thread'
                    AND parent.space_id = channel.space_id
                    AND parent.id = channel.parent_id
            LEFT JOIN public.roles AS everyones
                ON everyones.space_id = member.space_id AND everyones.position = 0
            LEFT JOIN public.member_roles AS given
                ON given.space_id = member.space_id AND given.user_id = member.user_id
            LEFT JOIN public.roles AS own
                ON own.space_id = member.space_id AND own.id = given.role_id
            LEFT JOIN public.channel_permissions AS rule
                ON
                    rule.space_id = channel.space_id
                    AND rule.channel_id = coalesce(parent.id, channel.id)
                    AND (
                        rule.user_id = member.user_id
                        OR rule.role_id = everyones.id
                        OR rule.role_id = own.id
                    )
            WHERE channel.kind <> 'thread' OR parent.deleted_at IS NULL
            GROUP BY
                member.user_id,
                channel.space_id,
                channel.id,
                channel.kind,
                counter.last_seq,
                counter.last_message_at,
                member.timed_out_until,
                server.owner_id,
                everyones.id,
                everyones.permissions
        ) AS held
    ) AS ruled
) AS placed
WHERE placed.is_unlimited OR placed.permissions & 1024 <> 0
UNION ALL
SELECT
    own.user_id,
    conversation.space_id,
    conversation.id,
    2251799813803072,
    counter.last_seq,
    counter.last_message_at,
    NULL
FROM public.participants AS own
INNER JOIN public.channels AS conversation
    ON
        conversation.space_id = own.space_id
        AND conversation.id = own.space_id
        AND conversation.deleted_at IS NULL
INNER JOIN public.channel_counters AS counter
    ON counter.space_id = conversation.space_id AND counter.channel_id = conversation.id
WHERE own.left_at IS NULL;

COMMENT ON VIEW public.channel_access IS
    'What each user may do in each channel and conversation they can see; no row, no access.';

-- Most channels are conversations, each a space of its own. From a sample of them the planner would take
-- a space to be one channel, and look at every channel of a server for each parent and each counter.
ALTER TABLE public.channels ALTER COLUMN space_id SET (n_distinct = -0.1);
ALTER TABLE public.channel_counters ALTER COLUMN space_id SET (n_distinct = -0.1);

-- The permissions of one user in one channel, 0 for none, for any client in any language: the same as
-- the view says, step by step instead of in one query.
-- Most of what the view costs for a single channel is to set up its twenty nodes and all their
-- expressions each time. These steps keep their plans, through a pooler too, and end where the answer
-- is known. A test holds the two together.
--
-- PL/pgSQL sets up each expression that it comes to once in each transaction, and a send is one. So
-- there are few on the way that most answers take, and what is not set is NULL.
CREATE FUNCTION public.channel_permissions(
    of_user uuid, in_space uuid, in_channel uuid
) RETURNS bigint
LANGUAGE plpgsql
STABLE
PARALLEL SAFE
AS $function$
DECLARE
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
    -- A conversation is a space of its own.
    IF in_space = in_channel THEN
        PERFORM
        FROM public.participants AS own
        INNER JOIN public.channels AS conversation
            ON
                conversation.space_id = in_space
                AND conversation.id = in_channel
                AND conversation.deleted_at IS NULL
        WHERE own.space_id = in_space AND own.user_id = of_user AND own.left_at IS NULL;

        RETURN CASE WHEN FOUND THEN 2251799813803072 ELSE 0 END;
    END IF;

    SELECT
        channel.kind,
        CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END,
        server.owner_id = of_user,
        member.timed_out_until > now(),
        everyones.id,
        everyones.permissions
    INTO
        channel_kind, ruling_id, is_owner, is_timed_out, everyones_id, of_everyone
    FROM public.channels AS channel
    INNER JOIN public.servers AS server
        ON server.space_id = in_space AND server.deleted_at IS NULL
    INNER JOIN public.server_members AS member
        ON member.space_id = in_space AND member.user_id = of_user
    LEFT JOIN public.roles AS everyones
        ON everyones.space_id = in_space AND everyones.position = 0
    WHERE
        channel.space_id = in_space
        AND channel.id = in_channel
        AND channel.deleted_at IS NULL;

    IF NOT FOUND THEN
        RETURN 0;
    END IF;

    IF channel_kind = 'thread' THEN
        PERFORM
        FROM public.channels AS thread_parent
        WHERE
            thread_parent.space_id = in_space
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
    INNER JOIN public.roles AS role ON role.space_id = in_space AND role.id = own.role_id
    WHERE own.space_id = in_space AND own.user_id = of_user;

    permissions := (coalesce(of_everyone, 0) | coalesce(of_roles, 0)) & 8866461766385663;

    IF permissions & 8 <> 0 THEN
        RETURN 8866461766385663;
    END IF;

    FOR rule IN
        SELECT overwrite.role_id, overwrite.allow, overwrite.deny
        FROM public.channel_permissions AS overwrite
        WHERE
            overwrite.space_id = in_space
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
-- Two sends of one author at once must not both find that enough time has passed. So the counter is
-- locked here, which the numbering of the message would lock a moment later. A statement sees what
-- was committed when it began; VOLATILE makes each query in here see what was committed before that
-- query, and so the message for which the lock was waited. The lock needs the right to update.
CREATE FUNCTION public.slow_mode_wait(of_author uuid, in_space uuid, in_channel uuid)
RETURNS interval
LANGUAGE plpgsql
VOLATILE
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    gap interval;
    sent_at timestamptz;
BEGIN
    PERFORM
    FROM public.channel_counters
    WHERE space_id = in_space AND channel_id = in_channel
    FOR NO KEY UPDATE;

    SELECT make_interval(secs => slowmode_seconds) INTO gap
    FROM public.channels
    WHERE space_id = in_space AND id = in_channel;

    SELECT last_sent_at INTO sent_at
    FROM public.read_states
    WHERE space_id = in_space AND user_id = of_author AND channel_id = in_channel;

    RETURN greatest(coalesce(sent_at + gap - clock_timestamp(), interval '0'), interval '0');
END
$function$;

-- For a statement that waited for a lock after it had looked at the permissions: what was taken from
-- the user meanwhile counts. VOLATILE, so that it looks at what has been committed by now.
CREATE FUNCTION public.require_permissions(
    of_user uuid, in_space uuid, in_channel uuid, needed bigint
) RETURNS void
LANGUAGE plpgsql
VOLATILE
AS $function$
BEGIN
    IF public.channel_permissions(of_user, in_space, in_channel) & needed <> needed THEN
        PERFORM public.refuse(
            format('user %s may not do that any more in channel %s', of_user, in_channel),
            'Ask channel_permissions() again, and tell the user.',
            'messages',
            'messages_permitted'
        );
    END IF;
END
$function$;
