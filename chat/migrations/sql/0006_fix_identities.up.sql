-- Keeps rows what they are: users and the codes of invites stay, everyone's role stays everyone's,
-- and no row moves to another tenant.

-- Users ------------------------------------------------------------------------------------------

CREATE TRIGGER users_kept
    BEFORE DELETE ON public.users
    FOR EACH ROW
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'a user is erased in place, never deleted', 'Empty the row and set erased_at.'
    );

-- Codes of invites -------------------------------------------------------------------------------

CREATE TRIGGER invite_codes_kept
    BEFORE UPDATE OR DELETE ON public.invite_codes
    FOR EACH ROW
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'a code is given once, also when its invite is gone', 'Write down another code.'
    );

-- Everyone's role --------------------------------------------------------------------------------

CREATE TRIGGER roles_everyone_fixed
    BEFORE UPDATE OF position ON public.roles
    FOR EACH ROW
    WHEN (OLD.position <> NEW.position AND 0 IN (OLD.position, NEW.position))
    EXECUTE FUNCTION public.refuse_change(
        'the role at position 0 is everyone''s and stays it',
        'Change the name or the permissions of this role, or the position of another.'
    );

-- The cascade from a server that is deleted comes when the server is gone.
CREATE FUNCTION public.keep_everyones_role() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (SELECT FROM public.servers WHERE space_id = OLD.space_id) THEN
        PERFORM public.refuse(
            'the role at position 0 is everyone''s and stays as long as the server',
            'Set its permissions to 0 instead.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN OLD;
END
$function$;

CREATE TRIGGER roles_everyone_kept
    BEFORE DELETE ON public.roles
    FOR EACH ROW
    WHEN (OLD.position = 0)
    EXECUTE FUNCTION public.keep_everyones_role();

-- Tenants ----------------------------------------------------------------------------------------

CREATE TRIGGER server_members_tenant_fixed
    BEFORE UPDATE OF space_id, user_id ON public.server_members
    FOR EACH ROW
    WHEN ((OLD.space_id, OLD.user_id) IS DISTINCT FROM (NEW.space_id, NEW.user_id))
    EXECUTE FUNCTION public.refuse_change(
        'a membership is one user''s in one server', 'Delete it and insert another.'
    );

CREATE TRIGGER participants_tenant_fixed
    BEFORE UPDATE OF space_id, user_id ON public.participants
    FOR EACH ROW
    WHEN ((OLD.space_id, OLD.user_id) IS DISTINCT FROM (NEW.space_id, NEW.user_id))
    EXECUTE FUNCTION public.refuse_change(
        'a participation is one user''s in one conversation', 'Set left_at, and insert another.'
    );

CREATE TRIGGER read_states_tenant_fixed
    BEFORE UPDATE OF space_id, user_id, channel_id ON public.read_states
    FOR EACH ROW
    WHEN (
        (OLD.space_id, OLD.user_id, OLD.channel_id)
        IS DISTINCT FROM (NEW.space_id, NEW.user_id, NEW.channel_id)
    )
    EXECUTE FUNCTION public.refuse_change(
        'a read state is one member''s in one channel', 'Delete it and insert another.'
    );

CREATE TRIGGER read_ranges_tenant_fixed
    BEFORE UPDATE OF space_id, channel_id ON public.read_ranges
    FOR EACH ROW
    WHEN ((OLD.space_id, OLD.channel_id) IS DISTINCT FROM (NEW.space_id, NEW.channel_id))
    EXECUTE FUNCTION public.refuse_change(
        'a range is of one channel', 'Purge or import messages: the ranges follow.'
    );

CREATE TRIGGER bans_tenant_fixed
    BEFORE UPDATE OF space_id, user_id ON public.bans
    FOR EACH ROW
    WHEN ((OLD.space_id, OLD.user_id) IS DISTINCT FROM (NEW.space_id, NEW.user_id))
    EXECUTE FUNCTION public.refuse_change(
        'a ban is one user''s from one server', 'Delete it and insert another.'
    );

CREATE TRIGGER invites_tenant_fixed
    BEFORE UPDATE OF space_id ON public.invites
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );

CREATE TRIGGER roles_tenant_fixed
    BEFORE UPDATE OF space_id ON public.roles
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );

CREATE TRIGGER member_roles_tenant_fixed
    BEFORE UPDATE OF space_id ON public.member_roles
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );

CREATE TRIGGER channels_tenant_fixed
    BEFORE UPDATE OF space_id ON public.channels
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );

CREATE TRIGGER channel_permissions_tenant_fixed
    BEFORE UPDATE OF space_id ON public.channel_permissions
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );

CREATE TRIGGER mentions_tenant_fixed
    BEFORE UPDATE ON public.mentions
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change(
        'a mention is as the message has it', 'Delete it and insert another.'
    );

CREATE TRIGGER reactions_tenant_fixed
    BEFORE UPDATE OF space_id, message_id, user_id ON public.reactions
    FOR EACH ROW
    WHEN (
        (OLD.space_id, OLD.message_id, OLD.user_id)
        IS DISTINCT FROM (NEW.space_id, NEW.message_id, NEW.user_id)
    )
    EXECUTE FUNCTION public.refuse_change(
        'a reaction is one user''s under one message', 'Delete it and insert another.'
    );

CREATE TRIGGER message_attachments_sent_fixed
    BEFORE UPDATE ON public.message_attachments
    FOR EACH ROW
    WHEN (
        OLD.message_id IS NOT NULL
        AND (
            OLD.message_id, OLD.uploader_id, OLD.storage_key, OLD.sha256,
            OLD.size_bytes, OLD.content_type, OLD.filename
        )
        IS DISTINCT FROM (
            NEW.message_id, NEW.uploader_id, NEW.storage_key, NEW.sha256,
            NEW.size_bytes, NEW.content_type, NEW.filename
        )
    )
    EXECUTE FUNCTION public.refuse_change(
        'a file that is sent stays what it is and where it is', 'Delete it and send another.'
    );

CREATE TRIGGER message_attachments_tenant_fixed
    BEFORE UPDATE OF space_id ON public.message_attachments
    FOR EACH ROW
    WHEN (OLD.space_id <> NEW.space_id)
    EXECUTE FUNCTION public.refuse_change(
        'a row does not move to another tenant', 'Insert another row there.'
    );
