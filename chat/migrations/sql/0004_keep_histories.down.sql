-- What was kept stays, and can be changed from here on; new edits leave no revision.

DROP TRIGGER admin_access_log_table_kept ON public.admin_access_log;
DROP TRIGGER admin_access_log_append_only ON public.admin_access_log;
DROP TRIGGER message_revisions_table_kept ON public.message_revisions;
DROP TRIGGER message_revisions_kept ON public.message_revisions;
DROP TRIGGER message_revisions_fixed ON public.message_revisions;
DROP TRIGGER messages_deleted_kept ON public.messages;
DROP TRIGGER message_revisions_by_edit ON public.message_revisions;
DROP TRIGGER audit_log_table_kept ON public.audit_log;
DROP TRIGGER audit_log_append_only ON public.audit_log;
DROP FUNCTION public.keep_audit_log();
DROP TRIGGER messages_revision ON public.messages;
DROP FUNCTION public.keep_message_revision();
