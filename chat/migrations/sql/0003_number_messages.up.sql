-- Numbers messages without gaps, in the order of their commits: the next number is taken from the
-- counter of the channel, whose row stays locked until the sender commits. So whoever has seen
-- number n has seen every number below it, and a send that is rolled back gives its number back.
--
-- The functions that write counters are SECURITY DEFINER: the role of an application needs no right
-- to write one. Their search_path is empty, so that no object of the caller's can stand in the way.

-- Nothing is written meanwhile, and what was written without these triggers is counted.
LOCK TABLE public.messages, public.channels, public.channel_counters IN SHARE ROW EXCLUSIVE MODE;

-- Leaves room on each page for the new version of a row that every message updates.
ALTER TABLE public.channel_counters SET (fillfactor = 50);

INSERT INTO public.channel_counters (space_id, channel_id)
SELECT space_id, id FROM public.channels
ON CONFLICT DO NOTHING;

UPDATE public.channel_counters AS counter
SET
    first_seq = found.first_seq,
    last_seq = found.last_seq,
    last_message_at = found.last_message_at
FROM (
    SELECT
        space_id,
        channel_id,
        min(seq) AS first_seq,
        max(seq) AS last_seq,
        max(created_at) AS last_message_at
    FROM public.messages
    GROUP BY space_id, channel_id
) AS found
WHERE
    counter.space_id = found.space_id
    AND counter.channel_id = found.channel_id
    AND counter.last_seq < found.last_seq;

-- Refuses a statement in the name of a constraint: says what is wrong, and as a hint what to do.
CREATE FUNCTION public.refuse(
    what text, hint text, of_table text, of_constraint text, state text DEFAULT 'check_violation'
) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '%', what
        USING
            ERRCODE = state,
            HINT = hint,
            SCHEMA = 'public',
            TABLE = of_table,
            CONSTRAINT = of_constraint;
END
$function$;

-- Refuses a change, for the triggers below and those of later migrations. The arguments of the
-- trigger are the reason and what to do instead.
CREATE FUNCTION public.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.refuse(
        format('%s on %s is refused: %s', TG_OP, TG_TABLE_NAME, TG_ARGV[0]),
        TG_ARGV[1],
        TG_TABLE_NAME,
        TG_NAME
    );
END
$function$;

-- Whether the transaction may take back what is otherwise kept for good: it has said
-- SET LOCAL chat.purge = 'on', which anybody may say, and has the rights of the tables' owner, which
-- the role of an application has not.
CREATE FUNCTION public.may_purge() RETURNS boolean
LANGUAGE sql
STABLE
SET search_path = ''
AS $function$
    SELECT
        coalesce(current_setting('chat.purge', true), '') = 'on'
        AND pg_has_role(relowner, 'USAGE')
    FROM pg_class
    WHERE oid = 'public.messages'::regclass;
$function$;

-- For what waits on a lock and then looks with a statement of its own at what was committed
-- meanwhile. At another isolation level each statement sees what the first one saw.
CREATE FUNCTION public.require_read_committed(what text) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        RAISE EXCEPTION '% at READ COMMITTED, not at %',
            what, upper(current_setting('transaction_isolation'))
            USING
                ERRCODE = 'feature_not_supported',
                HINT = 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED at its beginning.';
    END IF;
END
$function$;

-- Counters ----------------------------------------------------------------------------------------

