-- The three functions as they were.

CREATE OR REPLACE FUNCTION public.refuse(
    what text, hint text, of_table text, of_constraint text, state text DEFAULT 'check_violation'
) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '%', what
        USING
            ERRCODE = state,
            HINT = hint,
            SCHEMA = 'public',
            TABLE = of_table,
            CONSTRAINT = of_constraint;
END
$function$;

CREATE OR REPLACE FUNCTION public.write_openings(
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

CREATE OR REPLACE FUNCTION public.purge_erased_user(erased uuid) RETURNS uuid[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    said text := coalesce(current_setting('chat.purge', true), '');
    invite_ids uuid[];
    codes text[];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.users
        WHERE id = erased AND erased_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('user %s is not erased, and what they did is kept', erased),
            'Empty the account and set erased_at first, as chat.services.users.erase_user does.',
            'users',
            'users_erased_purged'
        );
    END IF;
    PERFORM set_config('chat.purge', 'on', true);

    WITH gone AS (
        DELETE FROM public.invites
        WHERE creator_id = erased
        RETURNING id, code
    )

    SELECT array_agg(id), array_agg(code) INTO invite_ids, codes FROM gone;

    DELETE FROM public.invite_codes WHERE code = ANY (codes);

    DELETE FROM public.message_revisions
    WHERE
        (space_id, message_id) IN (
            SELECT space_id, id FROM public.messages WHERE author_id = erased
        );

    -- Last, after all for which a moderator is waited.
    UPDATE public.audit_log
    SET reason = ''
    WHERE
        reason <> ''
        AND (
            actor_id = erased
            OR (target_type = 'user' AND target_id = erased)
            OR jsonb_path_exists(
                changes, '$.*[*] ? (@ == $user)', jsonb_build_object('user', erased)
            )
            OR target_id = ANY (invite_ids)
            OR target_id IN (SELECT id FROM public.messages WHERE author_id = erased)
        );

    PERFORM set_config('chat.purge', said, true);
    RETURN coalesce(invite_ids, '{}');
END
$function$;
