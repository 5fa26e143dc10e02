-- Refuses to go on while there are names that nobody can read, and says which; or repairs them.
--
-- It has to come before the constraints: a row that breaks one cannot be written to any more, be
-- it NOT VALID, and a channel is written to by every message.

DO $do$
DECLARE
    -- Those of chat/names.py, by value.
    controls CONSTANT text := '\u0000-\u001f\u007f-\u009f\u2028\u2029';
    invisibles CONSTANT text := '\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680'
        '\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164'
        '\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U00013430-\U0001343f\U00016fe4'
        '\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff';
    legible CONSTANT text := format('^[^%1$s]*[^%2$s][^%1$s]*$', controls, invisibles);
    control CONSTANT text := format('[%s]', controls);
    blank CONSTANT text := format('^[%s]*$', invisibles);
    visible CONSTANT text := format('[^%s]', invisibles);
    how_many bigint;
    which text;
BEGIN
    IF current_setting('chat.repair_names', true) = 'on' THEN
        UPDATE public.servers
        SET name = regexp_replace(regexp_replace(name, blank, 'unnamed'), control, ' ', 'g')
        WHERE name !~ legible;

        UPDATE public.server_members
        SET nickname = nullif(regexp_replace(regexp_replace(nickname, blank, ''), control, ' ', 'g'), '')
        WHERE nickname !~ legible;

        UPDATE public.channels
        SET name = regexp_replace(regexp_replace(name, blank, 'unnamed'), control, ' ', 'g')
        WHERE name !~ legible;

        UPDATE public.roles
        SET name = regexp_replace(regexp_replace(name, blank, 'unnamed'), control, ' ', 'g')
        WHERE name !~ legible;

        UPDATE public.direct_conversations
        SET name = regexp_replace(regexp_replace(name, blank, ''), control, ' ', 'g')
        WHERE name <> '' AND name !~ legible;

        UPDATE public.users
        SET display_name = regexp_replace(regexp_replace(display_name, blank, ''), control, ' ', 'g')
        WHERE display_name <> '' AND display_name !~ legible;

        -- The file stays what it is. Last, for the lock is kept to the end.
        ALTER TABLE public.message_attachments DISABLE TRIGGER message_attachments_sent_fixed;

        UPDATE public.message_attachments
        SET filename = regexp_replace(regexp_replace(filename, blank, 'unnamed'), control, ' ', 'g')
        WHERE filename !~ legible;

        ALTER TABLE public.message_attachments ENABLE TRIGGER message_attachments_sent_fixed;

        -- ALTER TABLE does not go on while a deferred constraint is still to be checked.
        SET CONSTRAINTS ALL IMMEDIATE;
        RETURN;
    END IF;

    WITH illegible AS (
        SELECT 'servers' AS place, id, name FROM public.servers WHERE name !~ legible
        UNION ALL
        SELECT 'server_members', id, nickname FROM public.server_members WHERE nickname !~ legible
        UNION ALL
        SELECT 'channels', id, name FROM public.channels WHERE name !~ legible
        UNION ALL
        SELECT 'roles', id, name FROM public.roles WHERE name !~ legible
        UNION ALL
        SELECT 'direct_conversations', id, name
        FROM public.direct_conversations
        WHERE name <> '' AND name !~ legible
        UNION ALL
        SELECT 'message_attachments', id, filename
        FROM public.message_attachments
        WHERE filename !~ legible
        UNION ALL
        SELECT 'users', id, display_name
        FROM public.users
        WHERE display_name <> '' AND display_name !~ legible
    ),
    numbered AS (
        SELECT place, id, name, row_number() OVER (ORDER BY place, id) AS number FROM illegible
    )
    SELECT
        count(*),
        string_agg(
            format(
                '%s %s has %s',
                place,
                id,
                (
                    SELECT string_agg('U+' || upper(lpad(hex, greatest(4, length(hex)), '0')), ' ')
                    FROM regexp_split_to_table(
                        left(regexp_replace(name, visible, '', 'g'), 8), ''
                    ) AS character
                    CROSS JOIN LATERAL to_hex(ascii(character)) AS hex
                )
            ),
            E'\n'
            ORDER BY number
        ) FILTER (WHERE number <= 20)
    INTO how_many, which
    FROM numbered;

    IF how_many > 0 THEN
        RAISE EXCEPTION 'nobody can read % of the names: nothing visible, or a control character',
            how_many
        USING
            ERRCODE = 'check_violation',
            DETAIL = which || CASE WHEN how_many > 20 THEN E'\n…' ELSE '' END,
            HINT = 'Rename them. Or let it be done: PGOPTIONS=''-c chat.repair_names=on'' before the'
                ' command puts a space for a control character and, for what has nothing visible,'
                ' ''unnamed'' or, where a name may be missing, none. A rollback does not bring the'
                ' old names back.';
    END IF;
END;
$do$;