-- Opens or closes channels of one space, by what is true of each now. The rows really change, so that
-- a send that waited for one goes on with what it says now, or fails at REPEATABLE READ. Parents are
-- locked first, and among equals the lower id.
CREATE FUNCTION public.update_closed(in_space uuid, of_channels uuid[]) RETURNS void
LANGUAGE plpgsql
-- A plan made while the tables are small would read all of them for each of a thousand new threads.
SET enable_seqscan = off
AS $function$
BEGIN
    PERFORM
    FROM public.channel_counters AS counter
    INNER JOIN public.channels AS channel
        ON channel.space_id = in_space AND channel.id = counter.channel_id
    WHERE counter.space_id = in_space AND counter.channel_id = ANY (of_channels)
    ORDER BY channel.level, channel.id
    FOR NO KEY UPDATE OF counter;

    UPDATE public.channel_counters AS counter
    SET closed = state.closed, last_change = counter.last_change + 1
    FROM (
        SELECT
            channel.id,
            channel.kind = 'category'
            OR channel.deleted_at IS NOT NULL
            OR channel.archived_at IS NOT NULL
            OR parent.deleted_at IS NOT NULL
            OR server.deleted_at IS NOT NULL AS closed
        FROM public.channels AS channel
        LEFT JOIN public.channels AS parent
            ON
                channel.kind = 'thread'
                AND parent.space_id = in_space
                AND parent.id = channel.parent_id
        LEFT JOIN public.servers AS server
            ON server.space_id = in_space
        WHERE channel.space_id = in_space AND channel.id = ANY (of_channels)
    ) AS state
    WHERE
        counter.space_id = in_space
        AND counter.channel_id = state.id
        -- A parent of many new threads is moved by the first of a transaction alone.
        AND (counter.closed <> state.closed OR counter.xmin <> pg_current_xact_id()::xid);
END
$function$;

-- What was closed or opened without these triggers.
DO $migration$
BEGIN
    PERFORM public.update_closed(space_id, array_agg(channel_id))
    FROM public.channel_counters
    GROUP BY space_id;
END
$migration$;

CREATE FUNCTION public.keep_channel_counter() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    moved uuid[] := ARRAY[NEW.id];
    newest bigint;
    is_server_deleted boolean;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO public.channel_counters (space_id, channel_id)
        VALUES (NEW.space_id, NEW.id);

        -- Whoever deletes the server now sees this channel, or this waits for it.
        SELECT deleted_at IS NOT NULL INTO is_server_deleted
        FROM public.servers
        WHERE space_id = NEW.space_id
        FOR NO KEY UPDATE;

        IF is_server_deleted AND NEW.server_id IS NOT NULL THEN
            PERFORM public.refuse(
                format('server %s is deleted, and gets no channel', NEW.space_id),
                'Set the server''s deleted_at to NULL first.',
                TG_TABLE_NAME,
                'channels_server_open'
            );
        END IF;

        IF is_server_deleted IS NOT NULL AND NEW.server_id IS NULL THEN
            PERFORM public.refuse(
                format('space %s is a server, and a conversation is a space of its own', NEW.id),
                'Give the conversation a new id, and that id as its space_id.',
                TG_TABLE_NAME,
                'channels_space_own'
            );
        END IF;
    END IF;

    IF NEW.kind = 'thread' THEN
        -- Moves the parent too, so that a new thread and the deletion of its parent meet there.
        moved := moved || NEW.parent_id;
    ELSIF TG_OP = 'UPDATE' THEN
        SELECT last_seq INTO newest
        FROM public.channel_counters
        WHERE space_id = NEW.space_id AND channel_id = NEW.id
        FOR NO KEY UPDATE;

        IF NEW.kind = 'category' AND newest > 0 THEN
            PERFORM public.refuse(
                format('channel %s has messages, and a category has none', NEW.id),
                'Make a new category and move channels under it.',
                TG_TABLE_NAME,
                'channels_category_empty'
            );
        END IF;

        moved := moved || ARRAY(
            SELECT id
            FROM public.channels
            WHERE space_id = NEW.space_id AND parent_id = NEW.id AND kind = 'thread'
        );
    END IF;
    PERFORM public.update_closed(NEW.space_id, moved);
    RETURN NULL;
END
$function$;

CREATE TRIGGER channels_counter_made
    AFTER INSERT ON public.channels
    FOR EACH ROW
    EXECUTE FUNCTION public.keep_channel_counter();

-- Named to come after channels_limit_changed: the server is locked before the counters of its channels,
-- as its deletion does.
CREATE TRIGGER channels_open_changed
    AFTER UPDATE OF kind, parent_id, archived_at, deleted_at ON public.channels
    FOR EACH ROW
    WHEN (
        (OLD.kind, OLD.parent_id, OLD.archived_at, OLD.deleted_at)
        IS DISTINCT FROM (NEW.kind, NEW.parent_id, NEW.archived_at, NEW.deleted_at)
    )
    EXECUTE FUNCTION public.keep_channel_counter();

