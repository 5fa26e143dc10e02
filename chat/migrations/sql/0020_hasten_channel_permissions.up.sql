-- Answers for one channel in two thirds of the time, and lets a direct send wait for its author's erasure.

-- The same as the view channel_access says, step by step instead of in one query: most of what the
-- view costs for a single channel is to set up its twenty nodes and all their expressions each time.
-- These steps keep their plans and end where the answer is known. A test holds the two together.
-- Bits: as in the view.
--
-- PL/pgSQL sets up each expression that it comes to once in each transaction, and a send is one. So
-- there are few on the way that most answers take, and what is not set is NULL.
CREATE OR REPLACE FUNCTION public.channel_permissions(of_user uuid, in_channel uuid) RETURNS bigint
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

-- The key to the author of a direct message leads to the participant and not to the user, so it
-- does not wait for an erasure that is under way. Here each author's row is held, in the order of
-- their ids, and looked at as it is once the lock is there.
CREATE FUNCTION public.refuse_erased_direct_author() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    author record;
BEGIN
    -- On a cluster: as refuse_erased_author.
    IF right(TG_TABLE_NAME, 1) BETWEEN '0' AND '9' THEN
        RETURN NULL;
    END IF;

    FOR author IN
        SELECT account.id, account.erased_at
        FROM public.users AS account
        WHERE account.id = ANY (ARRAY(SELECT inserted.author_id FROM inserted))
        ORDER BY account.id
        FOR KEY SHARE
    LOOP
        IF author.erased_at IS NOT NULL THEN
            RAISE EXCEPTION 'user % is erased and writes nothing', author.id
                USING
                    ERRCODE = 'check_violation',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE OR REPLACE TRIGGER direct_messages_author_not_erased
    AFTER INSERT ON public.direct_messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_direct_author();
