"""The statement that reads the catalogue; each row is (kind, name, table, position, definition).

Names are printed by format('%I'), definitions by PostgreSQL's own pg_get_*def functions, which
qualify every name that is not on the search path. SESSION therefore leaves only pg_catalog on it,
and fixes the settings that decide how constants are printed, as pg_dump does. It returns first
the schema in which the session makes its tables until then, NULL where it has none. A schema is
named as SQL names it, quoted where it must be.
"""

from typing import Final, LiteralString

from psycopg.sql import SQL, Composed

SESSION: Final[LiteralString] = """
SELECT in_use.schema,
       set_config('search_path', 'pg_catalog', true),
       set_config('TimeZone', 'UTC', true),
       set_config('DateStyle', 'ISO, YMD', true),
       set_config('IntervalStyle', 'postgres', true),
       set_config('extra_float_digits', '1', true),
       set_config('bytea_output', 'hex', true),
       set_config('standard_conforming_strings', 'on', true),
       set_config('quote_all_identifiers', 'off', true)
FROM (SELECT quote_ident(current_schema()) AS schema OFFSET 0) AS in_use
"""

# Relations of the schema that no extension owns; all that is about tables is joined to these.
# initdb made what has an OID below 16384 (src/include/access/transam.h), so that is left out.
_RELATIONS: Final[LiteralString] = """
WITH relations AS MATERIALIZED (
    SELECT c.*, n.nspname, format('%%I.%%I', n.nspname, c.relname) AS name
    FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.oid = to_regnamespace(%(schema)s)
      AND c.oid >= 16384
      AND NOT EXISTS (
          SELECT FROM pg_depend AS d
          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
      )
)
"""

_EXTENSIONS: Final[LiteralString] = """
SELECT 'extension', format('%%I', e.extname), NULL::text, NULL::integer,
       format('VERSION %%s SCHEMA %%I', e.extversion, n.nspname)
FROM pg_extension AS e
JOIN pg_namespace AS n ON n.oid = e.extnamespace
"""

# Enums, domains, ranges, and composites that are not the row of a table.
_TYPES: Final[LiteralString] = """
SELECT 'type', format('%%I.%%I', n.nspname, t.typname), NULL, NULL,
       CASE t.typtype
           WHEN 'e' THEN 'ENUM (' || coalesce((
               SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
               FROM pg_enum AS e
               WHERE e.enumtypid = t.oid
           ), '') || ')'
           WHEN 'd' THEN concat_ws(' ',
               'DOMAIN', format_type(t.typbasetype, t.typtypmod),
               CASE WHEN t.typcollation <> b.typcollation
                   THEN 'COLLATE ' || t.typcollation::regcollation END,
               CASE WHEN t.typnotnull THEN 'NOT NULL' END,
               'DEFAULT ' || t.typdefault,
               (SELECT string_agg(
                    format('CONSTRAINT %%I %%s', k.conname, pg_get_constraintdef(k.oid)), ' '
                    ORDER BY k.conname)
                FROM pg_constraint AS k
                WHERE k.contypid = t.oid AND k.contype <> 'n'))
           WHEN 'c' THEN 'COMPOSITE (' || coalesce((
               SELECT string_agg(
                   format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod)), ', '
                   ORDER BY a.attnum)
               FROM pg_attribute AS a
               WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
           ), '') || ')'
           WHEN 'r' THEN 'RANGE OF ' || (
               SELECT format_type(r.rngsubtype, NULL) FROM pg_range AS r WHERE r.rngtypid = t.oid
           )
       END
FROM pg_type AS t
JOIN pg_namespace AS n ON n.oid = t.typnamespace
LEFT JOIN pg_class AS c ON c.oid = t.typrelid
LEFT JOIN pg_type AS b ON b.oid = t.typbasetype
WHERE n.oid = to_regnamespace(%(schema)s)
  AND t.oid >= 16384
  AND (t.typtype IN ('e', 'd', 'r') OR (t.typtype = 'c' AND c.relkind = 'c'))
  AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_type'::regclass AND d.objid = t.oid AND d.deptype = 'e'
  )
"""

_SEQUENCES: Final[LiteralString] = """
SELECT 'sequence', c.name, owner.name, NULL,
       concat_ws(' ',
           CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' END,
           format('AS %%s INCREMENT %%s MINVALUE %%s MAXVALUE %%s START %%s CACHE %%s',
               format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart,
               s.seqcache),
           CASE WHEN s.seqcycle THEN 'CYCLE' END,
           'OWNED BY ' || owner.name || '.' || quote_ident((
               SELECT a.attname
               FROM pg_attribute AS a
               WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid)))
FROM relations AS c
JOIN pg_sequence AS s ON s.seqrelid = c.oid
LEFT JOIN pg_depend AS d
    ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
    AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
LEFT JOIN LATERAL (
    SELECT format('%%I.%%I', c.nspname, o.relname) AS name
    FROM pg_class AS o
    WHERE o.oid = d.refobjid
) AS owner ON true
"""

