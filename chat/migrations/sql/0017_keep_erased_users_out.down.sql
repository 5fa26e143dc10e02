-- Lets rows be written again for somebody whose erasure they waited for.

DROP TRIGGER direct_participants_user_not_erased ON public.direct_participants;
DROP TRIGGER server_members_user_not_erased ON public.server_members;
DROP TRIGGER user_preferences_user_not_erased ON public.user_preferences;
DROP TRIGGER user_sessions_user_not_erased ON public.user_sessions;
DROP TRIGGER message_attachments_uploader_not_erased ON public.message_attachments;
DROP TRIGGER direct_messages_author_not_erased ON public.direct_messages;
DROP TRIGGER messages_author_not_erased ON public.messages;

DROP FUNCTION public.refuse_erased_user();
DROP FUNCTION public.refuse_erased_uploader();
DROP FUNCTION public.refuse_erased_author();
