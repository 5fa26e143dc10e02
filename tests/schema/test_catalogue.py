"""The catalogue against a real database: each kind of object made, changed, and dropped again."""

from dataclasses import dataclass

import pytest
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import (
    Catalogue,
    Change,
    ObjectKind,
    diff,
    read_catalogue,
)
from chat.schema.ledger.snapshots import without_bookkeeping
from tests.schema.test_drift import drift, named, record_snapshot

GROUND = """
    CREATE TABLE users (id uuid PRIMARY KEY, name text, age integer);
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """An object's life in three scripts, and the definition expected after the first two."""

    kind: ObjectKind
    name: str
    create: str
    change: str
    drop: str
    created: str
    changed: str


LIVES = {
    "extension": Life(
        kind=ObjectKind.EXTENSION,
        name="citext",
        create="CREATE EXTENSION citext VERSION '1.4'",
        change="ALTER EXTENSION citext UPDATE TO '1.5'",
        drop="DROP EXTENSION citext",
        created="VERSION 1.4 SCHEMA public",
        changed="VERSION 1.5 SCHEMA public",
    ),
    "enum": Life(
        kind=ObjectKind.TYPE,
        name="public.mood",
        create="CREATE TYPE mood AS ENUM ('sad', 'it''s ok')",
        change="ALTER TYPE mood ADD VALUE 'glad' BEFORE 'sad'",
        drop="DROP TYPE mood",
        created="ENUM ('sad', 'it''s ok')",
        changed="ENUM ('glad', 'sad', 'it''s ok')",
    ),
    "domain": Life(
        kind=ObjectKind.TYPE,
        name="public.small",
        create="CREATE DOMAIN small AS integer NOT NULL DEFAULT 1 CHECK (VALUE < 10)",
        change="ALTER DOMAIN small DROP CONSTRAINT small_check",
        drop="DROP DOMAIN small",
        created=("DOMAIN integer NOT NULL DEFAULT 1 CONSTRAINT small_check CHECK ((VALUE < 10))"),
        changed="DOMAIN integer NOT NULL DEFAULT 1",
    ),
    "composite": Life(
        kind=ObjectKind.TYPE,
        name="public.pair",
        create="CREATE TYPE pair AS (low uuid, high uuid)",
        change="ALTER TYPE pair ADD ATTRIBUTE note varchar(3)",
        drop="DROP TYPE pair",
        created="COMPOSITE (low uuid, high uuid)",
        changed="COMPOSITE (low uuid, high uuid, note character varying(3))",
    ),
    "range": Life(
        kind=ObjectKind.TYPE,
        name="public.span",
        create="CREATE TYPE span AS RANGE (SUBTYPE = float8)",
        change="DROP TYPE span; CREATE TYPE span AS RANGE (SUBTYPE = float4)",
        drop="DROP TYPE span",
        created="RANGE OF double precision",
        changed="RANGE OF real",
    ),
    "sequence": Life(
        kind=ObjectKind.SEQUENCE,
        name="public.counter",
        create="CREATE SEQUENCE counter AS integer MAXVALUE 9",
        change="ALTER SEQUENCE counter CYCLE OWNED BY users.age",
        drop="DROP SEQUENCE counter",
        created="AS integer INCREMENT 1 MINVALUE 1 MAXVALUE 9 START 1 CACHE 1",
        changed=(
            "AS integer INCREMENT 1 MINVALUE 1 MAXVALUE 9 START 1 CACHE 1 CYCLE "
            "OWNED BY public.users.age"
        ),
    ),
    "function": Life(
        kind=ObjectKind.FUNCTION,
        name="public.twice(n integer)",
        create="CREATE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql RETURN n * 2",
        change=(
            "CREATE OR REPLACE FUNCTION twice(n integer) RETURNS integer LANGUAGE sql IMMUTABLE "
            "RETURN n + n"
        ),
        drop="DROP FUNCTION twice",
        created=(
            "CREATE OR REPLACE FUNCTION public.twice(n integer)\n RETURNS integer\n LANGUAGE sql\n"
            "RETURN (n * 2)\n"
        ),
        changed=(
            "CREATE OR REPLACE FUNCTION public.twice(n integer)\n RETURNS integer\n LANGUAGE sql\n"
            " IMMUTABLE\nRETURN (n + n)\n"
        ),
    ),
    "aggregate": Life(
        kind=ObjectKind.FUNCTION,
        name="public.total(integer)",
        create="CREATE AGGREGATE total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
        change=(
            "CREATE OR REPLACE AGGREGATE total(integer) "
            "(SFUNC = int4pl, STYPE = integer, INITCOND = '5')"
        ),
        drop="DROP AGGREGATE total(integer)",
        created=(
            "AGGREGATE n RETURNS integer SFUNC int4pl STYPE integer FINALFUNC - COMBINEFUNC - "
            "INITCOND '0' PARALLEL u"
        ),
        changed=(
            "AGGREGATE n RETURNS integer SFUNC int4pl STYPE integer FINALFUNC - COMBINEFUNC - "
            "INITCOND '5' PARALLEL u"
        ),
    ),
    "table with storage options": Life(
        kind=ObjectKind.TABLE,
        name="public.notes",
        create="CREATE TABLE notes ()",
        change=(
            "ALTER TABLE notes SET (fillfactor = 60, autovacuum_enabled = off); "
            "ALTER TABLE notes ENABLE ROW LEVEL SECURITY"
        ),
        drop="DROP TABLE notes",
        created="TABLE",
        changed="TABLE WITH (autovacuum_enabled=off, fillfactor=60) ROW LEVEL SECURITY",
    ),
    "partitioned table": Life(
        kind=ObjectKind.TABLE,
        name="public.parts",
        create="CREATE TABLE parts (n integer) PARTITION BY RANGE (n)",
        change="DROP TABLE parts; CREATE TABLE parts (n integer) PARTITION BY LIST (n)",
        drop="DROP TABLE parts",
        created="TABLE PARTITION BY RANGE (n)",
        changed="TABLE PARTITION BY LIST (n)",
    ),
    "column": Life(
        kind=ObjectKind.COLUMN,
        name="public.users.nick",
        create="ALTER TABLE users ADD nick varchar(32) NOT NULL DEFAULT 'x'",
        change=(
            'ALTER TABLE users ALTER nick TYPE text COLLATE "C", ALTER nick DROP NOT NULL, '
            "ALTER nick SET DEFAULT 'y'"
        ),
        drop="ALTER TABLE users DROP nick",
        created="character varying(32) NOT NULL DEFAULT 'x'::character varying",
        changed="text COLLATE \"C\" DEFAULT 'y'::text",
    ),
    "generated column": Life(
        kind=ObjectKind.COLUMN,
        name="public.users.older",
        create="ALTER TABLE users ADD older integer GENERATED ALWAYS AS (age + 1) STORED",
        change="ALTER TABLE users ALTER older DROP EXPRESSION",
        drop="ALTER TABLE users DROP older",
        created="integer GENERATED ALWAYS AS ((age + 1)) STORED",
        changed="integer",
    ),
    "identity column": Life(
        kind=ObjectKind.COLUMN,
        name="public.users.no",
        create="ALTER TABLE users ADD no bigint GENERATED ALWAYS AS IDENTITY",
        change="ALTER TABLE users ALTER no SET GENERATED BY DEFAULT",
        drop="ALTER TABLE users DROP no",
        created="bigint NOT NULL GENERATED ALWAYS AS IDENTITY",
        changed="bigint NOT NULL GENERATED BY DEFAULT AS IDENTITY",
    ),
    "constraint": Life(
        kind=ObjectKind.CONSTRAINT,
        name="public.users.users_age_ck",
        create="ALTER TABLE users ADD CONSTRAINT users_age_ck CHECK (age > 0) NOT VALID",
        change="ALTER TABLE users VALIDATE CONSTRAINT users_age_ck",
        drop="ALTER TABLE users DROP CONSTRAINT users_age_ck",
        created="CHECK ((age > 0)) NOT VALID",
        changed="CHECK ((age > 0))",
    ),
    "unique constraint": Life(
        kind=ObjectKind.CONSTRAINT,
        name="public.users.users_name_uq",
        create="ALTER TABLE users ADD CONSTRAINT users_name_uq UNIQUE (name)",
        change=(
            "ALTER TABLE users DROP CONSTRAINT users_name_uq, "
            "ADD CONSTRAINT users_name_uq UNIQUE NULLS NOT DISTINCT (name)"
        ),
        drop="ALTER TABLE users DROP CONSTRAINT users_name_uq",
        created="UNIQUE (name)",
        changed="UNIQUE NULLS NOT DISTINCT (name)",
    ),
    "deferrable constraint": Life(
        kind=ObjectKind.CONSTRAINT,
        name="public.users.users_self_fk",
        create="ALTER TABLE users ADD CONSTRAINT users_self_fk FOREIGN KEY (id) REFERENCES users",
        change="ALTER TABLE users ALTER CONSTRAINT users_self_fk DEFERRABLE INITIALLY DEFERRED",
        drop="ALTER TABLE users DROP CONSTRAINT users_self_fk",
        created="FOREIGN KEY (id) REFERENCES public.users(id)",
        changed="FOREIGN KEY (id) REFERENCES public.users(id) DEFERRABLE INITIALLY DEFERRED",
    ),
    "index": Life(
        kind=ObjectKind.INDEX,
        name="public.users_name_ix",
        create="CREATE INDEX users_name_ix ON users (lower(name)) WHERE age > 1",
        change="ALTER INDEX users_name_ix SET (fillfactor = 70)",
        drop="DROP INDEX users_name_ix",
        created=(
            "CREATE INDEX users_name_ix ON public.users USING btree (lower(name)) WHERE (age > 1)"
        ),
        changed=(
            "CREATE INDEX users_name_ix ON public.users USING btree (lower(name)) "
            "WITH (fillfactor='70') WHERE (age > 1)"
        ),
    ),
    "invalid index": Life(
        kind=ObjectKind.INDEX,
        name="public.users_age_ix",
        create="CREATE INDEX users_age_ix ON users (age)",
        change=(
            "UPDATE pg_index SET indisvalid = false "
            "WHERE indexrelid = 'public.users_age_ix'::regclass"
        ),
        drop="DROP INDEX users_age_ix",
        created="CREATE INDEX users_age_ix ON public.users USING btree (age)",
        changed="CREATE INDEX users_age_ix ON public.users USING btree (age) INVALID",
    ),
    "view": Life(
        kind=ObjectKind.VIEW,
        name="public.adults",
        create="CREATE VIEW adults AS SELECT count(*) AS n FROM users",
        change=(
            "CREATE OR REPLACE VIEW adults WITH (security_barrier = true) AS "
            "SELECT count(*) + 1 AS n FROM users"
        ),
        drop="DROP VIEW adults",
        created=" SELECT count(*) AS n\n   FROM public.users;",
        changed="WITH (security_barrier=true)  SELECT (count(*) + 1) AS n\n   FROM public.users;",
    ),
    "materialized view": Life(
        kind=ObjectKind.MATERIALIZED_VIEW,
        name="public.ages",
        create="CREATE MATERIALIZED VIEW ages AS SELECT 1 AS age",
        change="ALTER MATERIALIZED VIEW ages SET (fillfactor = 50)",
        drop="DROP MATERIALIZED VIEW ages",
        created=" SELECT 1 AS age;",
        changed="WITH (fillfactor=50)  SELECT 1 AS age;",
    ),
    "trigger": Life(
        kind=ObjectKind.TRIGGER,
        name="public.users.users_touch",
        create=(
            "CREATE TRIGGER users_touch BEFORE UPDATE ON users "
            "FOR EACH ROW EXECUTE FUNCTION touch()"
        ),
        change="ALTER TABLE users DISABLE TRIGGER users_touch",
        drop="DROP TRIGGER users_touch ON users",
        created=(
            "CREATE TRIGGER users_touch BEFORE UPDATE ON public.users "
            "FOR EACH ROW EXECUTE FUNCTION public.touch()"
        ),
        changed=(
            "CREATE TRIGGER users_touch BEFORE UPDATE ON public.users "
            "FOR EACH ROW EXECUTE FUNCTION public.touch() DISABLED"
        ),
    ),
    "policy": Life(
        kind=ObjectKind.POLICY,
        name="public.users.adults_only",
        create="CREATE POLICY adults_only ON users FOR SELECT USING (age > 17)",
        change="ALTER POLICY adults_only ON users USING (age > 20)",
        drop="DROP POLICY adults_only ON users",
        created="PERMISSIVE FOR SELECT TO PUBLIC USING ((age > 17))",
        changed="PERMISSIVE FOR SELECT TO PUBLIC USING ((age > 20))",
    ),
    "comment": Life(
        kind=ObjectKind.COMMENT,
        name="table column public.users.name",
        create="COMMENT ON COLUMN users.name IS 'as the user wrote it'",
        change="COMMENT ON COLUMN users.name IS 'in lower case'",
        drop="COMMENT ON COLUMN users.name IS NULL",
        created="as the user wrote it",
        changed="in lower case",
    ),
}


