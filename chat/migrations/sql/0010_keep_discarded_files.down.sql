-- The triggers go first; the table, with the keys that still wait in it, goes after them.

DROP TRIGGER servers_icon_discarded ON public.servers;
DROP TRIGGER servers_icon_replaced ON public.servers;
DROP TRIGGER users_avatar_discarded ON public.users;
DROP TRIGGER users_avatar_replaced ON public.users;
DROP TRIGGER message_attachments_key_replaced ON public.message_attachments;
DROP TRIGGER message_attachments_table_kept ON public.message_attachments;
DROP TRIGGER message_attachments_discarded ON public.message_attachments;
DROP TRIGGER discarded_files_fixed ON public.discarded_files;

DROP FUNCTION public.discard_file();
DROP FUNCTION public.discard_attachments();
