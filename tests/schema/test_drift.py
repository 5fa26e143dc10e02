"""Drift: what is changed by hand is named, what is undone is clean, and nothing else is told."""

import json
from collections.abc import Callable
from contextlib import closing
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.schema.catalogue.objects import ObjectKind
from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, append, ensure_ledger
from tests.schema.conftest import EditedSituation, ManageSituation, run
from tests.scratch import ScratchServer, connect

GROUND = """
    CREATE TYPE mood AS ENUM ('sad', 'glad');
    CREATE SEQUENCE counter;
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
    CREATE TABLE users (
        id bigint PRIMARY KEY,
        name varchar(20) NOT NULL,
        nick text,
        age integer DEFAULT 1,
        score integer,
        CONSTRAINT users_age_ck CHECK (age > 0),
        CONSTRAINT users_nick_uq UNIQUE (nick)
    );
    CREATE TABLE notes (
        id bigint PRIMARY KEY,
        user_id bigint CONSTRAINT notes_user_fk REFERENCES users
    );
    CREATE INDEX users_score_ix ON users (score);
    CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE VIEW grown_ups AS SELECT id FROM users WHERE age > 17;
    COMMENT ON TABLE users IS 'People.';
"""


def record_snapshot(connection: BaseDatabaseWrapper, event: Event = Event.APPLIED) -> None:
    ensure_ledger(connection)
    append(
        connection,
        event=event,
        app="house",
        name="0001_initial",
        catalogue=take_catalogue(connection),
    )


def drift(*options: str) -> tuple[int, str]:
    """Return the exit code of migration_drift and what it wrote to stdout."""
    stdout = StringIO()
    try:
        call_command("migration_drift", *options, database="scratch", stdout=stdout)
    except CommandError as error:
        return error.returncode, stdout.getvalue()
    return 0, stdout.getvalue()


def named(output: str) -> list[str]:
    """Return the rows that name an object, with single spaces."""
    return [
        " ".join(line.split())
        for line in output.splitlines()
        if line.startswith(("  added ", "  removed ", "  changed "))
    ]


def test_table_shows_before_and_after(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, GROUND)
    record_snapshot(scratch_connection)
    run(
        scratch_connection,
        """
        CREATE OR REPLACE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RETURN OLD; END $$;
        ALTER TABLE users ALTER COLUMN age SET DEFAULT 2;
        """,
    )

    _, output = drift()

    assert output.splitlines()[2:9] == [
        "  changed  function           touch()",
        "           before  …n$ BEGIN RETURN NEW; END $function$",
        "           after   …n$ BEGIN RETURN OLD; END $function$",
        "  changed  column             users.age",
        "           before  integer DEFAULT 1",
        "           after   integer DEFAULT 2",
        "2 objects differ from the snapshot of house.0001_initial.",
    ]


def test_json_has_whole_definitions(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, GROUND)
    record_snapshot(scratch_connection)
    run(scratch_connection, "ALTER TABLE users ADD COLUMN email text")

    code, output = drift("--format", "json")

    told = json.loads(output)
    snapshot = told.pop("snapshot")
    assert code == 4
    assert (snapshot["app"], snapshot["name"], snapshot["is_current"]) == (
        "house",
        "0001_initial",
        True,
    )
    assert snapshot["taken_at"].endswith("+00:00")
    assert scratch_connection.settings_dict["NAME"] in told.pop("database")
    assert told.pop("server_version") == snapshot["postgresql_version"]
    assert told.pop("next_step").startswith("Undo each by hand, or keep it")
    assert told == {
        "version": 1,
        "state": "drift",
        "differences": [
            {
                "kind": "column",
                "name": "public.users.email",
                "what": "added",
                "before": None,
                "after": "text",
            }
        ],
        "not_compared": [],
        "sentence": "1 object differs from the snapshot of house.0001_initial.",
    }


def test_database_without_an_encoding_keeps_what_is_not_ascii(
    scratch_server: ScratchServer, scratch_environ: dict[str, str], manage: ManageSituation
) -> None:
    name = f"{scratch_environ['SITUATION_DB_NAME']}_ascii"
    with scratch_server.maintenance.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0")
    environ = {"SITUATION_DB_NAME": name}
    try:
        first = manage("migrate", "two_steps", "0001", situations=["two_steps"], **environ)
        with closing(connect(name, alias="ascii")) as connection:
            run(connection, "COMMENT ON TABLE two_steps_messages IS 'Größe'")
        results = [
            manage(*arguments, situations=["two_steps"], **environ)
            for arguments in (
                ["migration_accept", "--drift", "--reason", "Größe"],
                ["migrate"],
                ["migration_drift"],
            )
        ]
        with closing(connect(name, alias="ascii")) as connection:
            run(connection, "COMMENT ON TABLE two_steps_messages IS E'Gr\\xf6\\xdfe'")
        in_latin_1 = manage("migration_drift", situations=["two_steps"], **environ)
    finally:
        scratch_server.drop(name)

    assert [result.returncode for result in (first, *results)] == [0, 0, 0, 0], results
    assert in_latin_1.returncode == 1
    assert "A text in the database, perhaps a comment, has bytes that are not" in in_latin_1.stderr


