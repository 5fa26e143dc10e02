-- Keeps bans and memberships apart: no user has both in one server.

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
