-- Revisions that were kept stay; new edits leave none.

DROP TRIGGER direct_messages_revision ON public.direct_messages;
DROP FUNCTION public.keep_direct_message_revision();
DROP TRIGGER messages_revision ON public.messages;
DROP FUNCTION public.keep_message_revision();
