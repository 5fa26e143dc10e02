-- Keeps what was: what an edit replaced, what moderators did, and what staff looked at. No client
-- can change a message without a trace, or rewrite a history.

-- What an edit replaced ---------------------------------------------------------------------------

-- SECURITY DEFINER, as what writes counters: the role of an application writes no revision itself.
CREATE FUNCTION public.keep_message_revision() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    -- Version and time of an edit are ours: a client that only writes them changes nothing.
    NEW.version := OLD.version;
    NEW.edited_at := OLD.edited_at;
    IF NEW.content IS DISTINCT FROM OLD.content THEN
        -- What an erasure empties is not to be kept.
        IF NEW.content <> '' OR NOT EXISTS (
            SELECT
            FROM public.users
            WHERE id = OLD.author_id AND erased_at IS NOT NULL
        ) THEN
            INSERT INTO public.message_revisions (
                space_id, message_id, version, content, editor_id, replaced_at
            )
            VALUES (
                OLD.space_id,
                OLD.id,
                OLD.version,
                OLD.content,
                coalesce(nullif(current_setting('chat.actor', true), '')::uuid, OLD.author_id),
                clock_timestamp()
            );
        END IF;
        NEW.version := OLD.version + 1;
        NEW.edited_at := clock_timestamp();
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER messages_revision
    BEFORE UPDATE OF content, version, edited_at ON public.messages
    FOR EACH ROW
    WHEN (
        (OLD.content, OLD.version, OLD.edited_at)
        IS DISTINCT FROM (NEW.content, NEW.version, NEW.edited_at)
    )
    EXECUTE FUNCTION public.keep_message_revision();

CREATE TRIGGER messages_deleted_kept
    BEFORE UPDATE OF content ON public.messages
    FOR EACH ROW
    WHEN (
        OLD.deleted_at IS NOT NULL
        AND NEW.deleted_at IS NOT NULL
        AND NEW.content NOT IN ('', OLD.content)
    )
    EXECUTE FUNCTION public.refuse_change(
        'a deleted message is not edited', 'Bring it back first: set deleted_at to NULL.'
    );

-- Depth 1 is the trigger that an edit fires.
CREATE TRIGGER message_revisions_by_edit
    BEFORE INSERT ON public.message_revisions
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_change(
        'a revision is written by the edit itself', 'Update the content of the message.'
    );

CREATE TRIGGER message_revisions_fixed
    BEFORE UPDATE ON public.message_revisions
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change(
        'what an edit replaced is never rewritten',
        'Update the content of the message: what it was is kept too.'
    );

-- Depth 1 is the cascade from a message that is purged.
CREATE TRIGGER message_revisions_kept
    BEFORE DELETE ON public.message_revisions
    FOR EACH ROW
    WHEN (
        pg_trigger_depth() = 0
        AND NOT public.may_purge()
    )
    EXECUTE FUNCTION public.refuse_change(
        'what an edit replaced is kept',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER message_revisions_table_kept
    BEFORE TRUNCATE ON public.message_revisions
    FOR EACH STATEMENT
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'what an edit replaced is kept',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

-- What moderators did -----------------------------------------------------------------------------

-- An erasure empties the reasons, which are free text about people and by them. What was done, by
-- whom, to what and when stays as it was written, and goes only when a deleted server is purged.
CREATE FUNCTION public.keep_audit_log() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'UPDATE'
        AND public.may_purge()
        AND OLD.reason <> ''
        AND NEW.reason = ''
        AND to_jsonb(OLD) - 'reason' = to_jsonb(NEW) - 'reason'
    THEN
        RETURN NEW;
    END IF;

    IF TG_OP = 'DELETE'
        AND public.may_purge()
        AND EXISTS (
            SELECT FROM public.servers WHERE space_id = OLD.space_id AND deleted_at IS NOT NULL
        )
    THEN
        RETURN OLD;
    END IF;

    PERFORM public.refuse(
        format('%s on %s is refused: the audit log is only ever added to', TG_OP, TG_TABLE_NAME),
        'Add an entry that says what is true now. Only an erasure empties a reason, and a log goes '
        || 'only with a deleted server.',
        TG_TABLE_NAME,
        TG_NAME
    );
END
$function$;

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.keep_audit_log();

CREATE TRIGGER audit_log_table_kept
    BEFORE TRUNCATE ON public.audit_log
    FOR EACH STATEMENT
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'the audit log is only ever added to', 'Add an entry that says what is true now.'
    );

-- What staff looked at ----------------------------------------------------------------------------

CREATE TRIGGER admin_access_log_append_only
    BEFORE UPDATE OR DELETE ON public.admin_access_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change(
        'the log of looks is only ever added to',
        'Leave it as it is: an entry tells of a look that was taken.'
    );

CREATE TRIGGER admin_access_log_table_kept
    BEFORE TRUNCATE ON public.admin_access_log
    FOR EACH STATEMENT
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'the log of looks is only ever added to',
        'Leave it as it is: an entry tells of a look that was taken.'
    );
