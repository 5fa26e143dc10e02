-- Lets an erasure empty the reasons in the audit log, which are free text about people and by them.
-- What was done, by whom, to what and when stays as it was written.

CREATE FUNCTION public.keep_audit_log() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'UPDATE'
        AND current_setting('chat.purge', true) = 'on'
        AND OLD.reason <> ''
        AND NEW.reason = ''
        AND to_jsonb(OLD) - 'reason' = to_jsonb(NEW) - 'reason'
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% on % is refused: the audit log is only ever added to',
        TG_OP, TG_TABLE_NAME
        USING
            ERRCODE = 'check_violation',
            HINT = 'Only an erasure empties a reason: SET LOCAL chat.purge = ''on''.',
            SCHEMA = TG_TABLE_SCHEMA,
            TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_NAME;
END
$function$;

CREATE OR REPLACE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.keep_audit_log();
