-- Keeps strangers out of private conversations.

-- Pairs ------------------------------------------------------------------------------------------

CREATE FUNCTION public.refuse_third_in_pair() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.direct_conversations
        WHERE
            id = NEW.conversation_id
            AND kind = 'pair'
            AND NEW.user_id NOT IN (pair_low_id, pair_high_id)
    ) THEN
        RAISE EXCEPTION 'conversation % is between two others', NEW.conversation_id
            USING
                ERRCODE = 'check_violation',
                HINT = 'Open a group instead.',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER direct_participants_pair
    BEFORE INSERT ON public.direct_participants
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_third_in_pair();

CREATE TRIGGER direct_conversations_kind_fixed
    BEFORE UPDATE OF kind ON public.direct_conversations
    FOR EACH ROW
    WHEN (OLD.kind <> NEW.kind)
    EXECUTE FUNCTION public.refuse_change(
        'a pair stays a pair and a group a group', 'Open a group instead.'
    );

-- Reactions and files ----------------------------------------------------------------------------

-- The argument of the trigger is the column that names the user.
CREATE FUNCTION public.refuse_stranger() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    who uuid := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.direct_participants
        WHERE conversation_id = NEW.space_id AND user_id = who AND left_at IS NULL
    ) THEN
        RAISE EXCEPTION 'user % takes no part in conversation %', who, NEW.space_id
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER reactions_participant
    BEFORE INSERT ON public.reactions
    FOR EACH ROW
    WHEN (NEW.direct_message_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_stranger('user_id');

CREATE TRIGGER message_attachments_participant
    BEFORE INSERT OR UPDATE OF direct_message_id, uploader_id ON public.message_attachments
    FOR EACH ROW
    WHEN (NEW.direct_message_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_stranger('uploader_id');
