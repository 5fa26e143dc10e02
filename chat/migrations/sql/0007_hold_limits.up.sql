-- Holds the limits: channels and threads of a server, pins, kinds of emoji under a message, people in a group.
--
-- Each limit is counted under the lock on the row that it belongs to: the server's, the channel's or
-- the conversation's, the message's. Whoever comes second waits there and counts the first, by a
-- statement of its own, for one that has waited goes on with the snapshot that it came with. At
-- another isolation level than READ COMMITTED every statement does, so there it is refused.
--
-- The services take these locks before they write, as everybody does best who changes rows that
-- others change too: whoever pins by UPDATE alone holds the message when it asks for the channel,
-- and may meet a service that goes the other way in a deadlock.
--
-- Only what is new is looked at: a row that comes, or that begins to count. Where there are more
-- than the limit already, they stay, and no more are added. chat.rules.limits has the same
-- numbers, and a test holds the two together.

CREATE FUNCTION public.refuse_over_limit(
    counted bigint, most integer, what text, of_table text, of_constraint text
) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    IF counted > most THEN
        PERFORM public.refuse(
            format('%s %s are more than the %s that there may be', counted, what, most),
            'Remove one of them first.',
            of_table,
            of_constraint
        );
    END IF;
END
$function$;

-- Channels and threads ----------------------------------------------------------------------------

CREATE FUNCTION public.hold_channel_limit(in_space uuid, of_threads boolean) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    PERFORM public.require_read_committed('channels are made');
    PERFORM FROM public.servers WHERE space_id = in_space FOR NO KEY UPDATE;

    -- Along channels_tree_ix. Archived threads do not count.
    SELECT count(*) INTO counted
    FROM public.channels
    WHERE
        space_id = in_space
        AND deleted_at IS NULL
        AND (kind = 'thread') = of_threads
        AND NOT (of_threads AND archived_at IS NOT NULL);

    IF of_threads THEN
        PERFORM public.refuse_over_limit(
            counted, 1000, 'threads in server ' || in_space, 'channels', 'channels_thread_limit'
        );
    ELSE
        PERFORM public.refuse_over_limit(
            counted, 500, 'channels in server ' || in_space, 'channels', 'channels_limit'
        );
    END IF;
END
$function$;

CREATE FUNCTION public.limit_new_channels() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT DISTINCT space_id, kind = 'thread' AS of_threads
        FROM inserted
        WHERE server_id IS NOT NULL AND deleted_at IS NULL
        ORDER BY space_id
    LOOP
        PERFORM public.hold_channel_limit(place.space_id, place.of_threads);
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER channels_limit_new
    AFTER INSERT ON public.channels
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.limit_new_channels();

CREATE FUNCTION public.limit_changed_channel() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.hold_channel_limit(NEW.space_id, NEW.kind = 'thread');
    RETURN NULL;
END
$function$;

CREATE TRIGGER channels_limit_changed
    AFTER UPDATE OF kind, archived_at, deleted_at ON public.channels
    FOR EACH ROW
    WHEN (
        NEW.server_id IS NOT NULL
        AND NEW.deleted_at IS NULL
        AND (
            OLD.deleted_at IS NOT NULL
            OR (OLD.kind = 'thread') <> (NEW.kind = 'thread')
            OR (OLD.archived_at IS NOT NULL AND NEW.archived_at IS NULL)
        )
    )
    EXECUTE FUNCTION public.limit_changed_channel();

-- Pins --------------------------------------------------------------------------------------------

CREATE FUNCTION public.limit_pins() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    PERFORM public.require_read_committed('messages are pinned');
    PERFORM FROM public.channels
    WHERE space_id = NEW.space_id AND id = NEW.channel_id
    FOR NO KEY UPDATE;

    -- Along messages_pinned_ix.
    SELECT count(*) INTO counted
    FROM public.messages
    WHERE
        space_id = NEW.space_id
        AND channel_id = NEW.channel_id
        AND pinned_at IS NOT NULL
        AND deleted_at IS NULL;

    PERFORM public.refuse_over_limit(
        counted, 250, 'pins in channel ' || NEW.channel_id, 'messages', 'messages_pin_limit'
    );
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_pin_limit_new
    AFTER INSERT ON public.messages
    FOR EACH ROW
    WHEN (NEW.pinned_at IS NOT NULL AND NEW.deleted_at IS NULL)
    EXECUTE FUNCTION public.limit_pins();

CREATE TRIGGER messages_pin_limit_changed
    AFTER UPDATE OF pinned_at, deleted_at ON public.messages
    FOR EACH ROW
    WHEN (
        NEW.pinned_at IS NOT NULL
        AND NEW.deleted_at IS NULL
        AND (OLD.pinned_at IS NULL OR OLD.deleted_at IS NOT NULL)
    )
    EXECUTE FUNCTION public.limit_pins();

-- Emoji -------------------------------------------------------------------------------------------

-- One message with very many reactions teaches the planner that every message has many, and it would
-- read the table for each page.
ALTER TABLE public.reactions ALTER COLUMN message_id SET (n_distinct = -0.2);

