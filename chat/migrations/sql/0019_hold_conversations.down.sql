-- Only messages and servers are held, and no conversation.

DROP TRIGGER channels_policy_kept ON public.channels;
DROP TRIGGER servers_policy_kept ON public.servers;
DROP FUNCTION public.refuse_policy_of_others();
DROP TRIGGER message_attachments_table_held ON public.message_attachments;
DROP TRIGGER message_revisions_table_held ON public.message_revisions;
DROP TRIGGER audit_log_table_held ON public.audit_log;
DROP TRIGGER messages_table_held ON public.messages;
DROP TRIGGER message_attachments_legal_hold ON public.message_attachments;
DROP TRIGGER invites_legal_hold ON public.invites;
DROP TRIGGER message_revisions_legal_hold ON public.message_revisions;
DROP TRIGGER audit_log_legal_hold ON public.audit_log;
DROP TRIGGER participants_legal_hold ON public.participants;
DROP TRIGGER channels_legal_hold ON public.channels;
DROP TRIGGER messages_legal_hold ON public.messages;
DROP FUNCTION public.refuse_truncate_of_held();
DROP FUNCTION public.refuse_of_held();