def run(connection: BaseDatabaseWrapper, script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)


def told(before: Catalogue, after: Catalogue) -> tuple[int, set[str]]:
    """Return how migration_drift ends, and the rows of its table, where these two differ."""
    rows = {f"{d.what} {d.kind} {d.name.removeprefix('public.')}" for d in diff(before, after)}
    return (4 if rows else 0), rows


@pytest.mark.parametrize("life", LIVES.values(), ids=LIVES.keys())
def test_object_is_seen_when_made_changed_and_dropped_and_each_is_drift(
    scratch_connection: BaseDatabaseWrapper, life: Life
) -> None:
    def catalogue() -> Catalogue:
        return without_bookkeeping(read_catalogue(scratch_connection))

    def drift_told() -> tuple[int, set[str]]:
        code, output = drift()
        assert max(map(len, output.splitlines()[1:])) <= 80
        return code, set(named(output))

    run(scratch_connection, GROUND)
    record_snapshot(scratch_connection)
    ground = catalogue()
    drifts = [drift_told()]
    run(scratch_connection, life.create)
    created = catalogue()
    drifts.append(drift_told())
    record_snapshot(scratch_connection)
    run(scratch_connection, life.change)
    changed = catalogue()
    drifts.append(drift_told())
    run(scratch_connection, life.drop)
    dropped = catalogue()
    drifts.append(drift_told())
    run(scratch_connection, life.create)
    drifts.append(drift_told())

    appeared = {(d.kind, d.name): d for d in diff(ground, created)}[life.kind, life.name]
    assert (appeared.what, appeared.before, appeared.after) == (Change.ADDED, None, life.created)
    altered = {(d.kind, d.name): d for d in diff(created, changed)}[life.kind, life.name]
    assert altered.what == Change.CHANGED
    assert (altered.before, altered.after) == (life.created, life.changed)
    vanished = {(d.kind, d.name): d for d in diff(changed, dropped)}[life.kind, life.name]
    assert (vanished.what, vanished.before, vanished.after) == (
        Change.REMOVED,
        life.changed,
        None,
    )
    assert dropped == ground
    assert drifts == [
        (0, set()),
        told(ground, created),
        told(created, changed),
        told(created, dropped),
        (0, set()),
    ]