CREATE FUNCTION public.close_server() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    PERFORM public.require_read_committed('servers are deleted');
    -- Of a join, which holds a share of it, and this, whoever comes second sees the first.
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.space_id::text, 0));
    PERFORM public.update_closed(
        NEW.space_id, ARRAY(SELECT id FROM public.channels WHERE space_id = NEW.space_id)
    );
    RETURN NULL;
END
$function$;

CREATE TRIGGER servers_closed
    AFTER UPDATE OF deleted_at ON public.servers
    FOR EACH ROW
    WHEN ((OLD.deleted_at IS NULL) <> (NEW.deleted_at IS NULL))
    EXECUTE FUNCTION public.close_server();

-- Rights keep an application from the counters; this keeps everybody from it, by accident. Depth 0
-- is a statement of a client.
CREATE TRIGGER channel_counters_kept
    BEFORE INSERT OR UPDATE OR DELETE ON public.channel_counters
    FOR EACH ROW
    WHEN (pg_trigger_depth() = 0)
    EXECUTE FUNCTION public.refuse_change(
        'the triggers of channels and messages write counters',
        'Make channels, and send, import or purge messages: their counters follow.'
    );

-- Whoever locks a counter, as an import does, needs the right to change a column of it. These are
-- the columns that nobody changes.
CREATE TRIGGER channel_counters_place_fixed
    BEFORE UPDATE OF space_id, channel_id ON public.channel_counters
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_change(
        'a counter is one channel''s', 'Make a channel: its counter comes with it.'
    );

-- At COMMIT, a number that was taken must be that of a message. ON CONFLICT DO NOTHING can drop a row
-- after its number was taken; tried again, the message is known and takes none. What was purged
-- meanwhile is meant to be gone. Made IMMEDIATE it comes
-- before the message, and refuses every send.
CREATE FUNCTION public.refuse_gap() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.messages
        WHERE
            space_id = NEW.space_id
            AND channel_id = NEW.channel_id
            AND seq = NEW.last_seq
    ) THEN
        RETURN NULL;
    END IF;

    IF EXISTS (
        SELECT
        FROM public.channel_counters
        WHERE
            space_id = NEW.space_id
            AND channel_id = NEW.channel_id
            AND first_seq <= NEW.last_seq
    ) AND NOT EXISTS (
        SELECT
        FROM public.read_ranges
        WHERE
            space_id = NEW.space_id
            AND channel_id = NEW.channel_id
            AND last_seq >= NEW.last_seq
            AND first_seq <= NEW.last_seq
            AND reason = 'purge'
    ) THEN
        PERFORM public.refuse(
            format('number %s of channel %s belongs to no message', NEW.last_seq, NEW.channel_id),
            'Run the transaction again.',
            TG_TABLE_NAME,
            TG_NAME,
            'serialization_failure'
        );
    END IF;
    RETURN NULL;
END
$function$;

CREATE CONSTRAINT TRIGGER channel_counters_no_gap
    AFTER UPDATE OF last_seq ON public.channel_counters
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW
    WHEN (NEW.last_seq > OLD.last_seq)
    EXECUTE FUNCTION public.refuse_gap();

-- Numbers -----------------------------------------------------------------------------------------

