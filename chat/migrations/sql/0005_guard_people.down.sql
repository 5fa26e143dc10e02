-- Takes the guards away again; the rows stay as they are.

DROP TRIGGER direct_participants_user_not_erased ON public.direct_participants;
DROP TRIGGER server_members_user_not_erased ON public.server_members;
DROP TRIGGER user_preferences_user_not_erased ON public.user_preferences;
DROP TRIGGER user_sessions_user_not_erased ON public.user_sessions;
DROP TRIGGER message_attachments_uploader_not_erased ON public.message_attachments;
DROP TRIGGER direct_messages_author_not_erased ON public.direct_messages;
DROP TRIGGER messages_author_not_erased ON public.messages;

DROP FUNCTION public.refuse_erased_user();
DROP FUNCTION public.refuse_erased_uploader();
DROP FUNCTION public.refuse_erased_direct_author();
DROP FUNCTION public.refuse_erased_author();

DROP TRIGGER message_attachments_participant ON public.message_attachments;
DROP TRIGGER reactions_participant ON public.reactions;
DROP FUNCTION public.refuse_stranger();
DROP TRIGGER direct_conversations_kind_fixed ON public.direct_conversations;
DROP TRIGGER direct_participants_pair ON public.direct_participants;
DROP FUNCTION public.refuse_third_in_pair();

DROP TRIGGER direct_participants_mark_moves ON public.direct_participants;
DROP TRIGGER direct_participants_mark_starts ON public.direct_participants;
DROP TRIGGER read_states_mark_moves ON public.read_states;
DROP TRIGGER read_states_mark_starts ON public.read_states;
DROP FUNCTION public.guard_read_mark();

DROP TRIGGER bans_not_member ON public.bans;
DROP FUNCTION public.refuse_ban_of_member();
DROP TRIGGER server_members_not_banned ON public.server_members;
DROP FUNCTION public.refuse_banned_member();
DROP FUNCTION public.require_read_committed();
