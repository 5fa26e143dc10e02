-- A message that was there before somebody could read it is not unread to them. Read is what takes
-- VIEW_CHANNEL and READ_MESSAGE_HISTORY (66560), as the counts do.
--
-- A change for few (a role that is given or taken, an overwrite of a member, another owner) moves their
-- marks. A change for many (the permissions of a role, an overwrite of a role, a thread that moves)
-- writes an opening for each channel that it may let somebody into: a range of numbers, and who could
-- read it before. Whoever counts asks whether the reader was among them.
--
-- What was before a change is what the tables say now, without the rows that were inserted (new_…) and
-- with those that were deleted (old_…), so that all of one statement counts as one change.

-- Whether these add up to VIEW_CHANNEL and READ_MESSAGE_HISTORY, as in channel_access. NULL is none.
CREATE FUNCTION public.lets_read(
    base bigint,
    everyones_allow bigint,
    everyones_deny bigint,
    roles_allow bigint,
    roles_deny bigint,
    members_allow bigint,
    members_deny bigint
) RETURNS boolean
LANGUAGE sql
IMMUTABLE
PARALLEL SAFE
AS $function$
    SELECT
        coalesce(base, 0) & 8 <> 0
        OR (
            (
                (
                    (
                        (
                            (
                                (coalesce(base, 0) & ~coalesce(everyones_deny, 0))
                                | coalesce(everyones_allow, 0)
                            )
                            & ~coalesce(roles_deny, 0)
                        )
                        | coalesce(roles_allow, 0)
                    )
                    & ~coalesce(members_deny, 0)
                )
                | coalesce(members_allow, 0)
            )
            & 66560
        ) = 66560;
$function$;

-- Whether somebody with these roles, and this overwrite of their own, could read a channel before an
-- opening. The first four are the opening's columns, and the first role in it is everyone's. A loop over
-- the few roles takes a fifth of the time that aggregates in a query take.
CREATE FUNCTION public.could_read(
    role_ids uuid[],
    permissions bigint[],
    allow bigint[],
    deny bigint[],
    of_roles uuid[],
    members_allow bigint,
    members_deny bigint
) RETURNS boolean
LANGUAGE plpgsql
IMMUTABLE
PARALLEL SAFE
AS $function$
DECLARE
    base bigint := 0;
    roles_allow bigint := 0;
    roles_deny bigint := 0;
BEGIN
    FOR place IN 1 .. cardinality(role_ids) LOOP
        IF role_ids[place] = ANY (of_roles) THEN
            base := base | permissions[place];
            IF place > 1 THEN
                roles_allow := roles_allow | allow[place];
                roles_deny := roles_deny | deny[place];
            END IF;
        END IF;
    END LOOP;

    RETURN public.lets_read(
        base, allow[1], deny[1], roles_allow, roles_deny, members_allow, members_deny
    );
END
$function$;

