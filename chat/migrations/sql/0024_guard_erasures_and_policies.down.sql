-- As before: what 0005 refuses of new rows, and 0019 of changed ones.

DROP TRIGGER channels_policy_given ON public.channels;
DROP TRIGGER servers_policy_given ON public.servers;
DROP TRIGGER channel_permissions_change_not_erased ON public.channel_permissions;
DROP TRIGGER invites_change_not_erased ON public.invites;
DROP TRIGGER message_attachments_change_not_erased ON public.message_attachments;
DROP TRIGGER user_preferences_change_not_erased ON public.user_preferences;
DROP TRIGGER user_sessions_change_not_erased ON public.user_sessions;
DROP TRIGGER participants_change_not_erased ON public.participants;
