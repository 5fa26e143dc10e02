-- As in 0005: of changes only those of owners, and of who banned, pinned or deleted.

DROP TRIGGER channel_permissions_change_not_erased ON public.channel_permissions;
DROP TRIGGER invites_change_not_erased ON public.invites;
DROP TRIGGER message_attachments_change_not_erased ON public.message_attachments;
DROP TRIGGER user_preferences_change_not_erased ON public.user_preferences;
DROP TRIGGER user_sessions_change_not_erased ON public.user_sessions;
DROP TRIGGER participants_change_not_erased ON public.participants;
