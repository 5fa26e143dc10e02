-- The rows stay; from here on they can be changed.

DROP TRIGGER message_revisions_table_kept ON public.message_revisions;
DROP TRIGGER message_revisions_kept ON public.message_revisions;
DROP TRIGGER message_revisions_fixed ON public.message_revisions;
DROP TRIGGER message_revisions_by_edit ON public.message_revisions;
DROP TRIGGER audit_log_table_kept ON public.audit_log;
DROP TRIGGER audit_log_append_only ON public.audit_log;
