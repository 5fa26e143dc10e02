"""The ledger's table and the statements on it.

What the server knows best (the time, its version, the position in the WAL) is a default, so a row
that is added by hand is complete as well.
"""

from typing import Final, LiteralString

from chat.schema.session.lock import STILL_HELD

TABLE: Final = "schema_migrations"
FUNCTION: Final = "schema_migrations_refuse_change"

CREATE: Final[LiteralString] = """
CREATE TABLE schema_migrations (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event text NOT NULL,
    app text NOT NULL,
    name text NOT NULL,
    checksum text,
    duration_ms bigint,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_by text NOT NULL DEFAULT session_user,
    postgresql_version text NOT NULL DEFAULT current_setting('server_version'),
    wal_lsn pg_lsn NOT NULL DEFAULT pg_current_wal_insert_lsn(),
    catalogue jsonb,
    reason text,
    CONSTRAINT schema_migrations_event_ck CHECK (event ~ '^[a-z_]+$'),
    CONSTRAINT schema_migrations_checksum_ck CHECK (checksum ~ '^[a-z0-9-]+:'),
    CONSTRAINT schema_migrations_duration_ck CHECK (duration_ms >= 0)
);

COMMENT ON TABLE schema_migrations IS
    'What was done to the schema, one row per event, never changed.';

CREATE OR REPLACE FUNCTION schema_migrations_refuse_change() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'schema_migrations is append-only: % was refused', TG_OP
        USING ERRCODE = 'restrict_violation', HINT = 'Add a row that says what is true now.';
END
$$;

CREATE TRIGGER schema_migrations_append_only
BEFORE UPDATE OR DELETE OR TRUNCATE ON schema_migrations
FOR EACH STATEMENT EXECUTE FUNCTION schema_migrations_refuse_change();
"""

# The columns are NULL where there is no such table. Rows are hidden where row-level security holds
# for this role: a table looks empty to it, and a DELETE does nothing, without an error. A policy
# that lets the role do everything hides none.
COLUMNS: Final[LiteralString] = """
SELECT (
           SELECT array_agg(attname::text)
           FROM pg_attribute
           WHERE attrelid = to_regclass('schema_migrations') AND attnum > 0 AND NOT attisdropped
       ),
       ARRAY(
           SELECT c.oid::regclass::text
           FROM unnest(ARRAY['schema_migrations', 'django_migrations']) AS name
           JOIN pg_class AS c ON c.oid = to_regclass(name)
           LEFT JOIN LATERAL (
               SELECT bool_and(p.polpermissive) AND bool_or(
                   p.polcmd = '*'
                   AND pg_get_expr(p.polqual, p.polrelid) = 'true'
                   AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
                   AND EXISTS (
                       SELECT FROM unnest(p.polroles) AS role
                       WHERE role = 0 OR pg_has_role(role, 'USAGE')
                   )
               ) AS lets_all
               FROM pg_policy AS p
               WHERE p.polrelid = c.oid
           ) AS policies ON true
           WHERE row_security_active(c.oid) AND policies.lets_all IS NOT TRUE
       ),
       current_user::text
"""

# A row that need not outlive a crash of the server does not wait for its disk.
APPEND: Final[LiteralString] = """
INSERT INTO schema_migrations (
    event, app, name, checksum, duration_ms, applied_by, catalogue, reason
)
SELECT %(event)s, %(app)s, %(name)s, %(checksum)s, %(duration_ms)s::bigint,
       format('%%s (%%s)', session_user, %(user)s::text), %(catalogue)s::jsonb, %(reason)s
FROM set_config(
    'synchronous_commit',
    CASE WHEN %(is_durable)s THEN current_setting('synchronous_commit') ELSE 'off' END,
    true
)
"""
APPEND_UNDER_LOCK: Final[LiteralString] = f"{APPEND}WHERE {STILL_HELD}"

# A migration's state depends on its last event of each kind alone, and of these there are few,
# however often the schema went up and down. Kinds that only newer code knows are left out.
LAST_EVENTS: Final[LiteralString] = """
SELECT DISTINCT ON (app, name, event)
       id, event, app, name, checksum, duration_ms, applied_at, applied_by, reason
FROM schema_migrations
WHERE event = ANY (%s)
ORDER BY app, name, event, id DESC
"""

# By the primary key backwards, so that a page costs the same however long the ledger is.
EVENTS: Final[LiteralString] = """
SELECT id, event, app, name, checksum, duration_ms, applied_at, applied_by, reason
FROM schema_migrations
WHERE event = ANY (%s) AND id < coalesce(%s, 9223372036854775807)
ORDER BY id DESC
LIMIT %s
"""

# The catalogue that a migration with atomic = False found when it was begun is no snapshot, as it
# includes what was changed by hand. If that migration was cut off, it says what was there before.
LAST_SNAPSHOT: Final[LiteralString] = """
SELECT last.id, last.event, last.app, last.name, last.applied_at, last.postgresql_version,
       (
           SELECT quote_ident(n.nspname)
           FROM pg_namespace AS n
           WHERE n.nspname = current_schema()
             AND n.oid <> (SELECT c.relnamespace FROM pg_class AS c WHERE c.oid = last.tableoid)
             AND EXISTS (SELECT FROM pg_class AS c WHERE c.relnamespace = n.oid)
       ),
       last.catalogue, cut_off.catalogue,
       cut_off.catalogue IS NULL AND NOT EXISTS (
           SELECT FROM schema_migrations AS later
           WHERE later.id > last.id
             AND later.event IN ('applied', 'unapplied')
             AND later.catalogue IS NULL
       )
FROM (
    SELECT tableoid, *
    FROM schema_migrations
    WHERE catalogue IS NOT NULL
      AND event NOT IN ('started', 'unapply_started')
    ORDER BY id DESC
    LIMIT 1
) AS last
LEFT JOIN LATERAL (
    SELECT catalogue
    FROM schema_migrations AS later
    WHERE later.id > last.id
      AND later.event IN ('started', 'unapply_started')
      AND later.catalogue IS NOT NULL
    ORDER BY later.id
    LIMIT 1
) AS cut_off ON true
"""

# Which of these tables and views the last snapshot has; there each object is an array.
IN_LAST_SNAPSHOT: Final[LiteralString] = """
SELECT name
FROM (
    SELECT tableoid, catalogue
    FROM schema_migrations
    WHERE catalogue IS NOT NULL
      AND event NOT IN ('started', 'unapply_started')
    ORDER BY id DESC
    LIMIT 1
) AS last
JOIN pg_class AS c ON c.oid = last.tableoid
CROSS JOIN unnest(%s::text[]) AS name
WHERE last.catalogue @> jsonb_build_array(
    jsonb_build_array(c.relnamespace::regnamespace::text || '.' || quote_ident(name))
)
"""

# The schema in which the migrations make their tables; the ledger is the first that they make.
SCHEMA: Final[LiteralString] = """
SELECT coalesce(
    (
        SELECT c.relnamespace::regnamespace::text
        FROM pg_class AS c
        WHERE c.oid = to_regclass('schema_migrations')
    ),
    quote_ident(current_schema())
)
"""

# A migration that was cut off twice was begun twice: the first start has the catalogue without what
# it left.
CATALOGUE_BEFORE: Final[LiteralString] = """
SELECT catalogue
FROM schema_migrations
WHERE ARRAY[app, name] = %(key)s
  AND event = ANY (%(begun)s)
  AND id > (
      SELECT coalesce(max(id), 0)
      FROM schema_migrations
      WHERE ARRAY[app, name] = %(key)s
        AND event = ANY (%(ended)s)
  )
ORDER BY id
LIMIT 1
"""
