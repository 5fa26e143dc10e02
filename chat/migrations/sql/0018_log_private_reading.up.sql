-- Keeps the log of looks at private messages from being rewritten by who took them.

CREATE TRIGGER admin_access_log_append_only
    BEFORE UPDATE OR DELETE ON public.admin_access_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change('the log of looks is only ever added to');

CREATE TRIGGER admin_access_log_table_kept
    BEFORE TRUNCATE ON public.admin_access_log
    FOR EACH STATEMENT
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change('the log of looks is only ever added to');
