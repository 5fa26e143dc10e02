-- What keeps the tables from being spread over several machines: each rule is one query, and what it
-- finds breaks the rule. It returns the object, and what was seen.
--
-- They read the catalogue alone, on a plain PostgreSQL 15 to 18. Bodies of functions are read by
-- pattern, so what one puts together and runs by EXECUTE is not seen. The WITH below stands before
-- each query. A table belongs to one of these:
--
--     space       is spread by space_id
--     own by …    is spread by its own lookup key
--     reference   is copied whole to every machine
--     local       stays where Django runs

WITH RECURSIVE relation AS (
    SELECT
        class.oid,
        placed.name,
        placed.kind,
        placed.key,
        key.attnum AS key_number,
        key.attnotnull AS key_not_null,
        key.attgenerated <> '' AS key_generated
    FROM unnest(%(names)s::text[], %(kinds)s::text[], %(keys)s::text[]) AS placed (name, kind, key)
    INNER JOIN pg_class AS class
        ON
            class.relname = placed.name
            AND class.relnamespace = 'public'::regnamespace
            AND class.relkind IN ('r', 'p')
    LEFT JOIN pg_attribute AS key
        ON key.attrelid = class.oid AND key.attname = placed.key AND NOT key.attisdropped
),

spread AS (
    SELECT * FROM relation WHERE key IS NOT NULL
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

-- Functions, without their comments.
routine AS MATERIALIZED (
    SELECT
        oid,
        proname::text AS name,
        regexp_replace(prosrc, '--[^\n]*|/\*.*?\*/', '', 'g') AS source
    FROM pg_proc
    WHERE
        pronamespace = 'public'::regnamespace
        AND NOT EXISTS (
            SELECT
            FROM pg_depend
            WHERE classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
        )
),

-- A name is looked for before a pattern, which takes a hundred times as long.
call AS MATERIALIZED (
    SELECT caller.oid AS caller, called.oid AS called
    FROM routine AS caller
    INNER JOIN routine AS called
        ON
            strpos(caller.source, called.name) > 0
            AND caller.source ~ ('\m' || called.name || '\s*\(')
),

-- Which tables a function touches, and which of them it writes.
use AS MATERIALIZED (
    SELECT
        routine.oid AS function,
        relation.name AS touched,
        relation.kind AS touched_kind,
        relation.key AS touched_key,
        routine.source ~* (
            '(insert\s+into|update|delete\s+from|merge\s+into)\s+(only\s+)?(public\.)?'
            || relation.name || '\M'
        ) AS writes
    FROM routine
    INNER JOIN relation
        ON
            strpos(lower(routine.source), relation.name) > 0
            AND routine.source
            ~* ('(from|join|into|update|only)\s+(public\.)?' || relation.name || '\M')
),

-- The functions of triggers and what they call, to any depth.
reached AS (
    SELECT oid AS trigger, tgfoid AS function
    FROM pg_trigger
    WHERE NOT tgisinternal AND tgname <> ALL (%(left_out)s::text[])
    UNION
    SELECT reached.trigger, call.called
    FROM reached
    INNER JOIN call ON call.caller = reached.function
),

body AS (
    SELECT
        trigger.oid AS trigger,
        trigger.tgname::text AS trigger_name,
        trigger.tgtype & 32 <> 0 AS on_truncate,
        relation.name AS table_name,
        relation.kind AS table_kind,
        routine.oid AS function,
        routine.name,
        routine.source
    FROM reached
    INNER JOIN pg_trigger AS trigger ON trigger.oid = reached.trigger
    INNER JOIN relation ON relation.oid = trigger.tgrelid
    INNER JOIN routine ON routine.oid = reached.function
),

statement AS MATERIALIZED (
    SELECT body.*, trim(regexp_replace(part, '\s+', ' ', 'g')) AS text
    FROM
        body,
        regexp_split_to_table(source, ';|\mLOOP\M|\mTHEN\M|\mELSE\M|\mBEGIN\M', 'i') AS part
),

touch AS (
    SELECT body.*, use.touched, use.touched_kind, use.touched_key, use.writes
    FROM body
    INNER JOIN use ON use.function = body.function
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
)

-- Rule: nullable_key
-- A row without a value belongs to no machine. Declare the column NOT NULL.
SELECT name, key
FROM spread
WHERE key_not_null IS NOT TRUE;

-- Rule: generated_key
-- A machine is chosen before anything is generated. Store the column, and CHECK that it is what was
-- generated.
SELECT name, key
FROM spread
WHERE key_generated;

-- Rule: unique_without_key
-- Each machine would hold it for its own rows alone. Put the column that the table is spread by into
-- the key. What has to be unique everywhere is a table of its own, as invite_codes. A primary key on
-- id alone, at which no key points, gets the column when the table is spread.
SELECT index.indexrelid::regclass::text, spread.name
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
    );

