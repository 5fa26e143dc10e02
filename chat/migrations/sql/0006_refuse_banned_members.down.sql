-- Takes the guards away again; the rows stay as they are.

DROP TRIGGER bans_not_member ON public.bans;
DROP FUNCTION public.refuse_ban_of_member();
DROP TRIGGER server_members_not_banned ON public.server_members;
DROP FUNCTION public.refuse_banned_member();
DROP FUNCTION public.require_read_committed();
