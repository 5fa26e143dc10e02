-- The triggers go first; the table, with what it holds, goes after them.

DROP TRIGGER admin_access_log_table_kept ON public.admin_access_log;
DROP TRIGGER admin_access_log_append_only ON public.admin_access_log;