# pg_get_functiondef refuses aggregates, so their parts are put together here.
_FUNCTIONS: Final[LiteralString] = """
SELECT 'function',
       format('%%I.%%I(%%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)),
       NULL, NULL,
       CASE WHEN p.prokind = 'a'
           THEN (
               SELECT concat_ws(' ', 'AGGREGATE', g.aggkind,
                   'RETURNS', pg_get_function_result(p.oid),
                   'SFUNC', g.aggtransfn::regproc, 'STYPE', format_type(g.aggtranstype, NULL),
                   'FINALFUNC', g.aggfinalfn::regproc, 'COMBINEFUNC', g.aggcombinefn::regproc,
                   'INITCOND', quote_nullable(g.agginitval), 'PARALLEL', p.proparallel)
               FROM pg_aggregate AS g
               WHERE g.aggfnoid = p.oid
           )
           ELSE pg_get_functiondef(p.oid)
       END
FROM pg_proc AS p
JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.oid = to_regnamespace(%(schema)s)
  AND p.oid >= 16384
  AND NOT EXISTS (
      SELECT FROM pg_depend AS d
      WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
  )
"""

_TABLES: Final[LiteralString] = """
SELECT 'table', c.name, c.name, NULL,
       concat_ws(' ',
           CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED' WHEN 't' THEN 'TEMPORARY' END,
           CASE c.relkind WHEN 'f' THEN 'FOREIGN' END,
           'TABLE',
           'PARTITION BY ' || pg_get_partkeydef(c.oid),
           'INHERITS ' || (
               SELECT string_agg(format('%%I.%%I', pn.nspname, p.relname), ', ' ORDER BY i.inhseqno)
               FROM pg_inherits AS i
               JOIN pg_class AS p ON p.oid = i.inhparent
               JOIN pg_namespace AS pn ON pn.oid = p.relnamespace
               WHERE i.inhrelid = c.oid
           ),
           pg_get_expr(c.relpartbound, c.oid),
           'USING ' || nullif(m.amname, 'heap'),
           'WITH (' || (
               SELECT string_agg(option, ', ' ORDER BY option)
               FROM (
                   SELECT unnest(c.reloptions) AS option
                   UNION ALL
                   SELECT 'toast.' || unnest(toast.reloptions)
               ) AS options
           ) || ')',
           CASE WHEN c.relrowsecurity THEN 'ROW LEVEL SECURITY' END,
           CASE WHEN c.relforcerowsecurity THEN 'FORCED' END,
           'REPLICA IDENTITY ' || nullif(c.relreplident, 'd')::text)
FROM relations AS c
LEFT JOIN pg_am AS m ON m.oid = c.relam
LEFT JOIN pg_class AS toast ON toast.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'p', 'f')
"""

# Of a column's options only the documented ones are read: some servers keep a counter there
# (pg_attver was seen), which changes with every ALTER TABLE.
_COLUMNS: Final[LiteralString] = """
SELECT 'column', c.name || '.' || quote_ident(a.attname), c.name, a.attnum,
       concat_ws(' ',
           format_type(a.atttypid, a.atttypmod),
           CASE WHEN a.attcollation <> t.typcollation
               THEN 'COLLATE ' || a.attcollation::regcollation END,
           CASE WHEN a.attnotnull THEN 'NOT NULL' END,
           CASE a.attidentity
               WHEN 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
               WHEN 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY' END,
           CASE a.attgenerated
               WHEN '' THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
               ELSE format('GENERATED ALWAYS AS (%%s) %%s', pg_get_expr(d.adbin, d.adrelid),
                   CASE a.attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END) END,
           CASE WHEN a.attstorage <> t.typstorage THEN 'STORAGE ' || a.attstorage::text END,
           'COMPRESSION ' || nullif(a.attcompression, '')::text,
           'STATISTICS ' || nullif(a.attstattarget, -1),
           'WITH (' || (
               SELECT string_agg(option, ', ' ORDER BY option)
               FROM unnest(a.attoptions) AS option
               WHERE split_part(option, '=', 1) IN ('n_distinct', 'n_distinct_inherited')
           ) || ')')
FROM relations AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'f')
"""

# NOT NULL is read with the column. PostgreSQL 18 has it here as well (contype 'n'), left out
# where it says no more, which is with the name that the server gives it, cut off where it is long.
# Constraint triggers (contype 't') are read as triggers. The definition includes NOT VALID and
# DEFERRABLE.
_CONSTRAINTS: Final[LiteralString] = """
SELECT 'constraint', c.name || '.' || quote_ident(k.conname), c.name, NULL,
       pg_get_constraintdef(k.oid)
FROM relations AS c
JOIN pg_constraint AS k ON k.conrelid = c.oid
LEFT JOIN pg_attribute AS a
    ON k.contype = 'n' AND a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
WHERE c.relkind IN ('r', 'p', 'f')
  AND k.contype <> 't'
  AND (
      k.contype <> 'n'
      OR NOT k.convalidated
      OR k.connoinherit
      OR k.coninhcount = 0 AND k.conname !~ '_not_null[0-9]*$'
      OR k.coninhcount = 0
          AND octet_length(format('%%s_%%s_not_null', c.relname, a.attname)) < 64
          AND regexp_replace(k.conname, '[0-9]*$', '')
              <> format('%%s_%%s_not_null', c.relname, a.attname)
  )
"""

