-- Refuses what takes something of a server or a conversation under a legal hold away for good, whoever
-- does it. What people do themselves goes on: an edit and a deletion that hides keep what was, a
-- reaction is taken back, and an erasure takes what is the user's.

-- For rows that are deleted, before each or after a statement. Locks the row that says whether the
-- space is held FOR SHARE, so a hold that is just being set is waited for, or waits.
CREATE FUNCTION public.refuse_of_held() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    spaces uuid[];
    each_space uuid;
    held_at timestamptz;
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        SELECT array_agg(DISTINCT space_id) INTO spaces FROM deleted;
    -- An erasure locks no server, for who locks one may be waiting for the erasure.
    ELSIF EXISTS (
        SELECT
        FROM public.users
        WHERE
            erased_at IS NOT NULL
            AND id IN (
                (to_jsonb(OLD) ->> 'uploader_id')::uuid,
                (to_jsonb(OLD) ->> 'creator_id')::uuid,
                (
                    SELECT author_id
                    FROM public.messages
                    WHERE
                        space_id = OLD.space_id
                        AND id = (to_jsonb(OLD) ->> 'message_id')::uuid
                )
            )
    ) THEN
        RETURN OLD;
    ELSE
        spaces := ARRAY[OLD.space_id];
    END IF;

    -- NULL where nothing was deleted.
    FOREACH each_space IN ARRAY coalesce(spaces, '{}') LOOP
        SELECT legal_hold_at INTO held_at
        FROM public.servers
        WHERE space_id = each_space
        FOR SHARE;

        IF NOT FOUND THEN
            SELECT legal_hold_at INTO held_at
            FROM public.channels
            WHERE space_id = each_space AND id = each_space
            FOR SHARE;
        END IF;

        IF held_at IS NOT NULL THEN
            PERFORM public.refuse(
                format('space %s is under a legal hold, and nothing of it is purged', each_space),
                'Set legal_hold_at of the server or the conversation to NULL first.',
                TG_TABLE_NAME,
                TG_TABLE_NAME || '_legal_hold'
            );
        END IF;
    END LOOP;
    RETURN OLD;
END
$function$;

-- For a TRUNCATE, which takes what is held along with the rest.
CREATE FUNCTION public.refuse_truncate_of_held() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM public.servers WHERE legal_hold_at IS NOT NULL
        UNION ALL
        SELECT FROM public.channels WHERE legal_hold_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            'some server or conversation is under a legal hold, and nothing of it is purged',
            'Set each legal_hold_at of servers and channels to NULL first, or delete the others.',
            TG_TABLE_NAME,
            TG_TABLE_NAME || '_legal_hold'
        );
    END IF;
    RETURN NULL;
END
$function$;

-- Before move_first_seq, which asks for servers without a lock.
CREATE TRIGGER messages_legal_hold
    AFTER DELETE ON public.messages
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_of_held();

-- Deeper than 0 is a cascade from what is purged, of which its own trigger asks.
CREATE TRIGGER channels_legal_hold
    BEFORE DELETE ON public.channels
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_of_held();

CREATE TRIGGER participants_legal_hold
    BEFORE DELETE ON public.participants
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_of_held();

CREATE TRIGGER audit_log_legal_hold
    BEFORE DELETE ON public.audit_log
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_of_held();

CREATE TRIGGER message_revisions_legal_hold
    BEFORE DELETE ON public.message_revisions
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_of_held();

CREATE TRIGGER invites_legal_hold
    BEFORE DELETE ON public.invites
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_of_held();

-- An upload that was never sent is nobody's words, and is swept.
CREATE TRIGGER message_attachments_legal_hold
    BEFORE DELETE ON public.message_attachments
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0 AND OLD.message_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_of_held();

-- A TRUNCATE that cascades fires those of each table that it takes along.
CREATE TRIGGER messages_table_held
    BEFORE TRUNCATE ON public.messages
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_truncate_of_held();

CREATE TRIGGER audit_log_table_held
    BEFORE TRUNCATE ON public.audit_log
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_truncate_of_held();

CREATE TRIGGER message_revisions_table_held
    BEFORE TRUNCATE ON public.message_revisions
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_truncate_of_held();

CREATE TRIGGER message_attachments_table_held
    BEFORE TRUNCATE ON public.message_attachments
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_truncate_of_held();

-- Only the owner of the tables says what is purged and what is kept; whoever may change the other
-- columns writes these back as they are.
CREATE FUNCTION public.refuse_policy_of_others() RETURNS trigger
LANGUAGE plpgsql
SET search_path = ''
AS $function$
BEGIN
    IF NOT (
        SELECT pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = TG_RELID
    ) THEN
        PERFORM public.refuse(
            format('role %s may not change retention_days or legal_hold_at', current_user),
            'Change it as the owner of the tables.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER servers_policy_kept
    BEFORE UPDATE OF retention_days, legal_hold_at ON public.servers
    FOR EACH ROW
    WHEN (
        (OLD.retention_days, OLD.legal_hold_at)
        IS DISTINCT FROM (NEW.retention_days, NEW.legal_hold_at)
    )
    EXECUTE FUNCTION public.refuse_policy_of_others();

CREATE TRIGGER channels_policy_kept
    BEFORE UPDATE OF legal_hold_at ON public.channels
    FOR EACH ROW
    WHEN (OLD.legal_hold_at IS DISTINCT FROM NEW.legal_hold_at)
    EXECUTE FUNCTION public.refuse_policy_of_others();
