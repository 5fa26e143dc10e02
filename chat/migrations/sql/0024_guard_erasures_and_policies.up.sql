-- What was refused of new rows alone, or of changed ones alone, is refused of both.

-- Names of erased users, which 0005 refuses in new rows. Each trigger fires after the key has locked
-- the user's row, so an erasure is waited for, or waits.

CREATE TRIGGER channel_permissions_change_not_erased
    AFTER UPDATE OF user_id ON public.channel_permissions
    FOR EACH ROW
    WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION public.refuse_erased_in_row('user_id');

CREATE TRIGGER invites_change_not_erased
    AFTER UPDATE OF creator_id ON public.invites
    FOR EACH ROW
    WHEN (NEW.creator_id IS DISTINCT FROM OLD.creator_id)
    EXECUTE FUNCTION public.refuse_erased_in_row('creator_id');

CREATE TRIGGER message_attachments_change_not_erased
    AFTER UPDATE OF uploader_id ON public.message_attachments
    FOR EACH ROW
    WHEN (NEW.uploader_id IS DISTINCT FROM OLD.uploader_id)
    EXECUTE FUNCTION public.refuse_erased_in_row('uploader_id');

CREATE TRIGGER user_preferences_change_not_erased
    AFTER UPDATE OF user_id ON public.user_preferences
    FOR EACH ROW
    WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION public.refuse_erased_in_row('user_id');

CREATE TRIGGER user_sessions_change_not_erased
    AFTER UPDATE OF user_id ON public.user_sessions
    FOR EACH ROW
    WHEN (NEW.user_id IS DISTINCT FROM OLD.user_id)
    EXECUTE FUNCTION public.refuse_erased_in_row('user_id');

-- Whoever was erased has left each conversation for good.
CREATE TRIGGER participants_change_not_erased
    AFTER UPDATE OF left_at ON public.participants
    FOR EACH ROW
    WHEN (OLD.left_at IS NOT NULL AND NEW.left_at IS NULL)
    EXECUTE FUNCTION public.refuse_erased_in_row('user_id');

-- What is purged and what is kept, which 0019 lets the owner of the tables alone change.
CREATE TRIGGER servers_policy_given
    BEFORE INSERT ON public.servers
    FOR EACH ROW
    WHEN (num_nonnulls(NEW.retention_days, NEW.legal_hold_at) > 0)
    EXECUTE FUNCTION public.refuse_policy_of_others();

CREATE TRIGGER channels_policy_given
    BEFORE INSERT ON public.channels
    FOR EACH ROW
    WHEN (NEW.legal_hold_at IS NOT NULL)
    EXECUTE FUNCTION public.refuse_policy_of_others();