def test_members_of_an_extension_are_left_out(scratch_connection: BaseDatabaseWrapper) -> None:
    before = read_catalogue(scratch_connection)

    run(scratch_connection, "CREATE EXTENSION citext; CREATE EXTENSION pg_stat_statements")

    assert [(d.kind, d.name) for d in diff(before, read_catalogue(scratch_connection))] == [
        (ObjectKind.EXTENSION, "citext"),
        (ObjectKind.EXTENSION, "pg_stat_statements"),
    ]


def test_equal_however_the_session_is_set_and_the_order_of_making(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    dated = "ADD born timestamptz DEFAULT '2020-01-31 23:00+00'"
    run(scratch_connection, f"{GROUND}; ALTER TABLE users {dated}; CREATE INDEX i ON users (age)")
    first = read_catalogue(scratch_connection)
    run(scratch_connection, "DROP TABLE users; DROP FUNCTION touch")
    run(
        scratch_connection,
        "SET search_path = 'public'; SET TimeZone = 'Asia/Tokyo'; SET DateStyle = 'German';"
        f"SET quote_all_identifiers = on; {GROUND}; DROP TABLE users;"
        "CREATE TABLE users (age integer, born timestamptz DEFAULT '2020-02-01 08:00+09',"
        "gone integer, name text, id uuid PRIMARY KEY); ALTER TABLE users DROP gone;"
        "CREATE INDEX i ON users (age)",
    )

    second = read_catalogue(scratch_connection)

    assert diff(first, second) == []
    assert second == first


def test_session_is_left_as_it_was(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, "SET search_path = 'elsewhere', 'public'")

    def search_path() -> str:
        with scratch_connection.cursor() as cursor:
            cursor.execute("SHOW search_path")
            row = cursor.fetchone()
        assert row is not None
        return str(row[0])

    read_catalogue(scratch_connection)
    outside = search_path()
    with transaction.atomic(using="scratch"):
        run(scratch_connection, "CREATE TABLE public.kept ()")
        inside_catalogue = read_catalogue(scratch_connection)
        inside = search_path()

    assert (outside, inside) == ("elsewhere, public", "elsewhere, public")
    assert "public.kept" in inside_catalogue.of_kind(ObjectKind.TABLE)
    assert "public.kept" in read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)