CREATE FUNCTION public.number_message() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    -- An older message may come in, from an archive; one from the future would stay the newest.
    NEW.created_at := least(NEW.created_at, clock_timestamp());
    NEW.version := 1;

    UPDATE public.channel_counters
    SET
        last_seq = last_seq + 1,
        last_message_at = greatest(last_message_at, NEW.created_at)
    WHERE
        space_id = NEW.space_id
        AND channel_id = NEW.channel_id
        AND NOT closed
        AND NOT EXISTS (
            SELECT FROM public.messages WHERE space_id = NEW.space_id AND id = NEW.id
        )
    RETURNING last_seq INTO NEW.seq;

    IF NOT FOUND THEN
        -- A send that is tried again is there already: no row and no number. Two at the same moment
        -- end in a duplicate key, and the second takes its number back with it.
        IF EXISTS (SELECT FROM public.messages WHERE space_id = NEW.space_id AND id = NEW.id) THEN
            RETURN NULL;
        END IF;

        IF EXISTS (
            SELECT
            FROM public.channel_counters
            WHERE space_id = NEW.space_id AND channel_id = NEW.channel_id
        ) THEN
            PERFORM public.refuse(
                format(
                    'channel %s takes no messages: a category, archived, deleted, or in what is',
                    NEW.channel_id
                ),
                'Write into another channel, or set archived_at or deleted_at back to NULL.',
                TG_TABLE_NAME,
                'messages_channel_open'
            );
        END IF;
        PERFORM public.refuse(
            format('there is no channel %s in space %s', NEW.channel_id, NEW.space_id),
            'space_id is the server''s id, or in a conversation the conversation''s own.',
            TG_TABLE_NAME,
            'messages_channel_fk',
            'foreign_key_violation'
        );
    END IF;

    -- In a conversation only who takes part writes. Under the lock, which whoever leaves takes too.
    -- A condition with a query in it is a query of its own at each send, so this one is asked first.
    IF NEW.space_id = NEW.channel_id AND NEW.author_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT
            FROM public.participants
            WHERE space_id = NEW.space_id AND user_id = NEW.author_id AND left_at IS NULL
        ) THEN
            PERFORM public.refuse(
                format('user %s takes no part in conversation %s', NEW.author_id, NEW.space_id),
                'Insert a row of participants first, or set its left_at to NULL.',
                TG_TABLE_NAME,
                'messages_participant'
            );
        END IF;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER messages_number
    BEFORE INSERT ON public.messages
    FOR EACH ROW
    WHEN (NEW.seq = 0 OR current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.number_message();

-- Whoever leaves or comes back moves the counter, so that a send of theirs comes before or sees it.
CREATE FUNCTION public.meet_sends() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    UPDATE public.channel_counters
    SET last_change = last_change + 1
    WHERE space_id = NEW.space_id AND channel_id = NEW.space_id;
    RETURN NULL;
END
$function$;

CREATE TRIGGER participants_left
    AFTER UPDATE OF left_at ON public.participants
    FOR EACH ROW
    WHEN ((OLD.left_at IS NULL) <> (NEW.left_at IS NULL))
    EXECUTE FUNCTION public.meet_sends();

-- Imports -----------------------------------------------------------------------------------------

-- In a transaction that has said SET LOCAL chat.import = 'on', a row with a number is not numbered.
-- At the end of the statement, the rows of each channel must follow on its last number without a
-- gap, and the counter is moved once. Whoever imports locks the counters first, in the order of the
-- channels' ids (SELECT … FOR NO KEY UPDATE); otherwise it may meet a sender in a deadlock.

-- The trigger asks whether chat.import was ever set in this session, not whether it is on: once set
-- it is never NULL again, so a statement that switches it off in its last row is counted all the
-- same. To all other sessions it costs next to nothing.

CREATE FUNCTION public.count_imported_messages() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    place record;
    counter record;
    stranger uuid;
BEGIN
    -- Channel by channel, in the order of their ids.
    FOR place IN
        SELECT
            space_id,
            channel_id,
            count(*) AS messages,
            min(seq) AS first_seq,
            max(seq) AS newest_seq,
            max(created_at) AS newest_at,
            max(version) AS version,
            array_agg(DISTINCT author_id) FILTER (
                WHERE space_id = channel_id AND author_id IS NOT NULL
            ) AS talking
        FROM inserted
        GROUP BY space_id, channel_id
        ORDER BY channel_id
    LOOP
        SELECT last_seq, closed INTO counter
        FROM public.channel_counters
        WHERE space_id = place.space_id AND channel_id = place.channel_id
        FOR NO KEY UPDATE;

        -- No row at all is for the foreign key to report, which comes before this.
        IF counter.closed THEN
            PERFORM public.refuse(
                format(
                    'channel %s takes no messages: a category, archived, deleted, or in what is',
                    place.channel_id
                ),
                'Write into another channel, or set archived_at or deleted_at back to NULL.',
                TG_TABLE_NAME,
                'messages_channel_open'
            );
        END IF;

        SELECT author.id INTO stranger
        FROM unnest(place.talking) AS author (id)
        WHERE NOT EXISTS (
            SELECT
            FROM public.participants AS own
            WHERE
                own.space_id = place.space_id
                AND own.user_id = author.id
                AND own.left_at IS NULL
        )
        LIMIT 1;

        IF FOUND THEN
            PERFORM public.refuse(
                format('user %s takes no part in conversation %s', stranger, place.space_id),
                'Insert a row of participants first, or set its left_at to NULL.',
                TG_TABLE_NAME,
                'messages_participant'
            );
        END IF;

        -- The key sees to it that no number comes twice. What the row trigger numbered is counted
        -- already, and ends at the counter.
        IF place.messages <> place.newest_seq - place.first_seq + 1
            OR (
                place.first_seq <> counter.last_seq + 1
                AND (
                    place.newest_seq <> counter.last_seq
                    OR current_setting('chat.import', true) = 'on'
                )
            )
        THEN
            PERFORM public.refuse(
                format(
                    'channel %s is at %s, and an import brought %s messages numbered from %s to %s',
                    place.channel_id, counter.last_seq, place.messages, place.first_seq,
                    place.newest_seq
                ),
                'Lock the counter, read last_seq and number every row on from there. '
                || 'What is to be numbered as it is sent needs chat.import off.',
                TG_TABLE_NAME,
                TG_NAME
            );
        END IF;

        IF place.newest_at > clock_timestamp() OR place.version <> 1 THEN
            PERFORM public.refuse(
                format(
                    'an imported message is of version 1 and not from the future: '
                    || 'in channel %s the newest is from %s, the highest version is %s',
                    place.channel_id, place.newest_at, place.version
                ),
                'Leave version out, and give created_at as the time of the message in UTC.',
                TG_TABLE_NAME,
                'messages_import_new'
            );
        END IF;

        -- What was imported is new to nobody. One range for all statements of an import.
        IF place.newest_seq > counter.last_seq THEN
            UPDATE public.read_ranges
            SET last_seq = place.newest_seq
            WHERE
                space_id = place.space_id
                AND channel_id = place.channel_id
                AND last_seq = place.first_seq - 1
                AND reason = 'import';

            IF NOT FOUND THEN
                INSERT INTO public.read_ranges (space_id, channel_id, first_seq, last_seq, reason)
                VALUES (
                    place.space_id, place.channel_id, place.first_seq, place.newest_seq, 'import'
                );
            END IF;
        END IF;

        UPDATE public.channel_counters
        SET
            last_seq = place.newest_seq,
            ranges_upto = greatest(ranges_upto, nullif(place.newest_seq, last_seq)),
            last_message_at = greatest(last_message_at, place.newest_at)
        WHERE
            space_id = place.space_id
            AND channel_id = place.channel_id
            AND (
                last_seq < place.newest_seq
                OR last_message_at IS DISTINCT FROM greatest(last_message_at, place.newest_at)
            );
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_counted
    AFTER INSERT ON public.messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS NOT NULL)
    EXECUTE FUNCTION public.count_imported_messages();

