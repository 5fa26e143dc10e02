-- Numbers messages without gaps, in the order of their commits: the next number is taken from the
-- channel's row, which stays locked until the sender commits. So whoever has seen number n has
-- seen every number below it, and a send that is rolled back gives its number back.

-- Nothing is written meanwhile, and what was written without these triggers is counted.
LOCK TABLE
    public.messages, public.channels, public.direct_messages, public.direct_conversations
    IN SHARE ROW EXCLUSIVE MODE;

UPDATE public.channels
SET last_seq = newest.seq, last_message_at = newest.created_at
FROM (
    SELECT server_id, channel_id, max(seq) AS seq, max(created_at) AS created_at
    FROM public.messages
    GROUP BY server_id, channel_id
) AS newest
WHERE
    channels.server_id = newest.server_id
    AND channels.id = newest.channel_id
    AND channels.last_seq < newest.seq;

UPDATE public.direct_conversations
SET last_seq = newest.seq, last_message_at = newest.created_at
FROM (
    SELECT conversation_id, max(seq) AS seq, max(created_at) AS created_at
    FROM public.direct_messages
    GROUP BY conversation_id
) AS newest
WHERE
    direct_conversations.id = newest.conversation_id
    AND direct_conversations.last_seq < newest.seq;

-- Leaves room on each page for the new version of a row that every message updates.
ALTER TABLE public.channels SET (fillfactor = 60);
ALTER TABLE public.direct_conversations SET (fillfactor = 60);

-- Refuses a change, for the triggers below and those of later migrations. The arguments of the
-- trigger are the reason and, if there is one, the way that is open instead.
CREATE FUNCTION public.refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME, TG_ARGV[0]
        USING
            ERRCODE = 'check_violation',
            HINT = coalesce(TG_ARGV[1], ''),
            SCHEMA = TG_TABLE_SCHEMA,
            TABLE = TG_TABLE_NAME,
            CONSTRAINT = TG_NAME;
END
$function$;

-- Channels ---------------------------------------------------------------------------------------