-- Before each row, by a walk along reactions_uq from one emoji to the next: at most 20 steps, however
-- many reactions there are. Before, because two rows of one statement must not vouch for each other.
CREATE FUNCTION public.limit_emoji() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    kind text := '';
    kinds integer := 0;
BEGIN
    -- Most put one emoji where others have put it before: then one of theirs is held, so that it
    -- cannot go before this one is to be seen, and the message is left to its writers.
    PERFORM
    FROM public.reactions
    WHERE space_id = NEW.space_id AND message_id = NEW.message_id AND emoji = NEW.emoji
    ORDER BY space_id, message_id, emoji, user_id
    LIMIT 1
    FOR KEY SHARE;

    IF FOUND THEN
        RETURN NEW;
    END IF;

    PERFORM public.require_read_committed('new emoji are put under messages');
    PERFORM
    FROM public.messages
    WHERE space_id = NEW.space_id AND id = NEW.message_id
    FOR NO KEY UPDATE;

    LOOP
        SELECT emoji INTO kind
        FROM public.reactions
        WHERE space_id = NEW.space_id AND message_id = NEW.message_id AND emoji > kind
        ORDER BY space_id, message_id, emoji, user_id
        LIMIT 1;

        -- The same emoji came while the lock was waited for.
        EXIT WHEN NOT FOUND OR kind = NEW.emoji;
        kinds := kinds + 1;
    END LOOP;

    IF kind IS DISTINCT FROM NEW.emoji THEN
        PERFORM public.refuse_over_limit(
            kinds + 1,
            20,
            'different emoji under message ' || NEW.message_id,
            'reactions',
            'reactions_emoji_limit'
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER reactions_emoji_limit_new
    BEFORE INSERT ON public.reactions
    FOR EACH ROW
    WHEN (current_setting('chat.import', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION public.limit_emoji();

CREATE TRIGGER reactions_emoji_limit_changed
    BEFORE UPDATE OF emoji ON public.reactions
    FOR EACH ROW
    WHEN (OLD.emoji <> NEW.emoji)
    EXECUTE FUNCTION public.limit_emoji();

-- What an import brings is counted at the end of each statement, all messages of a space at once: of
-- one that is just coming in the statistics know nothing, and a look for each may read the table.
CREATE FUNCTION public.limit_imported_emoji() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    place record;
    fullest record;
BEGIN
    PERFORM public.require_read_committed('new emoji are put under messages');

    FOR place IN
        SELECT space_id, array_agg(DISTINCT message_id) AS messages
        FROM inserted
        GROUP BY space_id
        ORDER BY space_id
    LOOP
        PERFORM
        FROM public.messages
        WHERE space_id = place.space_id AND id = ANY (place.messages)
        ORDER BY id
        FOR NO KEY UPDATE;

        SELECT message_id AS id, count(DISTINCT emoji) AS emoji INTO fullest
        FROM public.reactions
        WHERE space_id = place.space_id AND message_id = ANY (place.messages)
        GROUP BY message_id
        ORDER BY count(DISTINCT emoji) DESC
        LIMIT 1;

        PERFORM public.refuse_over_limit(
            fullest.emoji,
            20,
            'different emoji under message ' || fullest.id,
            'reactions',
            'reactions_emoji_limit'
        );
    END LOOP;
    RETURN NULL;
END
$function$;

-- Once chat.import was set it is never NULL again, so no statement gets past by switching it.
CREATE TRIGGER reactions_emoji_limit_imported
    AFTER INSERT ON public.reactions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS NOT NULL)
    EXECUTE FUNCTION public.limit_imported_emoji();

-- Groups ------------------------------------------------------------------------------------------

CREATE FUNCTION public.hold_group_limit(in_space uuid) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    -- A pair has its two, which another trigger sees to.
    PERFORM FROM public.channels WHERE space_id = in_space AND id = in_space AND kind = 'group';
    IF NOT FOUND THEN
        RETURN;
    END IF;

    PERFORM public.require_read_committed('people are added to groups');
    PERFORM FROM public.channels WHERE space_id = in_space AND id = in_space FOR NO KEY UPDATE;

    -- Along participants_uq.
    SELECT count(*) INTO counted
    FROM public.participants
    WHERE space_id = in_space AND left_at IS NULL;

    PERFORM public.refuse_over_limit(
        counted, 10, 'people in group ' || in_space, 'participants', 'participants_limit'
    );
END
$function$;

CREATE FUNCTION public.limit_new_participants() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    place record;
BEGIN
    FOR place IN
        SELECT DISTINCT space_id
        FROM inserted
        WHERE left_at IS NULL
        ORDER BY space_id
    LOOP
        PERFORM public.hold_group_limit(place.space_id);
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER participants_limit_new
    AFTER INSERT ON public.participants
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.limit_new_participants();

CREATE FUNCTION public.limit_returned_participant() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.hold_group_limit(NEW.space_id);
    RETURN NULL;
END
$function$;

CREATE TRIGGER participants_limit_returned
    AFTER UPDATE OF left_at ON public.participants
    FOR EACH ROW
    WHEN (OLD.left_at IS NOT NULL AND NEW.left_at IS NULL)
    EXECUTE FUNCTION public.limit_returned_participant();