_INDEXES: Final[LiteralString] = """
SELECT 'index', format('%%I.%%I', owner.nspname, c.relname), owner.name, NULL,
       concat_ws(' ',
           pg_get_indexdef(i.indexrelid),
           CASE WHEN NOT i.indisvalid THEN 'INVALID' END,
           CASE WHEN i.indisclustered THEN 'CLUSTER' END,
           CASE WHEN i.indisreplident THEN 'REPLICA IDENTITY' END)
FROM relations AS owner
JOIN pg_index AS i ON i.indrelid = owner.oid
JOIN pg_class AS c ON c.oid = i.indexrelid
"""

_VIEWS: Final[LiteralString] = """
SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END, c.name, c.name, NULL,
       concat_ws(' ',
           'WITH (' || (
               SELECT string_agg(option, ', ' ORDER BY option)
               FROM unnest(c.reloptions) AS option
           ) || ')',
           pg_get_viewdef(c.oid))
FROM relations AS c
WHERE c.relkind IN ('v', 'm')
"""

_TRIGGERS: Final[LiteralString] = """
SELECT 'trigger', c.name || '.' || quote_ident(t.tgname), c.name, NULL,
       concat_ws(' ',
           pg_get_triggerdef(t.oid),
           CASE t.tgenabled
               WHEN 'D' THEN 'DISABLED'
               WHEN 'R' THEN 'ENABLED FOR REPLICA'
               WHEN 'A' THEN 'ENABLED ALWAYS' END)
FROM relations AS c
JOIN pg_trigger AS t ON t.tgrelid = c.oid AND NOT t.tgisinternal
"""

_POLICIES: Final[LiteralString] = """
SELECT 'policy', c.name || '.' || quote_ident(p.polname), c.name, NULL,
       concat_ws(' ',
           CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
           'FOR',
           CASE p.polcmd
               WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
               WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
           'TO',
           (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END, ', '
                ORDER BY CASE role WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(role) END)
            FROM unnest(p.polroles) AS role),
           'USING (' || pg_get_expr(p.polqual, p.polrelid) || ')',
           'WITH CHECK (' || pg_get_expr(p.polwithcheck, p.polrelid) || ')')
FROM relations AS c
JOIN pg_policy AS p ON p.polrelid = c.oid
"""

# A comment has a table if it is on a relation or on what belongs to one. There are few comments, so
# each looks up what it is on, instead of every object its comment.
_COMMENTS: Final[LiteralString] = """
SELECT 'comment', o.type || ' ' || o.identity, relation.name, NULL, c.description
FROM pg_description AS c
LEFT JOIN pg_index AS i ON c.classoid = 'pg_class'::regclass AND i.indexrelid = c.objoid
LEFT JOIN relations AS relation ON relation.oid = CASE c.classoid
    WHEN 'pg_class'::regclass THEN coalesce(i.indrelid, c.objoid)
    WHEN 'pg_constraint'::regclass
        THEN (SELECT k.conrelid FROM pg_constraint AS k WHERE k.oid = c.objoid)
    WHEN 'pg_trigger'::regclass
        THEN (SELECT t.tgrelid FROM pg_trigger AS t WHERE t.oid = c.objoid)
    WHEN 'pg_policy'::regclass
        THEN (SELECT p.polrelid FROM pg_policy AS p WHERE p.oid = c.objoid)
END
CROSS JOIN pg_identify_object(c.classoid, c.objoid, c.objsubid) AS o
WHERE c.objoid >= 16384
  AND (
      relation.oid IS NOT NULL
      OR (c.classoid = 'pg_proc'::regclass AND EXISTS (
          SELECT FROM pg_proc AS p
          JOIN pg_namespace AS n ON n.oid = p.pronamespace
          WHERE p.oid = c.objoid AND n.oid = to_regnamespace(%(schema)s)
      ))
      OR (c.classoid = 'pg_type'::regclass AND EXISTS (
          SELECT FROM pg_type AS t
          JOIN pg_namespace AS n ON n.oid = t.typnamespace
          WHERE t.oid = c.objoid AND n.oid = to_regnamespace(%(schema)s)
      ))
  )
  AND NOT EXISTS (
    SELECT FROM pg_depend AS d
    WHERE d.classid = c.classoid AND d.objid = c.objoid AND d.deptype = 'e'
    OFFSET 0 -- one index lookup for each; a join would read all of pg_depend
  )
"""

# One statement: one plan, one round trip, and the relations are read once.
CATALOGUE: Final[Composed] = SQL(_RELATIONS) + SQL("UNION ALL").join(
    SQL("({})").format(SQL(query))
    for query in (
        _EXTENSIONS,
        _TYPES,
        _SEQUENCES,
        _FUNCTIONS,
        _TABLES,
        _COLUMNS,
        _CONSTRAINTS,
        _INDEXES,
        _VIEWS,
        _TRIGGERS,
        _POLICIES,
        _COMMENTS,
    )
)