CREATE FUNCTION public.number_message() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    sent_as bigint;
BEGIN
    -- An older message may come in, from an archive; one from the future would stay the newest.
    NEW.created_at := least(NEW.created_at, clock_timestamp());
    NEW.version := 1;

    UPDATE public.channels
    SET
        last_seq = last_seq + 1,
        last_message_at = greatest(last_message_at, NEW.created_at)
    WHERE
        server_id = NEW.server_id
        AND id = NEW.channel_id
        AND kind <> 'category'
        AND deleted_at IS NULL
        AND (
            kind <> 'thread'
            OR EXISTS (
                SELECT
                FROM public.channels AS parent
                WHERE
                    parent.server_id = channels.server_id
                    AND parent.id = channels.parent_id
                    AND parent.deleted_at IS NULL
            )
        )
    RETURNING last_seq INTO NEW.seq;

    IF NOT FOUND THEN
        IF EXISTS (
            SELECT
            FROM public.channels
            WHERE server_id = NEW.server_id AND id = NEW.channel_id
        ) THEN
            RAISE EXCEPTION 'channel % takes no messages: deleted, in a deleted one, or a category',
                NEW.channel_id
                USING
                    ERRCODE = 'check_violation',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = 'messages_channel_open';
        END IF;
        RAISE EXCEPTION 'there is no channel % in server %', NEW.channel_id, NEW.server_id
            USING
                ERRCODE = 'foreign_key_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = 'messages_channel_fk';
    END IF;

    -- A send that is tried again comes with the same id, and ON CONFLICT DO NOTHING drops it after
    -- this: the number goes back, and the time becomes that of the newest few, for an archive may
    -- have dated the last one years ago. Looked for under the lock, so that two tries at once are
    -- seen too, and by the id alone, as the primary key does; a cluster, where the tenant is part of
    -- that key, looks within the tenant.
    SELECT seq INTO sent_as FROM public.messages WHERE id = NEW.id;

    IF FOUND THEN
        UPDATE public.channels
        SET
            last_seq = last_seq - 1,
            last_message_at = (
                SELECT max(recent.created_at)
                FROM (
                    SELECT created_at
                    FROM public.messages
                    WHERE server_id = NEW.server_id AND channel_id = NEW.channel_id
                    ORDER BY seq DESC
                    LIMIT 50
                ) AS recent
            )
        WHERE server_id = NEW.server_id AND id = NEW.channel_id;
        NEW.seq := sent_as;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER messages_number
    BEFORE INSERT ON public.messages
    FOR EACH ROW
    WHEN (NEW.seq = 0 OR current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.number_message();

-- Direct conversations ---------------------------------------------------------------------------

CREATE FUNCTION public.number_direct_message() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    sent_as bigint;
BEGIN
    NEW.created_at := least(NEW.created_at, clock_timestamp());
    NEW.version := 1;

    UPDATE public.direct_conversations
    SET
        last_seq = last_seq + 1,
        last_message_at = greatest(last_message_at, NEW.created_at)
    WHERE id = NEW.conversation_id
    RETURNING last_seq INTO NEW.seq;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no conversation %', NEW.conversation_id
            USING
                ERRCODE = 'foreign_key_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = 'direct_messages_conversation_fk';
    END IF;

    -- The foreign key knows who ever took part; somebody who has left is no participant.
    IF EXISTS (
        SELECT
        FROM public.direct_participants
        WHERE
            conversation_id = NEW.conversation_id
            AND user_id = NEW.author_id
            AND left_at IS NOT NULL
    ) THEN
        RAISE EXCEPTION 'user % has left conversation %', NEW.author_id, NEW.conversation_id
            USING
                ERRCODE = 'check_violation',
                SCHEMA = TG_TABLE_SCHEMA,
                TABLE = TG_TABLE_NAME,
                CONSTRAINT = 'direct_messages_participant';
    END IF;

    -- As with channels.
    SELECT seq INTO sent_as FROM public.direct_messages WHERE id = NEW.id;

    IF FOUND THEN
        UPDATE public.direct_conversations
        SET
            last_seq = last_seq - 1,
            last_message_at = (
                SELECT max(recent.created_at)
                FROM (
                    SELECT created_at
                    FROM public.direct_messages
                    WHERE conversation_id = NEW.conversation_id
                    ORDER BY seq DESC
                    LIMIT 50
                ) AS recent
            )
        WHERE id = NEW.conversation_id;
        NEW.seq := sent_as;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER direct_messages_number
    BEFORE INSERT ON public.direct_messages
    FOR EACH ROW
    WHEN (NEW.seq = 0 OR current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.number_direct_message();

-- The counters -----------------------------------------------------------------------------------

-- The counters belong to the triggers above. Whatever else is written to them is replaced by what
-- was there: an ORM that saves a whole row it read a while ago must not set the clock back.
CREATE FUNCTION public.keep_message_counter() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.last_seq := 0;
        NEW.last_message_at := NULL;
    ELSE
        NEW.last_seq := OLD.last_seq;
        NEW.last_message_at := OLD.last_message_at;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER channels_counter_starts
    BEFORE INSERT ON public.channels
    FOR EACH ROW
    WHEN (NEW.last_seq <> 0 OR NEW.last_message_at IS NOT NULL)
    EXECUTE FUNCTION public.keep_message_counter();

-- Depth 0 is a statement of a client; the numbering trigger comes at depth 1. Named to fire before
-- channels_updated_at, which asks whether the counter moved.
CREATE TRIGGER channels_counter_kept
    BEFORE UPDATE OF last_seq, last_message_at ON public.channels
    FOR EACH ROW
    WHEN (
        pg_trigger_depth() = 0
        AND (OLD.last_seq, OLD.last_message_at) IS DISTINCT FROM (NEW.last_seq, NEW.last_message_at)
    )
    EXECUTE FUNCTION public.keep_message_counter();

CREATE TRIGGER direct_conversations_counter_starts
    BEFORE INSERT ON public.direct_conversations
    FOR EACH ROW
    WHEN (NEW.last_seq <> 0 OR NEW.last_message_at IS NOT NULL)
    EXECUTE FUNCTION public.keep_message_counter();

CREATE TRIGGER direct_conversations_counter_kept
    BEFORE UPDATE OF last_seq, last_message_at ON public.direct_conversations
    FOR EACH ROW
    WHEN (
        pg_trigger_depth() = 0
        AND (OLD.last_seq, OLD.last_message_at) IS DISTINCT FROM (NEW.last_seq, NEW.last_message_at)
    )
    EXECUTE FUNCTION public.keep_message_counter();

-- The places -------------------------------------------------------------------------------------

CREATE TRIGGER messages_place_fixed
    BEFORE UPDATE OF
        id, server_id, channel_id, seq, author_id, kind, reply_to_seq, created_at
    ON public.messages
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.server_id, OLD.channel_id, OLD.seq, OLD.author_id, OLD.kind,
            OLD.reply_to_seq, OLD.created_at
        )
        IS DISTINCT FROM (
            NEW.id, NEW.server_id, NEW.channel_id, NEW.seq, NEW.author_id, NEW.kind,
            NEW.reply_to_seq, NEW.created_at
        )
    )
    EXECUTE FUNCTION public.refuse_change('a message keeps its place, its author and its time');

