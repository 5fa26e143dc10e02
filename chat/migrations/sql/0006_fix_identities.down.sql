-- Takes the guards away again; the rows stay as they are.

DROP TRIGGER message_attachments_tenant_fixed ON public.message_attachments;
DROP TRIGGER message_attachments_sent_fixed ON public.message_attachments;
DROP TRIGGER reactions_tenant_fixed ON public.reactions;
DROP TRIGGER mentions_tenant_fixed ON public.mentions;
DROP TRIGGER channel_permissions_tenant_fixed ON public.channel_permissions;
DROP TRIGGER channels_tenant_fixed ON public.channels;
DROP TRIGGER member_roles_tenant_fixed ON public.member_roles;
DROP TRIGGER roles_tenant_fixed ON public.roles;
DROP TRIGGER invites_tenant_fixed ON public.invites;
DROP TRIGGER read_ranges_tenant_fixed ON public.read_ranges;
DROP TRIGGER bans_tenant_fixed ON public.bans;
DROP TRIGGER read_states_tenant_fixed ON public.read_states;
DROP TRIGGER participants_tenant_fixed ON public.participants;
DROP TRIGGER server_members_tenant_fixed ON public.server_members;
DROP TRIGGER roles_everyone_kept ON public.roles;
DROP FUNCTION public.keep_everyones_role();
DROP TRIGGER roles_everyone_fixed ON public.roles;
DROP TRIGGER invite_codes_kept ON public.invite_codes;
DROP TRIGGER users_kept ON public.users;
