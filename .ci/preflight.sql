-- What keeps this schema from being spread over several machines by space_id, the tenant: one row
-- for each violation, with the rule, the object and what was seen. Without a row it can be spread.
--
-- Reads the catalogue alone, on a plain PostgreSQL 15 to 18. Bodies of functions are read by
-- pattern, so what one puts together and runs by EXECUTE is not seen. To run it by hand:
--
--     python manage.py dbshell -- -X -f .ci/preflight.sql
--
-- A table is one of these:
--
--     space       has space_id, and is spread by it
--     own         belongs to a user, and is spread by its own lookup key
--     reference   is copied whole to every machine: users, and what is unique everywhere
--     local       stays where Django runs

WITH RECURSIVE names AS (
    SELECT
        ARRAY['django_migrations', 'django_session', 'schema_migrations'] AS local,
        -- Has a space_id, and is asked before anybody knows it.
        ARRAY['invite_codes'] AS lookup,
        '{"user_sessions": "token_hash", "user_preferences": "user_id"}'::jsonb AS own,
        -- Kept on one machine and left out on several, where the statements say it themselves:
        -- updated_at and the avatars of users, and the check for gaps at COMMIT. And what an erasure
        -- takes back in all spaces at once: it is not sent to a machine, but runs where it is asked.
        '^users_avatar_|_updated_at$|^channel_counters_no_gap$|^purge_erased_user$' AS left_out
),

relation AS (
    SELECT
        class.oid,
        class.relname::text AS name,
        CASE
            WHEN class.relname = ANY (names.local) THEN 'local'
            WHEN names.own ? class.relname THEN 'own by ' || (names.own ->> class.relname)
            WHEN class.relname = ANY (names.lookup) THEN 'reference'
            WHEN key.attname = 'space_id' THEN 'space'
            ELSE 'reference'
        END AS kind,
        key.attname::text AS key,
        key.attnum AS key_number,
        key.attnotnull AS key_not_null,
        key.attgenerated <> '' AS key_generated
    FROM names
    CROSS JOIN pg_class AS class
    LEFT JOIN pg_attribute AS key
        ON
            key.attrelid = class.oid
            AND key.attname = coalesce(names.own ->> class.relname, 'space_id')
            AND NOT key.attisdropped
    WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'p')
),

spread AS (
    SELECT * FROM relation WHERE kind = 'space' OR kind LIKE 'own by %'
),

foreign_key AS (
    SELECT
        key.oid,
        key.conname::text AS name,
        key.conkey,
        key.confkey,
        key.condeferrable,
        key.confdeltype IN ('n', 'd') OR key.confupdtype IN ('n', 'd') AS sets_columns,
        source.name || ' to ' || target.name AS way,
        source.kind AS source_kind,
        source.key_number AS source_key,
        target.kind AS target_kind,
        target.key_number AS target_key
    FROM pg_constraint AS key
    INNER JOIN relation AS source ON source.oid = key.conrelid
    INNER JOIN relation AS target ON target.oid = key.confrelid
    WHERE key.contype = 'f'
),

