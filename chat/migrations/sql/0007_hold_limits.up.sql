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
-- than the limit already, they stay, and no more are added. chat.services.limits has the same
-- numbers, and a test holds the two together.

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

CREATE FUNCTION public.refuse_over_limit(
    counted bigint, most integer, what text, of_table text, of_constraint text
) RETURNS void
LANGUAGE plpgsql
AS $function$
BEGIN
    IF counted > most THEN
        RAISE EXCEPTION '% % are more than the % that there may be', counted, what, most
            USING
                ERRCODE = 'check_violation',
                SCHEMA = 'public',
                TABLE = of_table,
                CONSTRAINT = of_constraint;
    END IF;
END
$function$;

-- Channels and threads ---------------------------------------------------------------------------

CREATE FUNCTION public.hold_channel_limit(in_server uuid, of_threads boolean) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    PERFORM public.require_read_committed('channels are made');
    PERFORM FROM public.servers WHERE id = in_server FOR NO KEY UPDATE;

    -- Along channels_tree_ix.
    SELECT count(*) INTO counted
    FROM public.channels
    WHERE server_id = in_server AND deleted_at IS NULL AND (kind = 'thread') = of_threads;

    IF of_threads THEN
        PERFORM public.refuse_over_limit(
            counted, 1000, 'threads in server ' || in_server, 'channels', 'channels_thread_limit'
        );
    ELSE
        PERFORM public.refuse_over_limit(
            counted, 500, 'channels in server ' || in_server, 'channels', 'channels_limit'
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
        SELECT DISTINCT server_id, kind = 'thread' AS of_threads
        FROM inserted
        WHERE deleted_at IS NULL
        ORDER BY server_id
    LOOP
        PERFORM public.hold_channel_limit(place.server_id, place.of_threads);
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
    PERFORM public.hold_channel_limit(NEW.server_id, NEW.kind = 'thread');
    RETURN NULL;
END
$function$;

-- Every message updates its channel, but neither of these columns.
CREATE TRIGGER channels_limit_changed
    AFTER UPDATE OF kind, deleted_at ON public.channels
    FOR EACH ROW
    WHEN (
        NEW.deleted_at IS NULL
        AND (OLD.deleted_at IS NOT NULL OR (OLD.kind = 'thread') <> (NEW.kind = 'thread'))
    )
    EXECUTE FUNCTION public.limit_changed_channel();

-- Pins -------------------------------------------------------------------------------------------

CREATE FUNCTION public.limit_pins() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    PERFORM public.require_read_committed('messages are pinned');
    PERFORM FROM public.channels
    WHERE server_id = NEW.server_id AND id = NEW.channel_id
    FOR NO KEY UPDATE;

    -- Along messages_pinned_ix.
    SELECT count(*) INTO counted
    FROM public.messages
    WHERE
        server_id = NEW.server_id
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

CREATE FUNCTION public.limit_direct_pins() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    PERFORM public.require_read_committed('messages are pinned');
    PERFORM FROM public.direct_conversations WHERE id = NEW.conversation_id FOR NO KEY UPDATE;

    -- Along direct_messages_pinned_ix.
    SELECT count(*) INTO counted
    FROM public.direct_messages
    WHERE
        conversation_id = NEW.conversation_id
        AND pinned_at IS NOT NULL
        AND deleted_at IS NULL;

    PERFORM public.refuse_over_limit(
        counted,
        250,
        'pins in conversation ' || NEW.conversation_id,
        'direct_messages',
        'direct_messages_pin_limit'
    );
    RETURN NULL;
END
$function$;

CREATE TRIGGER direct_messages_pin_limit_new
    AFTER INSERT ON public.direct_messages
    FOR EACH ROW
    WHEN (NEW.pinned_at IS NOT NULL AND NEW.deleted_at IS NULL)
    EXECUTE FUNCTION public.limit_direct_pins();

CREATE TRIGGER direct_messages_pin_limit_changed
    AFTER UPDATE OF pinned_at, deleted_at ON public.direct_messages
    FOR EACH ROW
    WHEN (
        NEW.pinned_at IS NOT NULL
        AND NEW.deleted_at IS NULL
        AND (OLD.pinned_at IS NULL OR OLD.deleted_at IS NOT NULL)
    )
    EXECUTE FUNCTION public.limit_direct_pins();

-- Emoji ------------------------------------------------------------------------------------------

-- Of messages in the channels of a server, or of those in a conversation: locks and counts all of
-- them at once. One by one, each would be looked up by a plan that is kept, and of a server that is
-- just being imported the statistics know nothing: it may read all reactions there for each message.
CREATE FUNCTION public.hold_emoji_limit(
    in_space uuid, of_messages uuid[], of_direct_messages uuid[]
) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    fullest record;
BEGIN
    IF of_messages IS NOT NULL THEN
        PERFORM FROM public.messages
        WHERE server_id = in_space AND id = ANY (of_messages)
        ORDER BY id
        FOR NO KEY UPDATE;

        SELECT message_id AS id, count(DISTINCT emoji) AS emoji INTO fullest
        FROM public.reactions
        WHERE space_id = in_space AND message_id = ANY (of_messages)
        GROUP BY message_id
        ORDER BY count(DISTINCT emoji) DESC
        LIMIT 1;
    ELSE
        PERFORM FROM public.direct_messages
        WHERE conversation_id = in_space AND id = ANY (of_direct_messages)
        ORDER BY id
        FOR NO KEY UPDATE;

        SELECT direct_message_id AS id, count(DISTINCT emoji) AS emoji INTO fullest
        FROM public.reactions
        WHERE space_id = in_space AND direct_message_id = ANY (of_direct_messages)
        GROUP BY direct_message_id
        ORDER BY count(DISTINCT emoji) DESC
        LIMIT 1;
    END IF;

    PERFORM public.refuse_over_limit(
        fullest.emoji,
        20,
        'different emoji under message ' || fullest.id,
        'reactions',
        'reactions_emoji_limit'
    );
END
$function$;

CREATE FUNCTION public.limit_new_emoji() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    added integer;
    reaction record;
    place record;
BEGIN
    SELECT count(*) INTO added FROM (SELECT FROM inserted LIMIT 2) AS few;

    -- Most put one emoji where others have put it before: then one of theirs is held, so that it
    -- cannot go before this one is to be seen, and the message is left to its writers.
    IF added = 1 THEN
        SELECT space_id, message_id, direct_message_id, emoji, user_id INTO reaction FROM inserted;

        IF reaction.message_id IS NOT NULL THEN
            PERFORM FROM public.reactions
            WHERE
                space_id = reaction.space_id
                AND message_id = reaction.message_id
                AND emoji = reaction.emoji
                AND user_id <> reaction.user_id
            ORDER BY user_id
            LIMIT 1
            FOR KEY SHARE;
        ELSE
            PERFORM FROM public.reactions
            WHERE
                space_id = reaction.space_id
                AND direct_message_id = reaction.direct_message_id
                AND emoji = reaction.emoji
                AND user_id <> reaction.user_id
            ORDER BY user_id
            LIMIT 1
            FOR KEY SHARE;
        END IF;

        IF FOUND THEN
            RETURN NULL;
        END IF;
    END IF;

    PERFORM public.require_read_committed('new emoji are put under messages');

    FOR place IN
        SELECT
            space_id,
            array_agg(message_id) FILTER (WHERE message_id IS NOT NULL) AS messages,
            array_agg(direct_message_id) AS direct_messages
        FROM (SELECT DISTINCT space_id, message_id, direct_message_id FROM inserted) AS touched
        GROUP BY space_id, message_id IS NOT NULL
        ORDER BY space_id
    LOOP
        PERFORM public.hold_emoji_limit(place.space_id, place.messages, place.direct_messages);
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER reactions_emoji_limit_new
    AFTER INSERT ON public.reactions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.limit_new_emoji();

CREATE FUNCTION public.limit_changed_emoji() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.require_read_committed('new emoji are put under messages');
    PERFORM public.hold_emoji_limit(
        NEW.space_id,
        CASE WHEN NEW.message_id IS NOT NULL THEN ARRAY[NEW.message_id] END,
        ARRAY[NEW.direct_message_id]
    );
    RETURN NULL;
END
$function$;

CREATE TRIGGER reactions_emoji_limit_changed
    AFTER UPDATE OF emoji ON public.reactions
    FOR EACH ROW
    WHEN (OLD.emoji <> NEW.emoji)
    EXECUTE FUNCTION public.limit_changed_emoji();

-- Groups -----------------------------------------------------------------------------------------

CREATE FUNCTION public.hold_group_limit(in_conversation uuid) RETURNS void
LANGUAGE plpgsql
AS $function$
DECLARE
    counted bigint;
BEGIN
    -- A pair has its two, which another trigger sees to.
    PERFORM FROM public.direct_conversations WHERE id = in_conversation AND kind = 'group';
    IF NOT FOUND THEN
        RETURN;
    END IF;

    PERFORM public.require_read_committed('people are added to groups');
    PERFORM FROM public.direct_conversations WHERE id = in_conversation FOR NO KEY UPDATE;

    -- Along direct_participants_uq.
    SELECT count(*) INTO counted
    FROM public.direct_participants
    WHERE conversation_id = in_conversation AND left_at IS NULL;

    PERFORM public.refuse_over_limit(
        counted,
        10,
        'people in group ' || in_conversation,
        'direct_participants',
        'direct_participants_limit'
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
        SELECT DISTINCT conversation_id
        FROM inserted
        WHERE left_at IS NULL
        ORDER BY conversation_id
    LOOP
        PERFORM public.hold_group_limit(place.conversation_id);
    END LOOP;
    RETURN NULL;
END
$function$;

CREATE TRIGGER direct_participants_limit_new
    AFTER INSERT ON public.direct_participants
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.limit_new_participants();

CREATE FUNCTION public.limit_returned_participant() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.hold_group_limit(NEW.conversation_id);
    RETURN NULL;
END
$function$;

CREATE TRIGGER direct_participants_limit_returned
    AFTER UPDATE OF left_at ON public.direct_participants
    FOR EACH ROW
    WHEN (OLD.left_at IS NOT NULL AND NEW.left_at IS NULL)
    EXECUTE FUNCTION public.limit_returned_participant();