-- Rule: exclusion_without_key
-- Each machine would hold it for its own rows alone. Put the column WITH = among those compared.
SELECT conname::text, pg_get_constraintdef(exclusion.oid)
FROM pg_constraint AS exclusion
INNER JOIN spread ON spread.oid = exclusion.conrelid
WHERE
    exclusion.contype = 'x'
    AND NOT EXISTS (
        SELECT
        FROM unnest(exclusion.conkey, exclusion.conexclop) AS element (number, operator)
        INNER JOIN pg_operator ON pg_operator.oid = element.operator
        WHERE element.number = spread.key_number AND pg_operator.oprname = '='
    );

-- Rule: counted_ids
-- A sequence counts on one machine. Use UUIDs, from the client or by DEFAULT.
SELECT spread.name, attribute.attname::text
FROM spread
INNER JOIN pg_attribute AS attribute
    ON attribute.attrelid = spread.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
LEFT JOIN pg_attrdef AS preset
    ON preset.adrelid = spread.oid AND preset.adnum = attribute.attnum
WHERE
    attribute.attidentity <> ''
    OR pg_get_expr(preset.adbin, preset.adrelid) LIKE 'nextval(%%';

-- Rule: unique_at_commit
-- Refused at COMMIT, and as an internal error instead of a key. Make it NOT DEFERRABLE.
SELECT conname::text, spread.name
FROM pg_constraint AS key
INNER JOIN spread ON spread.oid = key.conrelid
WHERE key.contype IN ('p', 'u') AND key.condeferrable AND key.conname <> ALL (%(late)s::text[]);

-- Rule: reference_to_spread
-- A copy on each machine cannot ask all the others. Turn the key round, or leave it out.
SELECT name, way
FROM foreign_key
WHERE source_kind = 'reference' AND (target_kind = 'space' OR target_kind LIKE 'own by %%');

-- Rule: key_without_space
-- The row that is meant may be on another machine. Pair space_id with space_id; where it is in the key
-- twice, in the last place.
SELECT name, pg_get_constraintdef(oid)
FROM foreign_key
WHERE
    source_kind = 'space'
    AND target_kind = 'space'
    AND (
        SELECT pair.target
        FROM unnest(conkey, confkey) WITH ORDINALITY AS pair (source, target, place)
        WHERE pair.source = source_key
        ORDER BY pair.place DESC
        LIMIT 1
    ) IS DISTINCT FROM target_key;

-- Rule: key_between_groups
-- What is spread by different columns is on different machines. Spread both by one, or make the
-- target a reference table.
SELECT name, way
FROM foreign_key
WHERE
    source_kind <> target_kind
    AND source_kind NOT IN ('reference', 'local')
    AND target_kind NOT IN ('reference', 'local');

-- Rule: key_blanks_its_row
-- SET NULL or SET DEFAULT would blank the column that the table is spread by. Use CASCADE, RESTRICT
-- or NO ACTION.
SELECT name, pg_get_constraintdef(oid)
FROM foreign_key
WHERE source_kind <> 'reference' AND sets_columns AND source_key = ANY (conkey);

