-- Holds the limits: channels and threads of a server, pins, kinds of emoji under a message, people in
-- a group; and what an emoji is.
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

-- A trigger, for a CHECK could not say what the right form is. The pattern is that of
-- chat/rules/emoji.py, and a test holds the two together.
CREATE TRIGGER reactions_emoji_form
    BEFORE INSERT OR UPDATE OF emoji ON public.reactions
    FOR EACH ROW
    WHEN (
        NEW.emoji !~
            '^(?::[0-9A-Za-z_]{2,32}:|[0-9#*]\ufe0f\u20e3|[\U0001f1e6-\U0001f1ff]{1,2}|\U0001f3f4['
            '\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f|(?:(?:[\u231a\u231b\u23e9-'
            '\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab'
            '\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a'
            '\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf\u2b1b\u2b1c\u2b50'
            '\u2b55\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\U0001f201\U0001f21a'
            '\U0001f22f\U0001f232-\U0001f236\U0001f238-\U0001f23a\U0001f250\U0001f251\U0001f300-'
            '\U0001f320\U0001f32d-\U0001f335\U0001f337-\U0001f37c\U0001f37e-\U0001f393\U0001f3a0-'
            '\U0001f3ca\U0001f3cf-\U0001f3d3\U0001f3e0-\U0001f3f0\U0001f3f4\U0001f3f8-\U0001f3fa'
            '\U0001f400-\U0001f43e\U0001f440\U0001f442-\U0001f4fc\U0001f4ff-\U0001f53d\U0001f54b-'
            '\U0001f54e\U0001f550-\U0001f567\U0001f57a\U0001f595\U0001f596\U0001f5a4\U0001f5fb-'
            '\U0001f64f\U0001f680-\U0001f6c5\U0001f6cc\U0001f6d0-\U0001f6d2\U0001f6d5-\U0001f6df'
            '\U0001f6eb\U0001f6ec\U0001f6f4-\U0001f6ff\U0001f7e0-\U0001f7ff\U0001f90c-\U0001f93a'
            '\U0001f93c-\U0001f945\U0001f947-\U0001f9ff\U0001fa70-\U0001faff][\U0001f3fb-\U0001f3ff'
            ']?|[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u2199\u21a9\u21aa\u2328\u23cf\u23ed-'
            '\u23ef\u23f1\u23f2\u23f8-\u23fa\u24c2\u25aa\u25ab\u25b6\u25c0\u25fb\u25fc\u2600-\u2604'
            '\u260e\u2611\u2618\u261d\u2620\u2622\u2623\u2626\u262a\u262e\u262f\u2638-\u263a\u2640'
            '\u2642\u265f\u2660\u2663\u2665\u2666\u2668\u267b\u267e\u2692\u2694-\u2697\u2699\u269b'
            '\u269c\u26a0\u26a7\u26b0\u26b1\u26c8\u26cf\u26d1\u26d3\u26e9\u26f0\u26f1\u26f4\u26f7-'
            '\u26f9\u2702\u2708\u2709\u270c\u270d\u270f\u2712\u2714\u2716\u271d\u2721\u2733\u2734'
            '\u2744\u2747\u2763\u2764\u27a1\u2934\u2935\u2b05-\u2b07\u3030\u303d\u3297\u3299'
            '\U0001f170\U0001f171\U0001f17e\U0001f17f\U0001f202\U0001f237\U0001f321\U0001f324-'
            '\U0001f32c\U0001f336\U0001f37d\U0001f396\U0001f397\U0001f399-\U0001f39b\U0001f39e'
            '\U0001f39f\U0001f3cb-\U0001f3ce\U0001f3d4-\U0001f3df\U0001f3f3\U0001f3f5\U0001f3f7'
            '\U0001f43f\U0001f441\U0001f4fd\U0001f549\U0001f54a\U0001f56f\U0001f570\U0001f573-'
            '\U0001f579\U0001f587\U0001f58a-\U0001f58d\U0001f590\U0001f5a5\U0001f5a8\U0001f5b1'
            '\U0001f5b2\U0001f5bc\U0001f5c2-\U0001f5c4\U0001f5d1-\U0001f5d3\U0001f5dc-\U0001f5de'
            '\U0001f5e1\U0001f5e3\U0001f5e8\U0001f5ef\U0001f5f3\U0001f5fa\U0001f6cb\U0001f6cd-'
            '\U0001f6cf\U0001f6e0-\U0001f6e5\U0001f6e9\U0001f6f0\U0001f6f3][\ufe0f\U0001f3fb-'
            '\U0001f3ff]|[\U0001f3fb-\U0001f3ff])(?:\u200d(?=.)|$))+)$'
    )
    EXECUTE FUNCTION public.refuse_change(
        'an emoji is one of Unicode in its full form, or a custom one as :name:',
        'Put U+FE0F behind what is text without it, as in emoji-test.txt of Unicode, and nowhere '
        'else; a name has 2 to 32 letters, digits and _.'
    );

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