def test_column_position_is_known(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, GROUND)

    positions = {
        obj.name: obj.position
        for obj in read_catalogue(scratch_connection)
        if obj.kind is ObjectKind.COLUMN
    }

    assert positions == {"public.users.id": 1, "public.users.name": 2, "public.users.age": 3}


def test_table_can_be_left_out_with_all_that_goes_with_it(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    before = read_catalogue(scratch_connection)
    run(
        scratch_connection,
        GROUND.partition("CREATE FUNCTION")[0]
        + "ALTER TABLE users ADD no bigserial; COMMENT ON TABLE users IS 'all';"
        "COMMENT ON INDEX users_pkey IS 'the key'; CREATE POLICY p ON users",
    )

    after = read_catalogue(scratch_connection)

    assert len(after) > len(before)
    assert [obj for obj in after if obj.table != "public.users"] == list(before)


def test_documented_column_options_are_read(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, f"{GROUND}; ALTER TABLE users ALTER name SET (n_distinct = 5)")

    columns = read_catalogue(scratch_connection).of_kind(ObjectKind.COLUMN)

    assert columns["public.users.name"] == "text WITH (n_distinct=5)"
    assert columns["public.users.age"] == "integer"


def test_names_that_need_quotes_are_quoted(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, 'CREATE TABLE "Odd.Table" ("the %s" integer)')

    columns = read_catalogue(scratch_connection).of_kind(ObjectKind.COLUMN)

    assert columns == {'public."Odd.Table"."the %s"': "integer"}


def test_another_schema_is_read_by_name(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, "CREATE SCHEMA other; CREATE TABLE other.things ()")

    tables = read_catalogue(scratch_connection, schema="other").of_kind(ObjectKind.TABLE)

    assert tables == {"other.things": "TABLE"}
