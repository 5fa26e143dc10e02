-- Lets an import bring its own numbers, which are checked and booked once for each statement.
--
-- In a transaction that has said SET LOCAL chat.import = 'on', a row with a number is not numbered.
-- At the end of the statement, the rows of each channel must follow on its last number without a
-- gap, and the channel is moved once. Whoever imports locks the channels first, in the order of
-- their ids (SELECT … FOR NO KEY UPDATE); otherwise it may meet a sender in a deadlock.

-- The AFTER triggers ask whether chat.import was ever set in this session, not whether it is on:
-- once set it is never NULL again, so a statement that switches it off in its last row is booked
-- all the same. To all other sessions they cost next to nothing.

-- Channels ---------------------------------------------------------------------------------------

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

CREATE OR REPLACE TRIGGER messages_number
    BEFORE INSERT ON public.messages
    FOR EACH ROW
    WHEN (NEW.seq = 0 OR current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.number_message();

-- Direct conversations ---------------------------------------------------------------------------

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

CREATE OR REPLACE TRIGGER direct_messages_number
    BEFORE INSERT ON public.direct_messages
    FOR EACH ROW
    WHEN (NEW.seq = 0 OR current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.number_direct_message();