-- The functions of triggers and what they call, to any depth, without their comments.
body AS (
    SELECT
        trigger.oid AS trigger,
        trigger.tgname::text AS trigger_name,
        trigger.tgtype & 32 <> 0 AS on_truncate,
        relation.name AS table_name,
        relation.kind AS table_kind,
        function.oid AS function,
        function.proname::text AS name,
        regexp_replace(function.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g') AS source
    FROM pg_trigger AS trigger
    INNER JOIN relation ON relation.oid = trigger.tgrelid
    INNER JOIN pg_proc AS function ON function.oid = trigger.tgfoid
    WHERE NOT trigger.tgisinternal
    UNION
    SELECT
        body.trigger,
        body.trigger_name,
        body.on_truncate,
        body.table_name,
        body.table_kind,
        called.oid,
        called.proname::text,
        regexp_replace(called.prosrc, '--[^\n]*|/\*.*?\*/', '', 'g')
    FROM body
    INNER JOIN pg_proc AS called
        ON
            called.pronamespace = 'public'::regnamespace
            AND body.source ~ ('\m' || called.proname || '\s*\(')
),

statement AS (
    SELECT body.*, part AS text
    FROM
        body,
        regexp_split_to_table(source, ';|\mLOOP\M|\mTHEN\M|\mELSE\M|\mBEGIN\M', 'i') AS part
),

-- Which tables a trigger touches, and which of them it writes.
touch AS (
    SELECT
        body.*,
        relation.name AS touched,
        relation.kind AS touched_kind,
        body.source ~* (
            '(insert\s+into|update|delete\s+from|merge\s+into)\s+(only\s+)?(public\.)?'
            || relation.name || '\M'
        ) AS writes
    FROM body
    INNER JOIN relation
        ON body.source ~* ('(from|join|into|update|only)\s+(public\.)?' || relation.name || '\M')
),

view AS (
    SELECT relname::text AS name, pg_get_viewdef(oid, true) AS definition
    FROM pg_class
    WHERE
        relkind = 'v'
        AND relnamespace = 'public'::regnamespace
        AND NOT EXISTS (
            SELECT
            FROM pg_depend
            WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e'
        )
),

violation (rule, object, seen) AS (

    -- Keys ----------------------------------------------------------------------------------------

    -- A row without a tenant is nowhere. SET NOT NULL.
    SELECT 'the key that spreads a table can be NULL', name, key
    FROM spread
    WHERE NOT key_not_null

    -- A generated column cannot spread a table. Make it plain, with a CHECK that it is what was
    -- generated.
    UNION ALL
    SELECT 'the key that spreads a table is generated', name, key
    FROM spread
    WHERE key_generated

    -- Each machine would hold it for its own rows alone. Put space_id into the key. What has to be
    -- unique everywhere is a table of its own, as invite_codes. A primary key on id alone, at which
    -- no key points, becomes one on (id, space_id) when the table is spread.
    UNION ALL
    SELECT 'a unique key without the tenant', index.indexrelid::regclass::text, spread.name
    FROM pg_index AS index
    INNER JOIN spread ON spread.oid = index.indrelid
    WHERE
        index.indisunique
        AND NOT spread.key_number = ANY (index.indkey::int2[])
        AND NOT (
            index.indisprimary
            AND index.indnatts = 1
            AND EXISTS (
                SELECT
                FROM pg_attribute
                WHERE attrelid = index.indrelid AND attnum = index.indkey[0] AND attname = 'id'
            )
            AND NOT EXISTS (
                SELECT
                FROM pg_constraint
                WHERE
                    contype = 'f'
                    AND conindid = index.indexrelid
                    AND conrelid IN (SELECT oid FROM spread)
            )
        )

    -- As above: space_id WITH = among its columns.
    UNION ALL
    SELECT 'an exclusion without the tenant', conname::text, pg_get_constraintdef(exclusion.oid)
    FROM pg_constraint AS exclusion
    INNER JOIN spread ON spread.oid = exclusion.conrelid
    WHERE
        exclusion.contype = 'x'
        AND NOT EXISTS (
            SELECT
            FROM unnest(exclusion.conkey, exclusion.conexclop) AS element (number, operator)
            INNER JOIN pg_operator ON pg_operator.oid = element.operator
            WHERE element.number = spread.key_number AND pg_operator.oprname = '='
        )

    -- A sequence counts on one machine. UUIDs, from the client or by DEFAULT.
    UNION ALL
    SELECT 'ids that are counted', spread.name, attribute.attname::text
    FROM spread
    INNER JOIN pg_attribute AS attribute
        ON attribute.attrelid = spread.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
    LEFT JOIN pg_attrdef AS preset
        ON preset.adrelid = spread.oid AND preset.adnum = attribute.attnum
    WHERE
        attribute.attidentity <> ''
        OR pg_get_expr(preset.adbin, preset.adrelid) LIKE 'nextval(%'

    -- Foreign keys --------------------------------------------------------------------------------

    -- A copy on each machine cannot ask all the others. Turn the key round, or leave it out.
    UNION ALL
    SELECT 'a foreign key from a reference table to one that is spread', name, way
    FROM foreign_key
    WHERE source_kind = 'reference' AND (target_kind = 'space' OR target_kind LIKE 'own by %')

    -- The row that is meant may be on another machine. Pair space_id with space_id.
    UNION ALL
    SELECT 'a foreign key that does not pair the tenant', name, pg_get_constraintdef(oid)
    FROM foreign_key
    WHERE
        source_kind = 'space'
        AND target_kind = 'space'
        AND NOT EXISTS (
            SELECT
            FROM unnest(conkey, confkey) AS pair (source, target)
            WHERE pair.source = source_key AND pair.target = target_key
        )

    -- What is spread by different keys is on different machines. Spread both by one, or make the
    -- target a reference table.
    UNION ALL
    SELECT 'a foreign key between tables that are spread differently', name, way
    FROM foreign_key
    WHERE
        source_kind <> target_kind
        AND source_kind NOT IN ('reference', 'local')
        AND target_kind NOT IN ('reference', 'local')

    -- It would blank the tenant. Use CASCADE, RESTRICT or NO ACTION.
    UNION ALL
    SELECT 'SET NULL or SET DEFAULT with the tenant', name, pg_get_constraintdef(oid)
    FROM foreign_key
    WHERE source_kind <> 'reference' AND sets_columns AND source_key = ANY (conkey)

    -- Refused at COMMIT as an internal error, not as a key. Make it NOT DEFERRABLE, and write what
    -- it needs in a trigger that comes before those of the keys ("RI_…").
    UNION ALL
    SELECT 'a foreign key that is deferrable', name, pg_get_constraintdef(oid)
    FROM foreign_key
    WHERE condeferrable AND source_kind NOT IN ('local', 'reference')

    -- What stays behind would point at an empty table. Leave the key out.
    UNION ALL
    SELECT 'a foreign key from a local table', name, way
    FROM foreign_key
    WHERE source_kind = 'local' AND target_kind <> 'local'

    -- Triggers ------------------------------------------------------------------------------------

    -- Each copy would write, and each its own row. Let the statement write, and the trigger refuse.
    UNION ALL
    SELECT 'a trigger on a reference table that writes', touched, trigger_name || ', ' || name
    FROM touch, names
    WHERE table_kind = 'reference' AND writes AND trigger_name !~ names.left_out

    -- Each copy would have a clock or a die of its own. Let the statement bring the value.
    UNION ALL
    SELECT 'a trigger on a reference table that asks a clock or a die', table_name, trigger_name
    FROM body, names
    WHERE
        table_kind = 'reference'
        AND trigger_name !~ names.left_out
        AND source ~* 'new\.\w+\s*:=.*(now\(\)|_timestamp|current_timestamp|random|uuid)'

    -- A machine does not find it ("could not find named tuplestore"). Read it alone, into a loop or
    -- an array, and use that in the next statement.
    UNION ALL
    SELECT 'a transition table beside a table', statement.trigger_name, trim(left(text, 90))
    FROM statement
    INNER JOIN pg_trigger ON pg_trigger.oid = statement.trigger
    WHERE
        coalesce(tgnewtable, tgoldtable) IS NOT NULL
        AND table_kind <> 'local'
        AND text ~* ('(from|join)\s+(' || concat_ws('|', tgnewtable, tgoldtable) || ')\M')
        AND EXISTS (
            SELECT
            FROM relation
            WHERE text ~* ('(from|join|into|update)\s+(public\.)?' || relation.name || '\M')
        )

    -- It runs where its row is. Write tables of the same kind, and only read reference tables.
    UNION ALL
    SELECT 'a trigger that touches tables spread differently', touched, trigger_name || ', ' || name
    FROM touch
    WHERE
        table_kind NOT IN ('reference', 'local')
        AND touched_kind <> table_kind
        AND (touched_kind <> 'reference' OR writes)

    -- It is a lock on every copy, at 40 ms each. The key to the row holds it already.
    UNION ALL
    SELECT 'a trigger that locks a row of a reference table', touched, trigger_name || ', ' || name
    FROM touch
    WHERE
        table_kind = 'space'
        AND touched_kind = 'reference'
        AND source ~* (
            '(public\.)?' || touched || '\M[^;]*\mfor\s+(no\s+key\s+)?(update|share|key\s+share)'
        )

    -- A machine is chosen by a value that is known before. Write NEW.space_id, or a variable.
    UNION ALL
    SELECT 'a subquery whose tenant is that of the row outside', body.name, found[1]
    FROM
        body,
        regexp_matches(
            source,
            '(\m(?!new\M|old\M|place\M)\w+\.space_id\s*=\s*'
            '(?!new\M|old\M|place\M|in_)\w+\.space_id)',
            'gi'
        ) AS found
    WHERE table_kind = 'space' OR table_kind LIKE 'own by %'

    -- Part of the above: a table that no tenant is given to is asked on every machine.
    UNION ALL
    SELECT
        'a statement of a trigger that gives no tenant',
        statement.name,
        trigger_name || ': ' || trim(left(regexp_replace(text, '\s+', ' ', 'g'), 90))
    FROM statement
    INNER JOIN spread ON text ~* ('(from|join|update)\s+(public\.)?' || spread.name || '\M')
    WHERE table_kind = 'space' AND NOT on_truncate AND text !~* ('\m' || spread.key || '\s*=')

    -- A part of a table has another name, with digits behind it. Give the trigger arguments.
    UNION ALL
    SELECT 'a trigger that goes by the name of its table', name, trigger_name
    FROM body
    WHERE
        (table_kind = 'space' OR table_kind LIKE 'own by %')
        AND source
        ~* 'tg_table_name[^;]*(between|~|right\()|if\s+tg_table_name\s*=|case\s+tg_table_name'

    -- A session there looks into no schema. Write public. before it.
    UNION ALL
    SELECT 'a table without its schema in a trigger', body.name, trigger_name || ': ' || found[1]
    FROM
        body,
        regexp_matches(source, '\m(?:from|join|into|update)\s+(\w+)\M(?!\s*\.)', 'gi') AS found
    WHERE table_kind <> 'local' AND lower(found[1]) IN (SELECT name FROM relation)

    -- Nobody listens there. Let the client notify, or write a row that it reads.
    UNION ALL
    SELECT 'a trigger that notifies', name, trigger_name
    FROM body
    WHERE table_kind <> 'local' AND source ~* 'pg_notify|\mnotify\M'

    -- Spreading a table truncates what is left here, and this would take it for lost. Refuse.
    UNION ALL
    SELECT 'a trigger on TRUNCATE that inserts or deletes', trigger_name, name
    FROM body
    WHERE on_truncate AND source ~* '\minsert\s+into\M|\mdelete\s+from\M'

    -- As a deferrable key.
    UNION ALL
    SELECT 'a trigger that is deferred', tgname::text, relation.name
    FROM names
    CROSS JOIN pg_trigger
    INNER JOIN relation ON relation.oid = tgrelid AND relation.kind <> 'local'
    WHERE NOT tgisinternal AND tgdeferrable AND tgname !~ names.left_out

    -- Views and functions -------------------------------------------------------------------------

    -- Refused. Put the clock beside the columns of a table.
    UNION ALL
    SELECT 'a view with a clock in a subquery without FROM', name, trim(left(found[1], 90))
    FROM
        view,
        regexp_matches(
            definition,
            'LATERAL\s*\(\s*SELECT((?:(?!\mFROM\M|\mSELECT\M).)*?(?:now\(\)|_timestamp)'
            '(?:(?!\mFROM\M|\mSELECT\M).)*?)\)\s*\w+',
            'gis'
        ) AS found

    -- It works, and asks every machine although the tenant is given. Write a flat GROUP BY.
    UNION ALL
    SELECT 'a view with LATERAL or a scalar subquery', name, count(*)::text
    FROM
        view,
        regexp_matches(definition, '(LATERAL\s*\(\s*SELECT|,\s*\(\s*SELECT)', 'gi') AS found
    GROUP BY name

    -- It is sent to a machine by the tenant. Give it an argument in_space.
    UNION ALL
    SELECT
        'a function that takes no tenant',
        function.oid::regprocedure::text,
        string_agg(DISTINCT spread.name, ', ')
    FROM names
    CROSS JOIN pg_proc AS function
    INNER JOIN spread
        ON function.prosrc ~* ('(from|join|update|into)\s+(public\.)?' || spread.name || '\M')
    WHERE
        function.pronamespace = 'public'::regnamespace
        AND function.prorettype <> 'trigger'::regtype
        AND NOT coalesce('in_space' = ANY (function.proargnames), false)
        AND function.proname !~ names.left_out
    GROUP BY function.oid
)

SELECT DISTINCT rule, object, seen
FROM violation
ORDER BY rule, object, seen;
