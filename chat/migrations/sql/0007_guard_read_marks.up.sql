-- Keeps read marks moving forward, and no further than the newest message.

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
