-- Refuses every change of the audit log again, that of an erasure too.

DROP TRIGGER audit_log_append_only ON public.audit_log;

DROP FUNCTION public.keep_audit_log();

CREATE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change('the audit log is only ever added to');