-- Rule: key_at_commit
-- Refused at COMMIT, and as an internal error instead of a key. Make it NOT DEFERRABLE, and write
-- what it needs in a trigger that comes before those of the keys ("RI_…").
SELECT name, pg_get_constraintdef(oid)
FROM foreign_key
WHERE
    condeferrable
    AND source_kind NOT IN ('local', 'reference')
    AND name <> ALL (%(late)s::text[]);

-- Rule: key_from_local
-- What stays behind would point at an empty table. Leave the key out. One to a reference table is left
-- out on several machines by itself.
SELECT name, way
FROM foreign_key
WHERE source_kind = 'local' AND (target_kind = 'space' OR target_kind LIKE 'own by %%');

-- Rule: reference_trigger_writes
-- Each copy would write, and each its own row. Let the statement write, and the trigger refuse.
SELECT touched, trigger_name || ', ' || name
FROM touch
WHERE table_kind = 'reference' AND writes;

-- Rule: reference_trigger_differs
-- Each copy would have a clock or a die of its own. Let the statement bring the value.
SELECT table_name, trigger_name
FROM body
WHERE
    table_kind = 'reference'
    AND source ~* 'new\.\w+\s*:=.*(now\(\)|_timestamp|current_timestamp|random|uuid)';

-- Rule: transition_table_joined
-- A machine does not find it ("could not find named tuplestore"). Read it alone, into a loop or an
-- array, and use that in the next statement.
SELECT statement.trigger_name, left(text, 90)
FROM statement
INNER JOIN pg_trigger ON pg_trigger.oid = statement.trigger
WHERE
    coalesce(tgnewtable, tgoldtable) IS NOT NULL
    AND table_kind <> 'local'
    AND text ~* ('(from|join)\s+(' || concat_ws('|', tgnewtable, tgoldtable) || ')\M')
    AND EXISTS (
        SELECT
        FROM relation
        WHERE
            strpos(lower(text), relation.name) > 0
            AND text ~* ('(from|join|into|update)\s+(public\.)?' || relation.name || '\M')
    );

-- Rule: trigger_touches_another_group
-- It runs where its row is. Write tables that are spread alike, and only read reference tables.
SELECT touched, trigger_name || ', ' || name
FROM touch
WHERE
    table_kind NOT IN ('reference', 'local')
    AND touched_kind <> table_kind
    AND (touched_kind <> 'reference' OR writes);

-- Rule: trigger_locks_reference
-- It is a lock on every copy, at 40 ms each. The key to the row holds it already.
SELECT touched, trigger_name || ', ' || name
FROM touch
WHERE
    table_kind = 'space'
    AND touched_kind = 'reference'
    AND source ~* (
        '(public\.)?' || touched || '\M[^;]*\mfor\s+(no\s+key\s+)?(update|share|key\s+share)'
    );

-- Rule: space_of_the_row_outside
-- A machine is chosen by a value that is known before. Write NEW.space_id, or a variable.
SELECT body.name, found[1]
FROM
    body,
    regexp_matches(
        source,
        '(\m(?!new\M|old\M|place\M)\w+\.space_id\s*=\s*'
        '(?!new\M|old\M|place\M|in_)\w+\.space_id)',
        'gi'
    ) AS found
WHERE table_kind = 'space' OR table_kind LIKE 'own by %%';

-- Rule: trigger_gives_no_space
-- A table that no space is given to is asked on every machine. Write = NEW.space_id, or a variable.
SELECT statement.name, trigger_name || ': ' || left(text, 90)
FROM statement
INNER JOIN spread
    ON
        strpos(lower(text), spread.name) > 0
        AND text ~* ('(from|join|update)\s+(public\.)?' || spread.name || '\M')
WHERE table_kind = 'space' AND NOT on_truncate AND text !~* ('\m' || spread.key || '\s*=');