-- Places ------------------------------------------------------------------------------------------

CREATE TRIGGER messages_place_fixed
    BEFORE UPDATE OF
        id, space_id, channel_id, seq, author_id, kind, reply_to_seq, created_at
    ON public.messages
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.space_id, OLD.channel_id, OLD.seq, OLD.author_id, OLD.kind,
            OLD.reply_to_seq, OLD.created_at
        )
        IS DISTINCT FROM (
            NEW.id, NEW.space_id, NEW.channel_id, NEW.seq, NEW.author_id, NEW.kind,
            -- A purge cuts the link to what it takes away.
            CASE
                WHEN NEW.reply_to_seq IS NULL AND public.may_purge() THEN OLD.reply_to_seq
                ELSE NEW.reply_to_seq
            END,
            NEW.created_at
        )
    )
    EXECUTE FUNCTION public.refuse_change(
        'a message keeps its place, its author and its time',
        'Send another message, and set deleted_at of this one.'
    );

CREATE TRIGGER messages_place_kept
    BEFORE DELETE ON public.messages
    FOR EACH ROW
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'a deleted row would leave a gap in its channel',
        'Set deleted_at. To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER messages_table_kept
    BEFORE TRUNCATE ON public.messages
    FOR EACH STATEMENT
    WHEN (NOT public.may_purge())
    EXECUTE FUNCTION public.refuse_change(
        'every channel would have a gap',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

-- What answered a purged message stays, and answers nothing. Named to come before the trigger of the
-- foreign key ("RI_…"), for which no answer is left then; a key that sets a column to NULL would take
-- space_id along on a cluster.
CREATE FUNCTION public.cut_replies() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    UPDATE public.messages
    SET reply_to_seq = NULL
    WHERE
        space_id = OLD.space_id
        AND channel_id = OLD.channel_id
        AND reply_to_seq = OLD.seq;
    RETURN NULL;
END
$function$;

CREATE TRIGGER "A0_replies_cut"
    AFTER DELETE ON public.messages
    FOR EACH ROW
    EXECUTE FUNCTION public.cut_replies();

-- Below first_seq all was purged, and what was purged above it is unread to nobody.
CREATE FUNCTION public.move_first_seq() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    place record;
    lowest bigint;
BEGIN
    FOR place IN
        SELECT space_id, channel_id, array_agg(seq) AS seqs
        FROM deleted
        GROUP BY space_id, channel_id
        ORDER BY channel_id
    LOOP
        IF EXISTS (
            SELECT
            FROM public.servers
            WHERE space_id = place.space_id AND legal_hold_at IS NOT NULL
        ) THEN
            PERFORM public.refuse(
                format('server %s is under a legal hold, and nothing of it is purged', place.space_id),
                'Set the server''s legal_hold_at to NULL first.',
                TG_TABLE_NAME,
                'messages_legal_hold'
            );
        END IF;

        -- Locked before the messages are looked at, among which there may be one that just came.
        PERFORM
        FROM public.channel_counters
        WHERE space_id = place.space_id AND channel_id = place.channel_id
        FOR NO KEY UPDATE;

        UPDATE public.channel_counters
        SET
            first_seq = coalesce(
                (
                    SELECT min(seq)
                    FROM public.messages
                    WHERE space_id = place.space_id AND channel_id = place.channel_id
                ),
                last_seq + 1
            ),
            ranges_upto = greatest(
                ranges_upto, (SELECT max(purged.seq) FROM unnest(place.seqs) AS purged (seq))
            )
        WHERE space_id = place.space_id AND channel_id = place.channel_id
        RETURNING first_seq INTO lowest;

        DELETE FROM public.read_ranges
        WHERE
            space_id = place.space_id AND channel_id = place.channel_id AND last_seq < lowest;

        -- Neighbours have the same difference between their number and their place in the order.
        INSERT INTO public.read_ranges (space_id, channel_id, first_seq, last_seq, reason)
        SELECT place.space_id, place.channel_id, min(purged.seq), max(purged.seq), 'purge'
        FROM (
            SELECT seq, seq - row_number() OVER (ORDER BY seq) AS difference
            FROM unnest(place.seqs) AS seq
            WHERE seq > lowest
        ) AS purged
        GROUP BY purged.difference;
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_purged
    AFTER DELETE ON public.messages
    REFERENCING OLD TABLE AS deleted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.move_first_seq();

CREATE FUNCTION public.move_every_first_seq() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    UPDATE public.channel_counters SET first_seq = last_seq + 1 WHERE first_seq <= last_seq;
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_all_purged
    AFTER TRUNCATE ON public.messages
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.move_every_first_seq();

CREATE TRIGGER servers_legal_hold
    BEFORE DELETE ON public.servers
    FOR EACH ROW
    WHEN (OLD.legal_hold_at IS NOT NULL)
    EXECUTE FUNCTION public.refuse_change(
        'the server is under a legal hold, and nothing of it is purged',
        'Set the server''s legal_hold_at to NULL first.'
    );
