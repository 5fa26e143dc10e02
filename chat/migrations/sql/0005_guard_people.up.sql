-- Keeps people where they may be: no member who is banned, no mark of who is not there or past the
-- newest message, no stranger in a conversation, and nothing new of somebody who was erased.

-- Owners ------------------------------------------------------------------------------------------

-- Named to come before the triggers of the foreign keys ("RI_…"), of which one asks that the owner
-- is a member.
CREATE FUNCTION public.admit_owner() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.channels
        WHERE space_id = NEW.space_id AND id = NEW.space_id
    ) THEN
        PERFORM public.refuse(
            format('space %s is a conversation, and a server is a space of its own', NEW.id),
            'Give the server a new id, and that id as its space_id.',
            TG_TABLE_NAME,
            'servers_space_own'
        );
    END IF;
    INSERT INTO public.server_members (space_id, user_id) VALUES (NEW.space_id, NEW.owner_id);
    RETURN NULL;
END
$function$;

CREATE TRIGGER "A0_owner_joins"
    AFTER INSERT ON public.servers
    FOR EACH ROW
    EXECUTE FUNCTION public.admit_owner();

-- Bans --------------------------------------------------------------------------------------------

-- A join and a ban of the same user must not pass each other unseen. The join takes a share of a
-- lock of the server before it looks for a ban; the ban takes all of it before it looks for a
-- member. Whoever comes second waits, and then sees the first; which takes an isolation level at
-- which a statement sees what was committed before it began. The lock is not that of the server's
-- row: every insert with a foreign key to it holds a share of that one, so that two bans, each
-- after an entry in the audit log, would wait for each other.
CREATE FUNCTION public.refuse_banned_member() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    PERFORM public.require_read_committed('joins and bans are made');
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(NEW.space_id::text, 0));
    IF EXISTS (
        SELECT
        FROM public.bans
        WHERE
            space_id = NEW.space_id
            AND user_id = NEW.user_id
            AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ) THEN
        PERFORM public.refuse(
            format('user %s is banned from server %s', NEW.user_id, NEW.space_id),
            'Delete the row of bans first.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;

    IF EXISTS (
        SELECT FROM public.servers WHERE space_id = NEW.space_id AND deleted_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('server %s is deleted, and nobody joins it', NEW.space_id),
            'Set the server''s deleted_at to NULL first.',
            TG_TABLE_NAME,
            'server_members_server_open'
        );
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
    PERFORM public.require_read_committed('joins and bans are made');
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.space_id::text, 0));
    IF (NEW.expires_at IS NULL OR NEW.expires_at > clock_timestamp())
        AND EXISTS (
            SELECT
            FROM public.server_members
            WHERE space_id = NEW.space_id AND user_id = NEW.user_id
        )
    THEN
        PERFORM public.refuse(
            format('user %s is a member of server %s', NEW.user_id, NEW.space_id),
            'Remove the member first, in the same transaction.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER bans_not_member
    BEFORE INSERT OR UPDATE OF expires_at ON public.bans
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_ban_of_member();

-- Read marks --------------------------------------------------------------------------------------

-- Leaves room for the new version of a row that each message of its reader updates.
ALTER TABLE public.read_states SET (fillfactor = 70);

CREATE FUNCTION public.guard_read_mark() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    newest bigint;
BEGIN
    SELECT last_seq INTO newest
    FROM public.channel_counters
    WHERE space_id = NEW.space_id AND channel_id = NEW.channel_id;

    -- No row at all is for the foreign key to report.
    IF NEW.last_read_seq > newest THEN
        PERFORM public.refuse(
            format(
                'a read mark does not pass the newest message: %s is after %s',
                NEW.last_read_seq, newest
            ),
            'Set last_read_seq to last_seq of channel_counters at most.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;

    -- Who sets a mark back wants to read again what was there before they came, too.
    IF TG_OP = 'UPDATE' AND NEW.last_read_seq < OLD.last_read_seq THEN
        NEW.ranges_upto := newest;
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER read_states_mark_starts
    BEFORE INSERT ON public.read_states
    FOR EACH ROW
    WHEN (NEW.last_read_seq > 0)
    EXECUTE FUNCTION public.guard_read_mark();

-- The mark that a send moves (below) is at the newest.
CREATE TRIGGER read_states_mark_moves
    BEFORE UPDATE OF last_read_seq ON public.read_states
    FOR EACH ROW
    WHEN (
        OLD.last_read_seq <> NEW.last_read_seq
        AND (
            pg_trigger_depth() = 0
            OR OLD.last_sent_at IS NOT DISTINCT FROM NEW.last_sent_at
        )
    )
    EXECUTE FUNCTION public.guard_read_mark();

-- A mark is of a member or of a participant. Two keys over generated columns would say so too, at
-- the cost of an index more for each of many millions of marks.
--
-- An erasure changes the row that is locked here, and then removes the marks; so this mark comes
-- before, or waits and sees it.
CREATE FUNCTION public.require_reader() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF NEW.space_id = NEW.channel_id THEN
        PERFORM
        FROM public.participants
        WHERE space_id = NEW.space_id AND user_id = NEW.user_id
        FOR SHARE;
    ELSE
        PERFORM
        FROM public.server_members
        WHERE space_id = NEW.space_id AND user_id = NEW.user_id
        FOR SHARE;
    END IF;

    IF NOT FOUND OR EXISTS (
        SELECT
        FROM public.users
        WHERE id = NEW.user_id AND erased_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('user %s is not in space %s', NEW.user_id, NEW.space_id),
            'Insert a row of server_members, or in a conversation of participants, first.',
            TG_TABLE_NAME,
            TG_NAME,
            'foreign_key_violation'
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER read_states_reader
    BEFORE INSERT ON public.read_states
    FOR EACH ROW
    EXECUTE FUNCTION public.require_reader();

CREATE FUNCTION public.remove_read_marks() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    -- To see the marks that came while this waited.
    PERFORM public.require_read_committed('members are removed');
    DELETE FROM public.read_states WHERE space_id = OLD.space_id AND user_id = OLD.user_id;
    RETURN NULL;
END
$function$;

CREATE TRIGGER server_members_marks
    AFTER DELETE ON public.server_members
    FOR EACH ROW
    EXECUTE FUNCTION public.remove_read_marks();

CREATE TRIGGER participants_marks
    AFTER DELETE ON public.participants
    FOR EACH ROW
    EXECUTE FUNCTION public.remove_read_marks();

-- One's own message is read. Under the lock of the counter its number is the newest. The mark is
-- nearly always there, so it is updated first. The same trigger looks whether the author was erased
-- (see below): one for each statement would be a sixth of a send.
--
-- SECURITY DEFINER: slow mode asks last_sent_at, so the role of an application does not write it.
CREATE FUNCTION public.mark_own_message() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    IF EXISTS (
        SELECT FROM public.users WHERE id = NEW.author_id AND erased_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('user %s is erased, and messages takes nothing new of them', NEW.author_id),
            'Name an account whose erased_at is NULL.',
            TG_TABLE_NAME,
            'messages_not_erased'
        );
    END IF;

    -- An event is not its author's, but about them.
    IF NEW.kind <> 'text' THEN
        RETURN NULL;
    END IF;

    UPDATE public.read_states
    SET last_read_seq = NEW.seq, last_sent_at = greatest(last_sent_at, NEW.created_at)
    WHERE
        space_id = NEW.space_id
        AND user_id = NEW.author_id
        AND channel_id = NEW.channel_id;

    IF FOUND THEN
        RETURN NULL;
    END IF;

    -- In a server only members write. Whoever has a mark is one, for a mark goes with the member; of
    -- others the member is held, lest they go before the mark is there.
    IF NEW.space_id <> NEW.channel_id THEN
        PERFORM
        FROM public.server_members
        WHERE space_id = NEW.space_id AND user_id = NEW.author_id
        FOR SHARE;

        IF NOT FOUND THEN
            PERFORM public.refuse(
                format('user %s is no member of server %s', NEW.author_id, NEW.space_id),
                'Insert a row of server_members first.',
                TG_TABLE_NAME,
                'messages_member'
            );
        END IF;
    END IF;

    INSERT INTO public.read_states AS mark (
        space_id, user_id, channel_id, last_read_seq, last_sent_at
    )
    VALUES (NEW.space_id, NEW.author_id, NEW.channel_id, NEW.seq, NEW.created_at)
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET
        last_read_seq = excluded.last_read_seq,
        last_sent_at = greatest(mark.last_sent_at, excluded.last_sent_at);
    RETURN NULL;
END
$function$;

CREATE TRIGGER messages_marked
    AFTER INSERT ON public.messages
    FOR EACH ROW
    WHEN (
        NEW.author_id IS NOT NULL
        AND current_setting('chat.import', true) IS DISTINCT FROM 'on'
    )
    EXECUTE FUNCTION public.mark_own_message();

-- Conversations -----------------------------------------------------------------------------------

CREATE FUNCTION public.refuse_third_in_pair() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.channels
        WHERE
            space_id = NEW.space_id
            AND id = NEW.space_id
            AND kind = 'pair'
            AND NEW.user_id NOT IN (pair_low_id, pair_high_id)
    ) THEN
        PERFORM public.refuse(
            format('conversation %s is between two others', NEW.space_id),
            'Open a group instead.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER participants_pair
    BEFORE INSERT ON public.participants
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_third_in_pair();

CREATE FUNCTION public.keep_pair() RETURNS trigger
LANGUAGE plpgsql
AS $function$
BEGIN
    IF EXISTS (
        SELECT
        FROM public.channels
        WHERE space_id = NEW.space_id AND id = NEW.space_id AND kind = 'pair'
    ) AND NOT EXISTS (
        SELECT
        FROM public.users
        WHERE id = NEW.user_id AND erased_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('conversation %s is a pair, which keeps its two', NEW.space_id),
            'Only a group can be left.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NEW;
END
$function$;

-- An erasure ends their part in every conversation.
CREATE TRIGGER participants_pair_kept
    BEFORE UPDATE OF left_at ON public.participants
    FOR EACH ROW
    WHEN (
        OLD.left_at IS NULL
        AND NEW.left_at IS NOT NULL
        AND NOT public.may_purge()
    )
    EXECUTE FUNCTION public.keep_pair();

-- Whoever comes into a conversation, or back, has read what was there. An account that was erased is for
-- another trigger to refuse.
CREATE FUNCTION public.mark_newcomer() RETURNS trigger
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
BEGIN
    INSERT INTO public.read_states AS mark (space_id, user_id, channel_id, last_read_seq)
    SELECT counter.space_id, NEW.user_id, counter.channel_id, counter.last_seq
    FROM public.channel_counters AS counter
    WHERE
        counter.space_id = NEW.space_id
        AND counter.channel_id = NEW.space_id
        AND counter.last_seq >= counter.first_seq
        AND NOT EXISTS (
            SELECT FROM public.users WHERE id = NEW.user_id AND erased_at IS NOT NULL
        )
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET last_read_seq = greatest(mark.last_read_seq, excluded.last_read_seq);
    RETURN NULL;
END
$function$;

CREATE TRIGGER participants_come
    AFTER INSERT ON public.participants
    FOR EACH ROW
    WHEN (NEW.left_at IS NULL)
    EXECUTE FUNCTION public.mark_newcomer();

CREATE TRIGGER participants_come_back
    AFTER UPDATE OF left_at ON public.participants
    FOR EACH ROW
    WHEN (OLD.left_at IS NOT NULL AND NEW.left_at IS NULL)
    EXECUTE FUNCTION public.mark_newcomer();

-- Depth 1 is the cascade from a conversation that is purged.
CREATE TRIGGER participants_kept
    BEFORE DELETE ON public.participants
    FOR EACH ROW
    WHEN (
        pg_trigger_depth() = 0
        AND NOT public.may_purge()
    )
    EXECUTE FUNCTION public.refuse_change(
        'whoever has left a conversation stays known there', 'Set left_at.'
    );

CREATE TRIGGER channels_kind_fixed
    BEFORE UPDATE OF kind ON public.channels
    FOR EACH ROW
    WHEN (
        OLD.kind <> NEW.kind
        AND (OLD.kind IN ('pair', 'group') OR NEW.kind IN ('pair', 'group'))
    )
    EXECUTE FUNCTION public.refuse_change(
        'a pair stays a pair and a group a group', 'Open a group instead.'
    );

-- The argument of the trigger is the column that names the user. An import brings what was done by
-- people who have left the server since.
CREATE FUNCTION public.refuse_stranger() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    who uuid := to_jsonb(NEW) ->> TG_ARGV[0];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.server_members
        WHERE space_id = NEW.space_id AND user_id = who
    ) AND NOT EXISTS (
        SELECT
        FROM public.participants
        WHERE space_id = NEW.space_id AND user_id = who AND left_at IS NULL
    ) AND NOT (
        current_setting('chat.import', true) IS NOT DISTINCT FROM 'on'
        AND EXISTS (SELECT FROM public.servers WHERE space_id = NEW.space_id)
    ) THEN
        PERFORM public.refuse(
            format(
                'user %s is neither a member of server nor takes part in conversation %s',
                who, NEW.space_id
            ),
            'Insert a row of server_members, or in a conversation of participants, first.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NEW;
END
$function$;

CREATE TRIGGER reactions_participant
    BEFORE INSERT ON public.reactions
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_stranger('user_id');

CREATE TRIGGER message_attachments_participant
    BEFORE INSERT ON public.message_attachments
    FOR EACH ROW
    WHEN (NEW.message_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_stranger('uploader_id');

CREATE TRIGGER message_attachments_sent_participant
    BEFORE UPDATE OF message_id ON public.message_attachments
    FOR EACH ROW
    WHEN (OLD.message_id IS NULL AND NEW.message_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_stranger('uploader_id');

-- Erased accounts ---------------------------------------------------------------------------------

-- A write that began before an erasure and waited, say for its place in the channel, would otherwise
-- be there after it, and stay. By the time these triggers fire the foreign key to users has waited
-- for the erasure, which holds the user's row from its beginning; so they see it.

-- Once for each statement, so that a COPY asks once. The argument is the column that names the user.
CREATE FUNCTION public.refuse_erased() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    named uuid[];
    erased uuid;
BEGIN
    -- Read alone, since a cluster joins no transition table.
    CASE TG_ARGV[0]
        WHEN 'author_id' THEN SELECT array_agg(DISTINCT author_id) INTO named FROM inserted;
        WHEN 'uploader_id' THEN SELECT array_agg(DISTINCT uploader_id) INTO named FROM inserted;
        ELSE SELECT array_agg(DISTINCT user_id) INTO named FROM inserted;
    END CASE;

    -- The plan for one id is kept; that for an array is made anew each time.
    IF named[2] IS NULL THEN
        SELECT id INTO erased
        FROM public.users
        WHERE id = named[1] AND erased_at IS NOT NULL;
    ELSE
        SELECT id INTO erased
        FROM public.users
        WHERE id = ANY (named) AND erased_at IS NOT NULL
        LIMIT 1;
    END IF;

    IF FOUND THEN
        PERFORM public.refuse(
            format('user %s is erased, and %s takes nothing new of them', erased, TG_TABLE_NAME),
            'Name an account whose erased_at is NULL.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NULL;
END
$function$;

-- Of an import; of a send messages_marked looks.
CREATE TRIGGER messages_not_erased
    AFTER INSERT ON public.messages
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    WHEN (current_setting('chat.import', true) IS NOT NULL)
    EXECUTE FUNCTION public.refuse_erased('author_id');

CREATE TRIGGER message_attachments_not_erased
    AFTER INSERT ON public.message_attachments
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('uploader_id');

CREATE TRIGGER reactions_not_erased
    AFTER INSERT ON public.reactions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER mentions_not_erased
    AFTER INSERT ON public.mentions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER server_members_not_erased
    AFTER INSERT ON public.server_members
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER participants_not_erased
    AFTER INSERT ON public.participants
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER channel_permissions_not_erased
    AFTER INSERT ON public.channel_permissions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER user_sessions_not_erased
    AFTER INSERT ON public.user_sessions
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

CREATE TRIGGER user_preferences_not_erased
    AFTER INSERT ON public.user_preferences
    REFERENCING NEW TABLE AS inserted
    FOR EACH STATEMENT
    EXECUTE FUNCTION public.refuse_erased('user_id');

-- For each row, where such rows are few. The arguments are the columns that name users.
CREATE FUNCTION public.refuse_erased_in_row() RETURNS trigger
LANGUAGE plpgsql
AS $function$
DECLARE
    erased uuid;
BEGIN
    SELECT account.id INTO erased
    FROM unnest(TG_ARGV) AS named (column_name)
    INNER JOIN public.users AS account
        ON account.id = (to_jsonb(NEW) ->> named.column_name)::uuid
    WHERE account.erased_at IS NOT NULL
    LIMIT 1;

    IF FOUND THEN
        PERFORM public.refuse(
            format('user %s is erased, and %s takes nothing new of them', erased, TG_TABLE_NAME),
            'Name an account whose erased_at is NULL.',
            TG_TABLE_NAME,
            TG_NAME
        );
    END IF;
    RETURN NULL;
END
$function$;

CREATE TRIGGER servers_not_erased
    AFTER INSERT OR UPDATE OF owner_id ON public.servers
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('owner_id');

CREATE TRIGGER channels_not_erased
    AFTER INSERT OR UPDATE OF owner_id ON public.channels
    FOR EACH ROW
    WHEN (NEW.kind IN ('pair', 'group'))
    EXECUTE FUNCTION public.refuse_erased_in_row('owner_id', 'pair_low_id', 'pair_high_id');

CREATE TRIGGER invites_not_erased
    AFTER INSERT ON public.invites
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('creator_id');

CREATE TRIGGER bans_not_erased
    AFTER INSERT OR UPDATE OF actor_id ON public.bans
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('user_id', 'actor_id');

CREATE TRIGGER audit_log_not_erased
    AFTER INSERT ON public.audit_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('actor_id');

CREATE TRIGGER admin_access_log_not_erased
    AFTER INSERT ON public.admin_access_log
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('actor_id');

CREATE TRIGGER messages_state_not_erased
    AFTER INSERT ON public.messages
    FOR EACH ROW
    WHEN (NEW.pinned_by_id IS NOT NULL OR NEW.deleted_by_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_erased_in_row('pinned_by_id', 'deleted_by_id');

CREATE TRIGGER messages_pin_not_erased
    AFTER UPDATE OF pinned_by_id ON public.messages
    FOR EACH ROW
    WHEN (NEW.pinned_by_id IS DISTINCT FROM OLD.pinned_by_id AND NEW.pinned_by_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_erased_in_row('pinned_by_id');

CREATE TRIGGER messages_deletion_not_erased
    AFTER UPDATE OF deleted_by_id ON public.messages
    FOR EACH ROW
    WHEN (NEW.deleted_by_id IS DISTINCT FROM OLD.deleted_by_id AND NEW.deleted_by_id IS NOT NULL)
    EXECUTE FUNCTION public.refuse_erased_in_row('deleted_by_id');

CREATE TRIGGER message_revisions_not_erased
    AFTER INSERT ON public.message_revisions
    FOR EACH ROW
    EXECUTE FUNCTION public.refuse_erased_in_row('editor_id');

-- A form that was read before would bring back who was erased meanwhile.
CREATE TRIGGER users_erased_kept
    BEFORE UPDATE OF erased_at ON public.users
    FOR EACH ROW
    WHEN (OLD.erased_at IS NOT NULL AND NEW.erased_at IS NULL)
    EXECUTE FUNCTION public.refuse_change(
        'an account that was erased stays it', 'Make a new account.'
    );

-- What an erasure takes back of that which nobody else can: the user's invites with their codes, what
-- their edits replaced, and the reasons in the audit log by them, of them, of their invites and
-- messages, and where an entry names them among its changes. Returns the ids of the invites.
--
-- SECURITY DEFINER, for accounts that are erased alone: the role of an application erases people, and
-- has no other way into a history.
CREATE FUNCTION public.purge_erased_user(erased uuid) RETURNS uuid[]
LANGUAGE plpgsql
SECURITY DEFINER
SET search_path = ''
AS $function$
DECLARE
    said text := coalesce(current_setting('chat.purge', true), '');
    invite_ids uuid[];
    codes text[];
BEGIN
    IF NOT EXISTS (
        SELECT
        FROM public.users
        WHERE id = erased AND erased_at IS NOT NULL
    ) THEN
        PERFORM public.refuse(
            format('user %s is not erased, and what they did is kept', erased),
            'Empty the account and set erased_at first, as chat.services.users.erase_user does.',
            'users',
            'users_erased_purged'
        );
    END IF;
    PERFORM set_config('chat.purge', 'on', true);

    WITH gone AS (
        DELETE FROM public.invites
        WHERE creator_id = erased
        RETURNING id, code
    )

    SELECT array_agg(id), array_agg(code) INTO invite_ids, codes FROM gone;

    DELETE FROM public.invite_codes WHERE code = ANY (codes);

    DELETE FROM public.message_revisions
    WHERE
        (space_id, message_id) IN (
            SELECT space_id, id FROM public.messages WHERE author_id = erased
        );

    -- Last, after all for which a moderator is waited.
    UPDATE public.audit_log
    SET reason = ''
    WHERE
        reason <> ''
        AND (
            actor_id = erased
            OR (target_type = 'user' AND target_id = erased)
            OR jsonb_path_exists(
                changes, '$.*[*] ? (@ == $user)', jsonb_build_object('user', erased)
            )
            OR target_id = ANY (invite_ids)
            OR target_id IN (SELECT id FROM public.messages WHERE author_id = erased)
        );

    PERFORM set_config('chat.purge', said, true);
    RETURN coalesce(invite_ids, '{}');
END
$function$;