CREATE TRIGGER direct_messages_place_fixed
    BEFORE UPDATE OF id, conversation_id, seq, author_id, kind, reply_to_seq, created_at
    ON public.direct_messages
    FOR EACH ROW
    WHEN (
        (
            OLD.id, OLD.conversation_id, OLD.seq, OLD.author_id, OLD.kind, OLD.reply_to_seq,
            OLD.created_at
        )
        IS DISTINCT FROM (
            NEW.id, NEW.conversation_id, NEW.seq, NEW.author_id, NEW.kind, NEW.reply_to_seq,
            NEW.created_at
        )
    )
    EXECUTE FUNCTION public.refuse_change('a message keeps its place, its author and its time');

CREATE TRIGGER messages_place_kept
    BEFORE DELETE ON public.messages
    FOR EACH ROW
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change(
        'a deleted row would leave a gap in its channel',
        'Set deleted_at. To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER direct_messages_place_kept
    BEFORE DELETE ON public.direct_messages
    FOR EACH ROW
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change(
        'a deleted row would leave a gap in its conversation',
        'Set deleted_at. To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER messages_table_kept
    BEFORE TRUNCATE ON public.messages
    FOR EACH STATEMENT
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change(
        'every channel would have a gap',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

CREATE TRIGGER direct_messages_table_kept
    BEFORE TRUNCATE ON public.direct_messages
    FOR EACH STATEMENT
    WHEN (current_setting('chat.purge', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.refuse_change(
        'every conversation would have a gap',
        'To purge for good: SET LOCAL chat.purge = ''on'' in the transaction.'
    );

-- Imports -----------------------------------------------------------------------------------------

-- The AFTER triggers ask whether chat.import was ever set in this session, not whether it is on:
-- once set it is never NULL again, so a statement that switches it off in its last row is booked
-- all the same. To all other sessions they cost next to nothing.

CREATE FUNCTION public.book_messages() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    place record;
    counter record;
BEGIN
    -- Channel by channel, in the order of their ids.
    FOR place IN
        SELECT
            server_id,
            channel_id,
            count(*) AS messages,
            min(seq) AS first_seq,
            max(seq) AS newest_seq,
            max(created_at) AS newest_at,
            max(version) AS version
        FROM inserted
        GROUP BY server_id, channel_id
        ORDER BY channel_id
    LOOP
        SELECT
            last_seq,
            kind <> 'category'
            AND deleted_at IS NULL
            AND (
                kind <> 'thread'
                OR EXISTS (
                    SELECT
                    FROM public.channels AS parent
                    WHERE
                        parent.server_id = channels.server_id
                        AND parent.id = channels.parent_id
                        AND parent.deleted_at IS NULL
                )
            ) AS is_open
        INTO counter
        FROM public.channels
        WHERE server_id = place.server_id AND id = place.channel_id
        FOR NO KEY UPDATE;

        -- No row at all is for the foreign key to report, which comes before this.
        IF NOT counter.is_open THEN
            RAISE EXCEPTION 'channel % takes no messages: deleted, in a deleted one, or a category',
                place.channel_id
                USING
                    ERRCODE = 'check_violation',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = 'messages_channel_open';
        END IF;

        -- The key sees to it that no number comes twice. What the row trigger numbered is booked
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
            RAISE EXCEPTION
                'channel % is at %, and an import brought % messages numbered from % to %',
                place.channel_id, counter.last_seq, place.messages, place.first_seq,
                place.newest_seq
                USING
                    ERRCODE = 'check_violation',
                    HINT = 'Lock the channel, read last_seq and number every row on from there. '
                        'What is to be numbered as it is sent needs chat.import off.',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_NAME;
        END IF;

        IF place.newest_at > clock_timestamp() OR place.version <> 1 THEN
            RAISE EXCEPTION 'an imported message is of version 1 and not from the future'
                USING
                    ERRCODE = 'check_violation',
                    DETAIL = format(
                        'In channel %s the newest is from %s, the highest version is %s.',
                        place.channel_id, place.newest_at, place.version
                    ),
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = 'messages_import_new';
        END IF;

        UPDATE public.channels
        SET
            last_seq = place.newest_seq,
            last_message_at = greatest(last_message_at, place.newest_at)
        WHERE
            server_id = place.server_id
            AND id = place.channel_id
            AND (
                last_seq < place.newest_seq
                OR last_message_at IS DISTINCT FROM greatest(last_message_at, place.newest_at)
            );
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_booked
    AFTER INSERT ON public.messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS NOT NULL)
    EXECUTE FUNCTION public.book_messages();

CREATE FUNCTION public.book_direct_messages() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    place record;
    last_seq_before bigint;
    stranger uuid;
BEGIN
    FOR place IN
        SELECT
            conversation_id,
            sum(messages) AS messages,
            min(first_seq) AS first_seq,
            max(newest_seq) AS newest_seq,
            max(newest_at) AS newest_at,
            max(version) AS version,
            array_agg(author_id) AS author_ids
        FROM (
            SELECT
                conversation_id,
                author_id,
                count(*) AS messages,
                min(seq) AS first_seq,
                max(seq) AS newest_seq,
                max(created_at) AS newest_at,
                max(version) AS version
            FROM inserted
            GROUP BY conversation_id, author_id
        ) AS by_author
        GROUP BY conversation_id
        ORDER BY conversation_id
    LOOP
        SELECT last_seq INTO last_seq_before
        FROM public.direct_conversations
        WHERE id = place.conversation_id
        FOR NO KEY UPDATE;

        SELECT user_id INTO stranger
        FROM public.direct_participants
        WHERE
            conversation_id = place.conversation_id
            AND user_id = ANY (place.author_ids)
            AND left_at IS NOT NULL
        LIMIT 1;

        IF FOUND THEN
            RAISE EXCEPTION 'user % has left conversation %', stranger, place.conversation_id
                USING
                    ERRCODE = 'check_violation',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = 'direct_messages_participant';
        END IF;

        -- As with channels.
        IF place.messages <> place.newest_seq - place.first_seq + 1
            OR (
                place.first_seq <> last_seq_before + 1
                AND (
                    place.newest_seq <> last_seq_before
                    OR current_setting('chat.import', true) = 'on'
                )
            )
        THEN
            RAISE EXCEPTION
                'conversation % is at %, and an import brought % messages numbered from % to %',
                place.conversation_id, last_seq_before, place.messages, place.first_seq,
                place.newest_seq
                USING
                    ERRCODE = 'check_violation',
                    HINT = 'Lock the conversation, read last_seq and number every row on from there. '
                        'What is to be numbered as it is sent needs chat.import off.',
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = TG_NAME;
        END IF;

        IF place.newest_at > clock_timestamp() OR place.version <> 1 THEN
            RAISE EXCEPTION 'an imported message is of version 1 and not from the future'
                USING
                    ERRCODE = 'check_violation',
                    DETAIL = format(
                        'In conversation %s the newest is from %s, the highest version is %s.',
                        place.conversation_id, place.newest_at, place.version
                    ),
                    SCHEMA = TG_TABLE_SCHEMA,
                    TABLE = TG_TABLE_NAME,
                    CONSTRAINT = 'direct_messages_import_new';
        END IF;

        UPDATE public.direct_conversations
        SET
            last_seq = place.newest_seq,
            last_message_at = greatest(last_message_at, place.newest_at)
        WHERE
            id = place.conversation_id
            AND (
                last_seq < place.newest_seq
                OR last_message_at IS DISTINCT FROM greatest(last_message_at, place.newest_at)
            );
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER direct_messages_booked
    AFTER INSERT ON public.direct_messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS NOT NULL)
    EXECUTE FUNCTION public.book_direct_messages();