def test_without_a_ledger_it_is_not_known(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, GROUND)

    code, output = drift()

    assert code == 1
    assert "Snapshot: none" in output
    assert "python manage.py migration_accept --database scratch --drift" in " ".join(
        output.split()
    )


def test_with_untracked_migrations_only_it_is_not_known(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    ensure_ledger(scratch_connection)

    assert read_drift(scratch_connection).state is DriftState.UNKNOWN
    assert drift()[0] == 1


def test_difference_after_another_migration_was_begun_is_not_known(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    record_snapshot(scratch_connection)
    record_snapshot(scratch_connection, Event.STARTED)
    before = drift()

    run(scratch_connection, GROUND)
    after = drift()

    assert before[0] == 0
    assert after[0] == 1
    assert "added table users" in named(after[1])
    assert "may be its work" in " ".join(after[1].split())


def test_difference_after_a_migration_without_a_catalogue_is_not_known(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    record_snapshot(scratch_connection)
    append(scratch_connection, event=Event.APPLIED, app="house", name="0002_more")
    run(scratch_connection, GROUND)

    assert drift()[0] == 1


def test_difference_after_one_transaction_was_cut_off_is_drift(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    record_snapshot(scratch_connection)
    append(scratch_connection, event=Event.STARTED, app="house", name="0002_more")
    run(scratch_connection, GROUND)

    assert drift()[0] == 4


def test_half_of_an_interrupted_migration_is_no_drift(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    record_snapshot(scratch_connection, Event.STARTED)
    run(scratch_connection, GROUND)
    interrupted = drift()
    record_snapshot(scratch_connection, Event.APPLIED)
    finished = drift()

    assert (interrupted[0], finished[0]) == (1, 0)


def test_error_names_five_at_most(scratch_connection: BaseDatabaseWrapper) -> None:
    record_snapshot(scratch_connection)
    run(scratch_connection, GROUND)

    with pytest.raises(CommandError) as caught:
        call_command("migration_drift", database="scratch", stdout=StringIO())

    assert str(caught.value).splitlines()[0] == "The database is not what the last migration left."
    assert str(caught.value).splitlines()[1].endswith(" more")


def test_however_the_session_is_set(scratch_connection: BaseDatabaseWrapper) -> None:
    run(scratch_connection, GROUND)
    run(
        scratch_connection,
        """
        CREATE SCHEMA other;
        ALTER TABLE users ADD COLUMN born timestamptz DEFAULT '2020-01-01 00:00+00';
        ALTER TABLE users ADD COLUMN path text DEFAULT 'a\\b';
        """,
    )
    record_snapshot(scratch_connection)
    run(
        scratch_connection,
        "SET search_path = other, public; SET TimeZone = 'Asia/Tokyo'; "
        "SET standard_conforming_strings = off",
    )

    assert drift()[0] == 0


def test_whole_run_from_migrate_to_clean_again(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    codes = [manage("migration_drift", situations=["two_steps"]).returncode]
    manage("migrate", situations=["two_steps"])
    codes.append(manage("migration_drift", situations=["two_steps"]).returncode)
    run(scratch_connection, "CREATE TABLE strays ()")
    changed = manage("migration_drift", situations=["two_steps"])
    run(scratch_connection, "DROP TABLE strays")
    codes.append(manage("migration_drift", situations=["two_steps"]).returncode)

    assert codes == [1, 0, 0]
    assert changed.returncode == 4
    assert "added table public.strays" in changed.stderr


def test_status_tells_drift_when_asked(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    run(scratch_connection, "CREATE TABLE strays ()")

    unasked = manage("migration_status", "--check", situations=["two_steps"])
    shown = manage("migration_status", "--drift", situations=["two_steps"])
    checked = manage(
        "migration_status", "--drift", "--check", "--format", "json", situations=["two_steps"]
    )

    assert (unasked.returncode, shown.returncode, checked.returncode) == (0, 0, 4)
    assert shown.stdout.splitlines()[-2:] == [
        "Drift: drift. 1 object differs from the snapshot of two_steps.0002_touch.",
        "  added    table              strays",
    ]
    assert json.loads(checked.stdout)["drift"]["state"] == "drift"


@pytest.mark.parametrize(
    ("is_changed", "expected"), [(False, 4), (True, 5)], ids=["pending", "modified"]
)
def test_drift_comes_before_pending_and_after_a_checksum(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    edited: Callable[[str], EditedSituation],
    is_changed: bool,
    expected: int,
) -> None:
    app = edited("two_steps")
    manage("migrate", "two_steps", "0001", situations=[app.name], **app.environ)
    run(scratch_connection, "CREATE TABLE strays ()")
    if is_changed:
        path = app.migrations / "0001_initial.py"
        path.write_text(path.read_text() + "\n# changed\n")

    result = manage("migration_status", "--check", "--drift", situations=[app.name], **app.environ)

    assert result.returncode == expected


def test_status_of_a_new_database_is_pending_before_unknown(manage: ManageSituation) -> None:
    result = manage("migration_status", "--check", "--drift", situations=["two_steps"])

    assert result.returncode == 2
    assert "Drift: unknown." in result.stdout


@pytest.fixture
def elsewhere(scratch_connection: BaseDatabaseWrapper) -> str:
    """A schema in which every new session makes its tables, with a name that has to be quoted."""
    name = str(scratch_connection.settings_dict["NAME"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """CREATE SCHEMA "My App"; ALTER DATABASE {} SET search_path = "My App", public"""
            ).format(sql.Identifier(name))
        )
    scratch_connection.close()
    return '"My App"'


def test_schema_that_the_session_makes_its_tables_in_is_compared(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, elsewhere: str
) -> None:
    manage("migrate", situations=["loses_columns"])
    untouched = manage("migration_drift", situations=["loses_columns"])
    run(
        scratch_connection,
        """
        CREATE INDEX strays_ix ON loses_columns_vessel (tons);
        ALTER TABLE loses_columns_vessel DROP COLUMN remarks;
        CREATE TABLE public.of_somebody_else ();
        """,
    )

    changed = manage("migration_drift", situations=["loses_columns"])

    assert untouched.returncode == 0, untouched.stderr
    assert changed.returncode == 4
    assert named(changed.stdout) == [
        f"removed column {elsewhere}.loses_columns_vessel.remarks",
        f"added index {elsewhere}.strays_ix",
    ]


def test_other_words_for_the_same_are_no_drift_in_any_schema(
    scratch_connection: BaseDatabaseWrapper, elsewhere: str
) -> None:
    run(
        scratch_connection,
        "CREATE TABLE pets (kind varchar(9) CONSTRAINT kinds CHECK (kind IN ('cat', 'dog')))",
    )
    record_snapshot(scratch_connection)
    (written,) = take_catalogue(scratch_connection).of_kind(ObjectKind.CONSTRAINT).values()
    run(
        scratch_connection,
        f"ALTER TABLE pets DROP CONSTRAINT kinds, ADD CONSTRAINT kinds {written}",
    )
    (read_again,) = take_catalogue(scratch_connection).of_kind(ObjectKind.CONSTRAINT).values()

    code, output = drift()

    assert read_again != written
    assert code == 0, output


def test_tables_in_another_schema_than_the_ledger_make_it_unknown(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, elsewhere: str
) -> None:
    name = sql.Identifier(str(scratch_connection.settings_dict["NAME"]))
    in_public = sql.SQL("ALTER DATABASE {} RESET search_path").format(name)
    in_both = sql.SQL("ALTER DATABASE {} SET search_path = {}, public").format(
        name, sql.Identifier(elsewhere.strip('"'))
    )
    with scratch_connection.cursor() as cursor:
        cursor.execute(in_public)
        manage("migrate", "loses_columns", "0001", situations=["loses_columns"])
        cursor.execute(in_both)
    empty = manage("migration_drift", situations=["loses_columns"])
    run(scratch_connection, f"CREATE TABLE {elsewhere}.strays ()")

    strays = manage("migration_drift", situations=["loses_columns"])
    migrated = manage("migrate", "loses_columns", "0002", situations=["loses_columns"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(in_public)
    out_of_it = manage("migration_drift", situations=["loses_columns"])

    assert (empty.returncode, strays.returncode) == (0, 1), empty.stderr
    assert f"makes its tables in the schema {elsewhere}" in strays.stderr
    assert f"or put {elsewhere} out of it" in strays.stderr
    assert f"makes its tables in the schema {elsewhere}" in migrated.stdout
    assert (migrated.returncode, out_of_it.returncode) == (0, 0), out_of_it.stderr


# What has a function in it that leaves a trace when it is run, before and after a change by hand.
WITH_FUNCTION = {
    "default": (
        "ALTER TABLE pets ALTER age SET DEFAULT trace()",
        "ALTER TABLE pets ALTER age SET DEFAULT trace() + 1",
    ),
    "check": (
        "ALTER TABLE pets ADD CONSTRAINT ages CHECK (age > trace())",
        "ALTER TABLE pets DROP CONSTRAINT ages, ADD CONSTRAINT ages CHECK (age >= trace())",
    ),
    "view": (
        "CREATE VIEW old AS SELECT trace() AS age",
        "CREATE OR REPLACE VIEW old AS SELECT trace() + 1 AS age",
    ),
    "policy": (
        "CREATE POLICY own ON pets USING (age > trace())",
        "ALTER POLICY own ON pets USING (age >= trace())",
    ),
    "domain": (
        "CREATE DOMAIN years AS integer DEFAULT trace()",
        "ALTER DOMAIN years SET DEFAULT trace() + 1",
    ),
    "function": (
        """CREATE FUNCTION older(n integer DEFAULT trace()) RETURNS integer
            LANGUAGE sql AS 'SELECT trace()'""",
        """CREATE OR REPLACE FUNCTION older(n integer DEFAULT trace()) RETURNS integer
            LANGUAGE sql AS 'SELECT 1 + trace()'""",
    ),
    "trigger": (
        """CREATE TRIGGER touched BEFORE UPDATE ON pets FOR EACH ROW
            WHEN (new.age > trace()) EXECUTE FUNCTION touch()""",
        """CREATE OR REPLACE TRIGGER touched BEFORE UPDATE ON pets FOR EACH ROW
            WHEN (new.age >= trace()) EXECUTE FUNCTION touch()""",
    ),
}


@pytest.mark.parametrize("volatility", ["IMMUTABLE", "STABLE", "VOLATILE"])
@pytest.mark.parametrize("kind", WITH_FUNCTION)
def test_function_in_what_differs_is_not_run(
    scratch_connection: BaseDatabaseWrapper, kind: str, volatility: str
) -> None:
    run(
        scratch_connection,
        f"""
        CREATE SEQUENCE traces;
        CREATE FUNCTION trace() RETURNS integer LANGUAGE plpgsql {volatility}
            AS $$ BEGIN PERFORM nextval('public.traces'); RETURN 1; END $$;
        CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
        CREATE TABLE pets (age integer);
        """,
    )
    before, after = WITH_FUNCTION[kind]
    run(scratch_connection, before)
    record_snapshot(scratch_connection)
    run(scratch_connection, after)
    run(scratch_connection, "SELECT setval('traces', 1, false)")

    code, _ = drift()

    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT is_called FROM traces")
        (is_run,) = cursor.fetchone()
    assert (code, is_run) == (4, False)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            "ALTER TABLE pets RENAME CONSTRAINT pets_age_not_null TO ages",
            ["added constraint pets.ages"],
        ),
        (
            "ALTER TABLE pets ADD CONSTRAINT names NOT NULL name NOT VALID",
            ["changed column pets.name", "added constraint pets.names"],
        ),
        (
            "ALTER TABLE pets ADD CONSTRAINT pets_name_not_null NOT NULL name NOT VALID",
            ["changed column pets.name", "added constraint pets.pets_name_not_null"],
        ),
        ("ALTER TABLE pets VALIDATE CONSTRAINT sizes", ["changed constraint pets.sizes"]),
        ("ALTER TABLE pets ALTER name SET NOT NULL", ["changed column pets.name"]),
    ],
)
def test_not_null_is_compared_by_its_name_and_whether_it_is_valid(
    scratch_connection: BaseDatabaseWrapper, change: str, expected: list[str]
) -> None:
    scratch_connection.ensure_connection()
    if scratch_connection.connection.info.server_version < 180000:
        pytest.skip("NOT NULL is no constraint before PostgreSQL 18")
    run(
        scratch_connection,
        """
        CREATE TABLE pets (age integer NOT NULL, name text, size integer);
        ALTER TABLE pets ADD CONSTRAINT sizes NOT NULL size NOT VALID;
        """,
    )
    record_snapshot(scratch_connection)
    untouched, _ = drift()
    run(scratch_connection, change)

    code, output = drift()

    assert (untouched, code) == (0, 4)
    assert named(output) == expected


def test_not_null_that_the_server_named_says_no_more_than_the_column(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    long = "n" * 40
    run(
        scratch_connection,
        f"""
        CREATE TABLE pets ({long} integer NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY);
        CREATE TABLE t{long} ({long} integer NOT NULL, "Á ß" integer NOT NULL);
        CREATE TABLE cats (lives integer NOT NULL) INHERITS (pets);
        CREATE TABLE parts (id integer NOT NULL) PARTITION BY RANGE (id);
        CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (2);
        """,
    )

    assert take_catalogue(scratch_connection).of_kind(ObjectKind.CONSTRAINT) == {}
