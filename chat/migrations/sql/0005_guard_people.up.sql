-- Keeps people where they may be: no member who is banned, no read mark that goes back or ahead, no
-- stranger in a private conversation, and nothing new of somebody who was erased.

-- Bans --------------------------------------------------------------------------------------------

-- A join and a ban of the same user must not pass each other unseen. The join takes a share of a
-- lock of the server before it looks for a ban; the ban takes all of it before it looks for a
-- member. Whoever comes second waits, and then sees the first; which takes an isolation level at
-- which a statement sees what was committed before it began. The lock is not that of the server's
-- row: every insert with a foreign key to it holds a share of that one, so that two bans, each
-- after an entry in the audit log, would wait for each other.
CREATE FUNCTION public.require_read_committed() RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION 'joins and bans are made at READ COMMITTED, not at %',
            upper(current_setting('transaction_isolation'))
            USING
                ERRCODE = 'feature_not_supported',
                HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED at its beginning.';
    END IF;
END
$function$;

CREATE FUNCTION public.refuse_banned_member() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.require_read_committed();
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.server_id::text, 0));
    IF EXISTS (
        SELECT
        FROM public.bans
        WHERE
            server_id = NEW.server_id
            AND user_id = NEW.user_id
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ) THEN
        RAISE EXCEPTION 'user % is banned from server %', NEW.user_id, NEW.server_id
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER server_members_not_banned
    BEFORE INSERT ON public.server_members
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_banned_member();

CREATE FUNCTION public.refuse_ban_of_member() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.require_read_committed();
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.server_id::text, 0));
    IF (NEW.expires_at IS NULL OR NEW.expires_at > clock_timestamp())
        AND EXISTS (
            SELECT
            FROM public.server_members
            WHERE server_id = NEW.server_id AND user_id = NEW.user_id
        )
    THEN
        RAISE EXCEPTION 'user % is a member of server %', NEW.user_id, NEW.server_id
            USING
                ERRCODE = 'check_violation',
                HINT = 'Remove the member first, in the same transaction.',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER bans_not_member
    BEFORE INSERT OR UPDATE OF expires_at ON public.bans
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_ban_of_member();

-- Read marks --------------------------------------------------------------------------------------

CREATE FUNCTION public.guard_read_mark() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    newest bigint;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.last_read_seq < OLD.last_read_seq THEN
        RAISE EXCEPTION 'a read mark does not move back: % is before %',
            NEW.last_read_seq, OLD.last_read_seq
            USING
                ERRCODE = 'check_violation',
                HINT = 'Update only where last_read_seq is lower than the new value.',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;

    IF TG_TABLE_NAME = 'read_states' THEN
        SELECT last_seq INTO newest
        FROM public.channels
        WHERE server_id = NEW.server_id AND id = NEW.channel_id;
    ELSE
        SELECT last_seq INTO newest
        FROM public.direct_conversations
        WHERE id = NEW.conversation_id;
    END IF;
    -- No row at all is for the foreign key to report.
    IF NEW.last_read_seq > newest THEN
        RAISE EXCEPTION 'a read mark does not pass the newest message: % is after %',
            NEW.last_read_seq, newest
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER read_states_mark_starts
    BEFORE INSERT ON public.read_states
    FOR EACH ROW
    WHEN (NEW.last_read_seq > 0)
    EXECUTE FUNCTION public.guard_read_mark();

CREATE TRIGGER read_states_mark_moves
    BEFORE UPDATE OF last_read_seq ON public.read_states
    FOR EACH ROW
    WHEN (OLD.last_read_seq <> NEW.last_read_seq)
    EXECUTE FUNCTION public.guard_read_mark();

CREATE TRIGGER direct_participants_mark_starts
    BEFORE INSERT ON public.direct_participants
    FOR EACH ROW
    WHEN (NEW.last_read_seq > 0)
    EXECUTE FUNCTION public.guard_read_mark();

