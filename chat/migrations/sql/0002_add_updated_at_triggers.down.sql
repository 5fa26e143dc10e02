-- Takes the triggers away again, and the function they share.

DROP TRIGGER users_updated_at ON public.users;
DROP TRIGGER user_sessions_updated_at ON public.user_sessions;
DROP TRIGGER user_preferences_updated_at ON public.user_preferences;
DROP TRIGGER servers_updated_at ON public.servers;
DROP TRIGGER server_members_updated_at ON public.server_members;
DROP TRIGGER invites_updated_at ON public.invites;
DROP TRIGGER roles_updated_at ON public.roles;
DROP TRIGGER channels_updated_at ON public.channels;
DROP TRIGGER channel_permissions_updated_at ON public.channel_permissions;
DROP TRIGGER participants_updated_at ON public.participants;
DROP TRIGGER messages_updated_at ON public.messages;
DROP TRIGGER message_attachments_updated_at ON public.message_attachments;
DROP TRIGGER read_states_updated_at ON public.read_states;
DROP TRIGGER bans_updated_at ON public.bans;
DROP FUNCTION public.set_updated_at();