-- Rule: trigger_by_table_name
-- A part of a table has another name, with digits behind it. Give the trigger arguments.
SELECT name, trigger_name
FROM body
WHERE
    (table_kind = 'space' OR table_kind LIKE 'own by %%')
    AND source ~* 'tg_table_name[^;]*(between|~|right\()|if\s+tg_table_name\s*=|case\s+tg_table_name';

-- Rule: table_without_schema
-- A session there looks into no schema. Write public. before it.
SELECT body.name, trigger_name || ': ' || found[1]
FROM
    body,
    regexp_matches(source, '\m(?:from|join|into|update)\s+(\w+)\M(?!\s*\.)', 'gi') AS found
WHERE table_kind <> 'local' AND lower(found[1]) IN (SELECT name FROM relation);

-- Rule: trigger_notifies
-- Nobody listens there. Let the client notify, or write a row that it reads.
SELECT name, trigger_name
FROM body
WHERE table_kind <> 'local' AND source ~* 'pg_notify|\mnotify\M';

-- Rule: set_by_function
-- What set_config() sets is not handed on to the machines. Write SET LOCAL.
SELECT oid::regprocedure::text, 'set_config'
FROM routine
WHERE source ~* '\mset_config\s*\(';

-- Rule: lock_without_space
-- An advisory lock is one machine's, so two that are to meet have to be on one. Make its key from the
-- space.
SELECT statement.name, trigger_name || ': ' || left(text, 90)
FROM statement
WHERE table_kind <> 'local' AND text ~* 'pg_(try_)?advisory' AND text !~* 'space';

-- Rule: truncate_trigger_writes
-- Spreading a table truncates what is left here, and this would take it for lost. Refuse.
SELECT trigger_name, name
FROM body
WHERE on_truncate AND source ~* '\minsert\s+into\M|\mdelete\s+from\M';

-- Rule: deferred_trigger
-- Refused at COMMIT, and as an internal error. Make it an ordinary trigger.
SELECT tgname::text, relation.name
FROM pg_trigger
INNER JOIN relation ON relation.oid = tgrelid AND relation.kind <> 'local'
WHERE NOT tgisinternal AND tgdeferrable AND tgname <> ALL (%(left_out)s::text[]);

-- Rule: clock_without_from
-- A clock in a subquery without FROM is refused. Put it beside the columns of a table.
SELECT name, trim(left(found[1], 90))
FROM
    view,
    regexp_matches(
        definition,
        'LATERAL\s*\(\s*SELECT((?:(?!\mFROM\M|\mSELECT\M).)*?(?:now\(\)|_timestamp)'
        '(?:(?!\mFROM\M|\mSELECT\M).)*?)\)\s*\w+',
        'gis'
    ) AS found;

-- Rule: view_asks_every_machine
-- LATERAL or a scalar subquery works, and asks every machine although the space is given. Write a flat
-- GROUP BY.
SELECT name, count(*)::text
FROM
    view,
    regexp_matches(definition, '(LATERAL\s*\(\s*SELECT|,\s*\(\s*SELECT)', 'gi') AS found
GROUP BY name;

-- Rule: function_without_space
-- It is sent to a machine by the space, as a function in plpgsql. Give it an argument in_space, and
-- write it in plpgsql.
SELECT function.oid::regprocedure::text, string_agg(DISTINCT spread.name, ', ')
FROM pg_proc AS function
INNER JOIN pg_language ON pg_language.oid = function.prolang
INNER JOIN spread
    ON function.prosrc ~* ('(from|join|update|into)\s+(public\.)?' || spread.name || '\M')
WHERE
    function.pronamespace = 'public'::regnamespace
    AND function.prorettype <> 'trigger'::regtype
    AND function.proname <> ALL (%(asking)s::text[])
    AND NOT (coalesce('in_space' = ANY (function.proargnames), false) AND lanname = 'plpgsql')
GROUP BY function.oid;