-- Writes down who could read channels of one space before a change, where not everybody could. Locks
-- the counters of these channels, parents before threads, and then by id.
CREATE FUNCTION public.write_openings(
    in_space uuid,
    -- NULL for all of the space. Their threads come along.
    in_channels uuid[],
    changed_role uuid DEFAULT NULL,
    permissions_before bigint DEFAULT NULL,
    new_rules uuid[] DEFAULT '{}',
    old_rules public.channel_permissions[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    WITH role AS MATERIALIZED (
        SELECT
            id,
            position,
            CASE WHEN id = changed_role THEN permissions_before ELSE permissions END & 66568
            AS permissions
        FROM public.roles
        WHERE space_id = in_space
        UNION ALL
        SELECT NULL, 0, 0
        WHERE NOT EXISTS (
            SELECT FROM public.roles WHERE space_id = in_space AND position = 0
        )
    ),

    rule AS MATERIALIZED (
        SELECT channel_id, role_id, user_id, allow & 66560 AS allow, deny & 66560 AS deny
        FROM public.channel_permissions
        WHERE
            space_id = in_space
            AND (in_channels IS NULL OR channel_id = ANY (in_channels))
            AND id <> ALL (new_rules)
        UNION ALL
        SELECT channel_id, role_id, user_id, allow & 66560, deny & 66560
        FROM unnest(old_rules)
        WHERE space_id = in_space
    ),

    -- Roles that change nothing for who has them, since everyone has as much, are left out.
    earlier AS MATERIALIZED (
        SELECT
            channel.id,
            array_agg(role.id ORDER BY role.position) AS role_ids,
            array_agg(role.permissions ORDER BY role.position) AS permissions,
            array_agg(coalesce(rule.allow, 0) ORDER BY role.position) AS allow,
            array_agg(coalesce(rule.deny, 0) ORDER BY role.position) AS deny
        FROM public.channels AS channel
        CROSS JOIN role
        LEFT JOIN rule ON rule.channel_id = channel.id AND rule.role_id = role.id
        WHERE
            channel.space_id = in_space
            AND channel.kind NOT IN ('category', 'thread')
            AND (in_channels IS NULL OR channel.id = ANY (in_channels))
            AND (
                role.position = 0
                OR role.permissions & ~(SELECT permissions FROM role WHERE position = 0) <> 0
                OR rule.allow | rule.deny <> 0
            )
        GROUP BY channel.id
        -- Where everyone could read, and it was denied to nobody, there is nobody to be let in.
        HAVING
            NOT public.lets_read(
                bit_or(role.permissions) FILTER (WHERE role.position = 0),
                bit_or(rule.allow) FILTER (WHERE role.position = 0),
                bit_or(rule.deny) FILTER (WHERE role.position = 0),
                0,
                bit_or(rule.deny) FILTER (WHERE role.position > 0),
                0,
                (
                    SELECT bit_or(own.deny)
                    FROM rule AS own
                    WHERE own.channel_id = channel.id AND own.user_id IS NOT NULL
                )
            )
    ),

    place AS MATERIALIZED (
        SELECT counter.channel_id, counter.last_seq, earlier.*
        FROM earlier
        INNER JOIN public.channels AS channel
            ON
                channel.space_id = in_space
                AND CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END
                = earlier.id
        INNER JOIN public.channel_counters AS counter
            ON counter.space_id = in_space AND counter.channel_id = channel.id
        WHERE counter.last_seq >= counter.first_seq
        ORDER BY channel.level, channel.id
        FOR NO KEY UPDATE OF counter
    ),

    -- A later opening with the same readers before it says all that an earlier one does.
    outdated AS (
        DELETE FROM public.read_ranges AS past
        USING place
        WHERE
            past.space_id = in_space
            AND past.channel_id = place.channel_id
            AND past.reason = 'opening'
            AND (past.role_ids, past.permissions, past.allow, past.deny)
            = (place.role_ids, place.permissions, place.allow, place.deny)
    ),

    written AS (
        INSERT INTO public.read_ranges (
            space_id, channel_id, first_seq, last_seq, reason, role_ids, permissions, allow, deny
        )
        SELECT in_space, channel_id, 1, last_seq, 'opening', role_ids, permissions, allow, deny
        FROM place
    )

    UPDATE public.channel_counters AS counter
    SET ranges_upto = place.last_seq
    FROM place
    WHERE
        counter.space_id = in_space
        AND counter.channel_id = place.channel_id
        AND counter.ranges_upto IS DISTINCT FROM place.last_seq;
END
$function$;

-- Moves the marks of users to what they could not read before and can now, and keeps for them what
-- openings said to them before.
CREATE FUNCTION public.move_marks(
    in_space uuid,
    of_users uuid[],
    -- NULL for all of the space. Their threads come along.
    in_channels uuid[] DEFAULT NULL,
    owner_before uuid DEFAULT NULL,
    new_given uuid[] DEFAULT '{}',
    old_given public.member_roles[] DEFAULT '{}',
    new_rules uuid[] DEFAULT '{}',
    old_rules public.channel_permissions[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    owner_now uuid;
BEGIN
    -- A server that is being purged takes its marks along.
    SELECT owner_id INTO owner_now FROM public.servers WHERE space_id = in_space;
    IF NOT FOUND THEN
        RETURN;
    END IF;

    WITH reader AS MATERIALIZED (
        SELECT
            member.user_id,
            moment.is_now,
            CASE WHEN moment.is_now THEN owner_now ELSE coalesce(owner_before, owner_now) END
            = member.user_id AS is_owner
        FROM public.server_members AS member
        CROSS JOIN (VALUES (FALSE), (TRUE)) AS moment (is_now)
        WHERE member.space_id = in_space AND member.user_id = ANY (of_users)
    ),

    given AS (
        SELECT own.user_id, own.role_id, moment.is_now
        FROM public.member_roles AS own
        CROSS JOIN (VALUES (FALSE), (TRUE)) AS moment (is_now)
        WHERE
            own.space_id = in_space
            AND own.user_id = ANY (of_users)
            AND (moment.is_now OR own.id <> ALL (new_given))
        UNION ALL
        SELECT gone.user_id, gone.role_id, FALSE
        FROM unnest(old_given) AS gone
        WHERE gone.space_id = in_space
        UNION ALL
        SELECT reader.user_id, everyones.id, reader.is_now
        FROM reader
        INNER JOIN public.roles AS everyones
            ON everyones.space_id = in_space AND everyones.position = 0
    ),

    held AS MATERIALIZED (
        SELECT given.*, role.position = 0 AS is_everyones, role.permissions & 66568 AS permissions
        FROM given
        INNER JOIN public.roles AS role ON role.space_id = in_space AND role.id = given.role_id
    ),

    -- The roles of each reader, before and now, with their permissions.
    equipped AS MATERIALIZED (
        SELECT
            reader.user_id,
            reader.is_now,
            reader.is_owner,
            bit_or(held.permissions) AS base,
            array_agg(held.role_id) AS role_ids
        FROM reader
        LEFT JOIN held ON held.user_id = reader.user_id AND held.is_now = reader.is_now
        GROUP BY reader.user_id, reader.is_now, reader.is_owner
    ),

    rule AS MATERIALIZED (
        SELECT own.channel_id, own.role_id, own.user_id, own.allow, own.deny, moment.is_now
        FROM public.channel_permissions AS own
        CROSS JOIN (VALUES (FALSE), (TRUE)) AS moment (is_now)
        WHERE
            own.space_id = in_space
            AND (in_channels IS NULL OR own.channel_id = ANY (in_channels))
            AND (moment.is_now OR own.id <> ALL (new_rules))
        UNION ALL
        SELECT channel_id, role_id, user_id, allow, deny, FALSE
        FROM unnest(old_rules)
        WHERE space_id = in_space
    ),

    ruled AS MATERIALIZED (
        SELECT
            applied.user_id,
            applied.is_now,
            applied.channel_id,
            bit_or(applied.allow) FILTER (WHERE applied.rank = 0) AS everyones_allow,
            bit_or(applied.deny) FILTER (WHERE applied.rank = 0) AS everyones_deny,
            bit_or(applied.allow) FILTER (WHERE applied.rank = 1) AS roles_allow,
            bit_or(applied.deny) FILTER (WHERE applied.rank = 1) AS roles_deny,
            bit_or(applied.allow) FILTER (WHERE applied.rank = 2) AS members_allow,
            bit_or(applied.deny) FILTER (WHERE applied.rank = 2) AS members_deny
        FROM (
            SELECT
                held.user_id,
                held.is_now,
                rule.channel_id,
                rule.allow,
                rule.deny,
                CASE WHEN held.is_everyones THEN 0 ELSE 1 END AS rank
            FROM held
            INNER JOIN rule ON rule.role_id = held.role_id AND rule.is_now = held.is_now
            UNION ALL
            SELECT rule.user_id, rule.is_now, rule.channel_id, rule.allow, rule.deny, 2
            FROM rule
            WHERE rule.user_id = ANY (of_users)
        ) AS applied
        GROUP BY applied.user_id, applied.is_now, applied.channel_id
    ),

    place AS MATERIALIZED (
        SELECT
            counter.channel_id,
            CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END AS ruling_id,
            counter.last_seq,
            counter.ranges_upto
        FROM public.channels AS channel
        INNER JOIN public.channel_counters AS counter
            ON counter.space_id = in_space AND counter.channel_id = channel.id
        WHERE
            channel.space_id = in_space
            AND counter.last_seq >= counter.first_seq
            AND (
                in_channels IS NULL
                OR CASE channel.kind WHEN 'thread' THEN channel.parent_id ELSE channel.id END
                = ANY (in_channels)
            )
    ),

    seen AS (
        SELECT
            place.*,
            equipped.*,
            ruled.members_allow,
            ruled.members_deny,
            equipped.is_owner
            OR public.lets_read(
                equipped.base,
                ruled.everyones_allow,
                ruled.everyones_deny,
                ruled.roles_allow,
                ruled.roles_deny,
                ruled.members_allow,
                ruled.members_deny
            ) AS can_read
        FROM place
        CROSS JOIN equipped
        LEFT JOIN ruled
            ON
                ruled.channel_id = place.ruling_id
                AND ruled.user_id = equipped.user_id
                AND ruled.is_now = equipped.is_now
    ),

    -- The openings after the mark that hide something from the reader: before, and now.
    compared AS (
        SELECT
            seen.user_id,
            seen.channel_id,
            seen.last_seq,
            mark.last_read_seq,
            mark.ranges_upto,
            bool_or(seen.can_read) FILTER (WHERE NOT seen.is_now) AS could_read,
            coalesce(max(hidden.last_seq) FILTER (WHERE NOT seen.is_now), 0) AS hidden_before,
            coalesce(max(hidden.last_seq) FILTER (WHERE seen.is_now), 0) AS hidden_now
        FROM seen
        LEFT JOIN public.read_states AS mark
            ON
                mark.space_id = in_space
                AND mark.user_id = seen.user_id
                AND mark.channel_id = seen.channel_id
        LEFT JOIN LATERAL (
            SELECT max(past.last_seq) AS last_seq
            FROM public.read_ranges AS past
            WHERE
                seen.ranges_upto > greatest(mark.last_read_seq, mark.ranges_upto, 0)
                AND NOT seen.is_owner
                AND past.space_id = in_space
                AND past.channel_id = seen.channel_id
                AND past.reason = 'opening'
                AND past.last_seq > greatest(mark.last_read_seq, mark.ranges_upto, 0)
                AND NOT public.could_read(
                    past.role_ids,
                    past.permissions,
                    past.allow,
                    past.deny,
                    seen.role_ids,
                    seen.members_allow,
                    seen.members_deny
                )
        ) AS hidden ON TRUE
        WHERE seen.last_seq > coalesce(mark.last_read_seq, 0)
        GROUP BY
            seen.user_id, seen.channel_id, seen.last_seq, mark.last_read_seq, mark.ranges_upto
        HAVING bool_or(seen.can_read) FILTER (WHERE seen.is_now)
    )

    INSERT INTO public.read_states AS mark (
        space_id, user_id, channel_id, last_read_seq, ranges_upto
    )
    SELECT
        in_space,
        user_id,
        channel_id,
        CASE WHEN could_read THEN greatest(last_read_seq, hidden_before) ELSE last_seq END,
        -- What an opening would hide only now could be read before. Not where an import is as far
        -- after the mark, which would count then.
        CASE
            WHEN could_read AND NOT EXISTS (
                SELECT
                FROM public.read_ranges AS past
                WHERE
                    past.space_id = in_space
                    AND past.channel_id = compared.channel_id
                    AND past.reason = 'import'
                    AND past.last_seq > greatest(compared.last_read_seq, hidden_before)
                    AND past.last_seq <= hidden_now
            )
                THEN greatest(ranges_upto, nullif(hidden_now, 0))
            ELSE ranges_upto
        END
    FROM compared
    WHERE NOT could_read OR hidden_before <> hidden_now
    ORDER BY user_id, channel_id
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET
        last_read_seq = greatest(mark.last_read_seq, excluded.last_read_seq),
        ranges_upto = excluded.ranges_upto;
END
$function$;

CREATE FUNCTION public.admit_by_overwrite() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    came public.channel_permissions[] := '{}';
    went public.channel_permissions[] := '{}';
    place record;
BEGIN
    -- Read alone, since a cluster joins no transition table.
    IF TG_OP <> 'DELETE' THEN
        SELECT array_agg(ROW(inserted.*)::public.channel_permissions) INTO came FROM inserted;
    END IF;
    IF TG_OP <> 'INSERT' THEN
        SELECT array_agg(ROW(deleted.*)::public.channel_permissions) INTO went FROM deleted;
    END IF;

    FOR place IN
        SELECT
            changed.space_id,
            array_agg(changed.id) FILTER (WHERE changed.is_new) AS new_rules,
            array_agg(DISTINCT changed.channel_id) FILTER (
                WHERE
                    changed.role_id IS NOT NULL
                    AND CASE WHEN changed.is_new THEN changed.allow ELSE changed.deny END & 66560 <> 0
            ) AS opened,
            array_agg(DISTINCT changed.channel_id) FILTER (WHERE changed.user_id IS NOT NULL)
            AS changed_channels,
            array_agg(DISTINCT changed.user_id) FILTER (WHERE changed.user_id IS NOT NULL) AS users
        FROM (
            SELECT new_rule.*, TRUE AS is_new FROM unnest(came) AS new_rule
            UNION ALL
            SELECT old_rule.*, FALSE FROM unnest(went) AS old_rule
        ) AS changed
        WHERE (changed.allow | changed.deny) & 66560 <> 0
        GROUP BY changed.space_id
        ORDER BY changed.space_id
    LOOP
        IF place.opened IS NOT NULL THEN
            PERFORM public.write_openings(
                place.space_id,
                place.opened,
                new_rules => coalesce(place.new_rules, '{}'),
                old_rules => went
            );
        END IF;

        IF place.users IS NOT NULL THEN
            PERFORM public.move_marks(
                place.space_id,
                place.users,
                place.changed_channels,
                new_rules => coalesce(place.new_rules, '{}'),
                old_rules => went
            );
        END IF;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER channel_permissions_admit_new
    AFTER INSERT ON public.channel_permissions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.admit_by_overwrite();

CREATE TRIGGER channel_permissions_admit_changed
    AFTER UPDATE ON public.channel_permissions
    REFERENCING OLD TABLE AS deleted NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.admit_by_overwrite();

CREATE TRIGGER channel_permissions_admit_gone
    AFTER DELETE ON public.channel_permissions
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.admit_by_overwrite();

-- A role that is taken lets somebody in where it denied. What openings say of a member goes by their
-- roles, so it is kept in the mark; not when several members lose a role at once, as when it is deleted.
-- Most roles let nobody in anywhere, or in a few channels.
CREATE FUNCTION public.admit_by_role() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    came public.member_roles[] := '{}';
    went public.member_roles[] := '{}';
    place record;
    is_of_many boolean;
    is_anywhere boolean;
    ruling uuid[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(ROW(inserted.*)::public.member_roles) INTO came FROM inserted;
    ELSE
        SELECT array_agg(ROW(deleted.*)::public.member_roles) INTO went FROM deleted;
    END IF;

    FOR place IN
        SELECT
            space_id,
            array_agg(id) AS given,
            array_agg(DISTINCT role_id) AS roles,
            array_agg(DISTINCT user_id) AS users
        FROM unnest(came || went)
        GROUP BY space_id
        ORDER BY space_id
    LOOP
        is_of_many := TG_OP = 'DELETE' AND cardinality(place.users) > 1;
        is_anywhere := NOT is_of_many AND (
            EXISTS (
                SELECT
                FROM public.read_ranges
                WHERE space_id = place.space_id AND role_ids && place.roles
            )
            OR TG_OP = 'INSERT' AND EXISTS (
                SELECT
                FROM public.roles AS role
                LEFT JOIN public.roles AS everyones
                    ON everyones.space_id = place.space_id AND everyones.position = 0
                WHERE
                    role.space_id = place.space_id
                    AND role.id = ANY (place.roles)
                    AND role.permissions & ~coalesce(everyones.permissions, 0) & 66568 <> 0
            )
        );

        SELECT array_agg(DISTINCT channel_id) INTO ruling
        FROM public.channel_permissions
        WHERE
            space_id = place.space_id
            AND role_id = ANY (place.roles)
            AND CASE TG_OP WHEN 'INSERT' THEN allow ELSE deny END & 66560 <> 0;

        IF is_anywhere OR ruling IS NOT NULL THEN
            PERFORM public.move_marks(
                place.space_id,
                place.users,
                CASE WHEN NOT is_anywhere THEN ruling END,
                new_given => CASE TG_OP WHEN 'INSERT' THEN place.given ELSE '{}' END,
                old_given => went
            );
        END IF;
    END LOOP;
    RETURN NULL;
END
$function$;

-- An import brings the marks of members itself, or leaves all unread.
CREATE TRIGGER member_roles_admit_given
    AFTER INSERT ON public.member_roles
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.admit_by_role();

CREATE TRIGGER member_roles_admit_taken
    AFTER DELETE ON public.member_roles
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.admit_by_role();

CREATE FUNCTION public.admit_by_permissions() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    PERFORM public.write_openings(
        NEW.space_id,
        NULL,
        changed_role => NEW.id,
        permissions_before => CASE TG_OP WHEN 'INSERT' THEN 0 ELSE OLD.permissions END
    );
    RETURN NULL;
END
$function$;

-- ADMINISTRATOR, VIEW_CHANNEL or READ_MESSAGE_HISTORY (66568).
CREATE TRIGGER roles_admit_changed
    AFTER UPDATE OF permissions ON public.roles
    FOR EACH ROW
    WHEN (NEW.permissions & ~OLD.permissions & 66568 <> 0)
    EXECUTE FUNCTION public.admit_by_permissions();

-- Nobody has a new role yet, unless it is everyone's.
CREATE TRIGGER roles_admit_new
    AFTER INSERT ON public.roles
    FOR EACH ROW
    WHEN (NEW.position = 0 AND NEW.permissions & 66568 <> 0)
    EXECUTE FUNCTION public.admit_by_permissions();

-- A role is taken from each member before it is deleted, while its overwrites are still there.
CREATE FUNCTION public.take_role() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    DELETE FROM public.member_roles WHERE space_id = OLD.space_id AND role_id = OLD.id;
    RETURN OLD;
END
$function$;

CREATE TRIGGER roles_taken
    BEFORE DELETE ON public.roles
    FOR EACH ROW
    EXECUTE FUNCTION public.take_role();

CREATE FUNCTION public.admit_owners() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    PERFORM public.move_marks(
        NEW.space_id, ARRAY[OLD.owner_id, NEW.owner_id], owner_before => OLD.owner_id
    );
    RETURN NULL;
END
$function$;

CREATE TRIGGER servers_admit_owner
    AFTER UPDATE OF owner_id ON public.servers
    FOR EACH ROW
    WHEN (OLD.owner_id <> NEW.owner_id)
    EXECUTE FUNCTION public.admit_owners();

-- No service moves a thread, or makes one of a channel. After it is done in SQL, what is in the thread
-- is unread only to the server's owner, and to who can read by an overwrite of their own.
CREATE FUNCTION public.admit_to_moved_thread() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    newest bigint;
BEGIN
    UPDATE public.channel_counters
    SET ranges_upto = last_seq
    WHERE space_id = NEW.space_id AND channel_id = NEW.id AND last_seq >= first_seq
    RETURNING last_seq INTO newest;

    INSERT INTO public.read_ranges (
        space_id, channel_id, first_seq, last_seq, reason, role_ids, permissions, allow, deny
    )
    SELECT NEW.space_id, NEW.id, 1, newest, 'opening', ARRAY[NULL]::uuid[], '{0}', '{0}', '{0}'
    WHERE newest IS NOT NULL;
    RETURN NULL;
END
$function$;

CREATE TRIGGER channels_admit_thread
    AFTER UPDATE OF kind, parent_id ON public.channels
    FOR EACH ROW
    WHEN (
        'thread' IN (OLD.kind, NEW.kind)
        AND (OLD.kind, OLD.parent_id) IS DISTINCT FROM (NEW.kind, NEW.parent_id)
    )
    EXECUTE FUNCTION public.admit_to_moved_thread();
