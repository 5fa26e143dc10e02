-- Drops what the way up creates; nothing is stored in it. Openings stay, and are asked by nobody.

DROP TRIGGER channels_admit_thread ON public.channels;
DROP FUNCTION public.admit_to_moved_thread();
DROP TRIGGER servers_admit_owner ON public.servers;
DROP FUNCTION public.admit_owners();
DROP TRIGGER roles_taken ON public.roles;
DROP FUNCTION public.take_role();
DROP TRIGGER roles_admit_new ON public.roles;
DROP TRIGGER roles_admit_changed ON public.roles;
DROP FUNCTION public.admit_by_permissions();
DROP TRIGGER member_roles_admit_taken ON public.member_roles;
DROP TRIGGER member_roles_admit_given ON public.member_roles;
DROP FUNCTION public.admit_by_role();
DROP TRIGGER channel_permissions_admit_gone ON public.channel_permissions;
DROP TRIGGER channel_permissions_admit_changed ON public.channel_permissions;
DROP TRIGGER channel_permissions_admit_new ON public.channel_permissions;
DROP FUNCTION public.admit_by_overwrite();
DROP FUNCTION public.move_marks(
    uuid, uuid[], uuid[], uuid, uuid[], public.member_roles[], uuid[], public.channel_permissions[]
);
DROP FUNCTION public.write_openings(
    uuid, uuid[], uuid, bigint, uuid[], public.channel_permissions[]
);
DROP FUNCTION public.could_read(uuid[], bigint[], bigint[], bigint[], uuid[], bigint, bigint);
DROP FUNCTION public.lets_read(bigint, bigint, bigint, bigint, bigint, bigint, bigint);

DROP FUNCTION public.require_permissions(uuid, uuid, uuid, bigint);
DROP FUNCTION public.slow_mode_wait(uuid, uuid, uuid);
DROP FUNCTION public.channel_permissions(uuid, uuid, uuid);
ALTER TABLE public.channel_counters ALTER COLUMN space_id RESET (n_distinct);
ALTER TABLE public.channels ALTER COLUMN space_id RESET (n_distinct);
DROP VIEW public.channel_access;