CREATE TRIGGER direct_participants_mark_moves
    BEFORE UPDATE OF last_read_seq ON public.direct_participants
    FOR EACH ROW
    WHEN (OLD.last_read_seq <> NEW.last_read_seq)
    EXECUTE FUNCTION public.guard_read_mark();

-- Private conversations ---------------------------------------------------------------------------

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

-- Erased accounts ---------------------------------------------------------------------------------

-- A send that began before an erasure and waited, say for its place in the channel, would otherwise
-- be written after it, and stay. The foreign key to users has waited for the erasure by the time
-- these triggers fire, for whoever erases holds the user's row FOR UPDATE; so they see it. Once
-- for each statement, so that a COPY asks once: of 380 microseconds that an insert takes, 12.

-- On a cluster a table's parts end in a number, and from one of them users cannot be asked: there
-- these triggers do nothing, and only the services look.

CREATE FUNCTION public.refuse_erased_author() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    erased uuid;
BEGIN
    IF right(TG_TABLE_NAME, 1) BETWEEN '0' AND '9' THEN
        RETURN NULL;
    END IF;

    SELECT account.id INTO erased
    FROM inserted
    INNER JOIN public.users AS account ON account.id = inserted.author_id
    WHERE account.erased_at IS NOT NULL
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION 'user % is erased and writes nothing', erased
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.refuse_erased_uploader() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    erased uuid;
BEGIN
    IF right(TG_TABLE_NAME, 1) BETWEEN '0' AND '9' THEN
        RETURN NULL;
    END IF;

    SELECT account.id INTO erased
    FROM inserted
    INNER JOIN public.users AS account ON account.id = inserted.uploader_id
    WHERE account.erased_at IS NOT NULL
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION 'user % is erased and uploads nothing', erased
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$function$;

CREATE FUNCTION public.refuse_erased_user() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    erased uuid;
BEGIN
    IF right(TG_TABLE_NAME, 1) BETWEEN '0' AND '9' THEN
        RETURN NULL;
    END IF;

    SELECT account.id INTO erased
    FROM inserted
    INNER JOIN public.users AS account ON account.id = inserted.user_id
    WHERE account.erased_at IS NOT NULL
    LIMIT 1;

    IF FOUND THEN
        RAISE EXCEPTION 'user % is erased and has nothing new in %', erased, TG_TABLE_NAME
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = TG_NAME;
    END IF;
    RETURN NULL;
END
$function$;

-- The key to the author of a direct message leads to the participant and not to the user, so it
-- does not wait for an erasure that is under way. Here each author's row is held, in the order of
-- their ids, and looked at as it is once the lock is there.
CREATE FUNCTION public.refuse_erased_direct_author() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    author record;
BEGIN
    -- On a cluster: as refuse_erased_author.
    IF right(TG_TABLE_NAME, 1) BETWEEN '0' AND '9' THEN
        RETURN NULL;
    END IF;

    FOR author IN
        SELECT account.id, account.erased_at
        FROM public.users AS account
        WHERE account.id = ANY (ARRAY(SELECT inserted.author_id FROM inserted))
        ORDER BY account.id
        FOR KEY SHARE
    LOOP
        IF author.erased_at IS NOT NULL THEN
            RAISE EXCEPTION 'user % is erased and writes nothing', author.id
                USING
                    ERRCODE = 'check_violation',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_NAME;
        END IF;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_author_not_erased
    AFTER INSERT ON public.messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_author();

CREATE TRIGGER direct_messages_author_not_erased
    AFTER INSERT ON public.direct_messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_direct_author();

CREATE TRIGGER message_attachments_uploader_not_erased
    AFTER INSERT ON public.message_attachments
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_uploader();

CREATE TRIGGER user_sessions_user_not_erased
    AFTER INSERT ON public.user_sessions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_user();

CREATE TRIGGER user_preferences_user_not_erased
    AFTER INSERT ON public.user_preferences
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_user();

CREATE TRIGGER server_members_user_not_erased
    AFTER INSERT ON public.server_members
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_user();

CREATE TRIGGER direct_participants_user_not_erased
    AFTER INSERT ON public.direct_participants
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased_user();
