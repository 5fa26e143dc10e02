-- Refuses every change of the audit log again, that of an erasure too.

CREATE OR REPLACE TRIGGER audit_log_append_only
    BEFORE UPDATE OR DELETE ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change('the audit log is only ever added to');

DROP FUNCTION public.keep_audit_log();
