"""The backend: what it reads, how it binds, what it makes, and what it calls itself."""

import datetime as dt
import re
import shutil
import subprocess
import sys
import traceback
import zoneinfo
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from typing import Any

import psycopg
import pytest
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.db import (
    DatabaseError,
    DataError,
    OperationalError,
    ProgrammingError,
    connections,
    models,
    transaction,
)
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import RunSQL
from django.db.migrations.state import ProjectState
from django.db.models.functions import Coalesce, Concat, TruncDay, TruncMonth, Upper
from psycopg.adapt import Transformer
from psycopg.pq import Format
from pytest_django.plugin import DjangoDbBlocker

from melo.embedded.server import EmbeddedServer
from melo.postgresql.base import DatabaseWrapper
from melo.postgresql.errors import DatabaseUnavailable, Reason
from tests.conftest import ROOT, Manage, ScratchDatabase, clean_environ
from tests.melo.conftest import embedded_environ

MIDNIGHT = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)


@pytest.fixture
def scratch_settings(scratch_database: ScratchDatabase) -> dict[str, Any]:
    environ = scratch_database.environ
    return {
        **connections["default"].settings_dict,
        "EMBEDDED_DIR": None,
        "HOST": environ["DB_HOST"],
        "PORT": environ["DB_PORT"],
        "USER": environ["DB_USER"],
        "PASSWORD": environ["DB_PASSWORD"],
        "NAME": environ["DB_NAME"],
        "OPTIONS": {},
    }


@pytest.fixture
def connection(
    scratch_settings: dict[str, Any],
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[DatabaseWrapper]:
    """A connection to an empty database, which models can use as `scratch`."""
    monkeypatch.setitem(connections.settings, "scratch", scratch_settings)
    with django_db_blocker.unblock():
        scratch = connections["scratch"]
        assert isinstance(scratch, DatabaseWrapper)
        yield scratch
        scratch.close()
    del connections["scratch"]


def fetch(connection: DatabaseWrapper, statement: str, *params: int) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, params or None)
        row = cursor.fetchone()
    assert row
    return row[0] if len(row) == 1 else row


def test_timestamps_come_in_utc_from_the_loader_written_in_c(connection: DatabaseWrapper) -> None:
    value = fetch(connection, "SELECT timestamptz '2026-03-01 01:00+01'")

    assert value == MIDNIGHT
    assert value.tzinfo is dt.UTC
    with connection.cursor() as cursor:
        loader = Transformer(cursor.cursor).get_loader(1184, Format.TEXT)
    assert type(loader).__module__.startswith("psycopg_binary")


def test_timestamps_are_read_however_the_environment_would_have_them_written(
    connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATESTYLE", "German, DMY")

    assert fetch(connection, "SELECT timestamptz '2026-03-01 01:00+01'") == MIDNIGHT


def test_timestamps_far_away_are_the_same_instants(connection: DatabaseWrapper) -> None:
    assert fetch(connection, "SELECT timestamptz '0001-01-02 00:00+00'") == dt.datetime(
        1, 1, 2, tzinfo=dt.UTC
    )
    assert fetch(connection, "SELECT timestamptz '9999-12-31 23:59:59.999999+00'") == dt.datetime(
        9999, 12, 31, 23, 59, 59, 999999, tzinfo=dt.UTC
    )


@pytest.mark.parametrize("binary", [False, True])
def test_json_comes_as_it_is(connection: DatabaseWrapper, binary: bool) -> None:
    connection.ensure_connection()

    found = connection.connection.execute(
        """SELECT json ' ["é", {"deep": [1, 2.5]}] ', json '"text"', json E'\\n 7', NULL::json""",
        binary=binary,
    )

    assert found.fetchone() == (["é", {"deep": [1, 2.5]}], "text", 7, None)


def test_another_time_zone_is_still_djangos_business(
    connection: DatabaseWrapper, scratch_settings: dict[str, Any]
) -> None:
    paris = DatabaseWrapper({**scratch_settings, "TIME_ZONE": "Europe/Paris"}, alias="paris")

    value = fetch(paris, "SELECT timestamptz '2026-03-01 00:00+00'")
    paris.close()

    assert value == MIDNIGHT
    assert value.tzinfo == zoneinfo.ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    "settings", [{}, {"AUTOCOMMIT": False}, {"OPTIONS": {"pool": True}}], ids=str
)
def test_no_statement_is_compiled(
    scratch_settings: dict[str, Any], settings: dict[str, Any], django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        own = DatabaseWrapper({**scratch_settings, **settings}, alias="own")
        own.ensure_connection()
        # With it would go what the first transaction has set.
        if not own.get_autocommit():
            own.rollback()
        jit = fetch(own, "SHOW jit")
        own.close()
        own.close_pool()

    assert jit == "off"


def test_exhausted_pool_is_not_a_server_that_is_away(
    scratch_settings: dict[str, Any], django_db_blocker: DjangoDbBlocker
) -> None:
    options = {"pool": {"min_size": 1, "max_size": 1, "timeout": 0.2}}
    first, second = (
        DatabaseWrapper({**scratch_settings, "OPTIONS": options}, alias="pooled") for _ in range(2)
    )
    with django_db_blocker.unblock():
        first.ensure_connection()
        with pytest.raises(DatabaseUnavailable) as caught:
            second.ensure_connection()
        first.close()
        second.ensure_connection()
        second.close()
        first.close_pool()

    assert caught.value.reason is Reason.POOL_EXHAUSTED
    assert "raise max_size in the pool's options" in str(caught.value)


@pytest.mark.parametrize(
    "settings", [{}, {"AUTOCOMMIT": False}, {"OPTIONS": {"pool": True}}], ids=str
)
def test_next_call_connects_again_after_the_connection_was_lost(
    scratch_settings: dict[str, Any], settings: dict[str, Any], django_db_blocker: DjangoDbBlocker
) -> None:
    with django_db_blocker.unblock():
        own = DatabaseWrapper({**scratch_settings, **settings}, alias="own")
        end_backend_of(own)
        with pytest.raises(OperationalError):
            fetch(own, "SELECT 1")
        after = fetch(own, "SELECT 2")
        own.close()
        own.close_pool()

    assert after == 2


@pytest.mark.django_db(transaction=True)
def test_transaction_whose_connection_was_lost_is_not_gone_on_with() -> None:
    own = connections["default"]

    def go_on() -> None:
        with transaction.atomic():
            end_backend_of(own)
            with suppress(OperationalError):
                own.cursor().execute("SELECT 1")
            own.cursor().execute("SELECT 2")

    with pytest.raises(DatabaseError):
        go_on()
    with own.cursor() as cursor:
        cursor.execute("SELECT 3")
        assert cursor.fetchone() == (3,)


def end_backend_of(own: BaseDatabaseWrapper) -> None:
    own.ensure_connection()
    info = own.connection.info
    with psycopg.connect(info.dsn, password=info.password) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [info.backend_pid])


def test_connection_whose_time_zone_changes_follows(connection: DatabaseWrapper) -> None:
    fetch(connection, "SELECT 1")
    connection.settings_dict["TIME_ZONE"] = "Europe/Paris"
    for name in ("timezone", "timezone_name"):
        connection.__dict__.pop(name, None)
    connection.ensure_timezone()

    value = fetch(connection, "SELECT timestamptz '2026-03-01 00:00+00'")

    assert value == MIDNIGHT
    assert value.tzinfo == zoneinfo.ZoneInfo("Europe/Paris")


def test_parameters_are_bound_on_the_server(connection: DatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        assert not isinstance(cursor.cursor, psycopg.ClientCursor)
        cursor.execute("SELECT %s::text", ["it's %s"])
        assert cursor.fetchone() == ("it's %s",)


def test_statement_that_comes_again_is_prepared(connection: DatabaseWrapper) -> None:
    for number in range(7):
        assert fetch(connection, "SELECT %s::int + 1", number) == number + 1

    assert (
        fetch(connection, "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%+ 1'")
        == 1
    )


def test_options_can_turn_both_off(
    connection: DatabaseWrapper, scratch_settings: dict[str, Any]
) -> None:
    options = {"server_side_binding": False, "prepare_threshold": None}
    plain = DatabaseWrapper({**scratch_settings, "OPTIONS": options}, alias="plain")

    with plain.cursor() as cursor:
        assert isinstance(cursor.cursor, psycopg.ClientCursor)
    assert plain.connection.prepare_threshold is None
    plain.close()


@pytest.mark.parametrize("options", [{}, {"server_side_binding": False}], ids=str)
def test_statement_with_a_nul_is_not_cut_off_but_refused(
    connection: DatabaseWrapper, scratch_settings: dict[str, Any], options: dict[str, Any]
) -> None:
    own = DatabaseWrapper({**scratch_settings, "OPTIONS": options}, alias="own")
    cut = "DELETE FROM kept\0 WHERE id = 1"

    with closing(own), own.cursor() as cursor, own.connection.cursor("named") as named:
        cursor.execute("CREATE TABLE kept (id int); INSERT INTO kept VALUES (1), (2)")
        for send in (
            lambda: cursor.execute(cut),
            lambda: cursor.execute(cut, []),
            lambda: cursor.execute("DELETE FROM kept\0 WHERE id = %s", [1]),
            lambda: cursor.execute(psycopg.sql.SQL(cut)),
            lambda: cursor.executemany("DELETE FROM kept\0 WHERE id = %s", [[1]]),
            lambda: list(cursor.stream(cut + " RETURNING id")),
            lambda: cursor.copy("COPY kept FROM STDIN\0 WHERE id = 1").__enter__(),
            lambda: own.connection.execute(cut),
            lambda: named.execute("TABLE kept\0 LIMIT 1"),
        ):
            with pytest.raises((psycopg.ProgrammingError, ProgrammingError)) as caught:
                send()
            assert re.search(r"byte \d+ of the statement is NUL \(0x00\)", str(caught.value))
        with pytest.raises(DataError, match="cannot contain NUL"):
            cursor.execute("DELETE FROM kept WHERE id::text = %s", ["1\0"])
        assert fetch(own, "SELECT count(*) FROM kept") == 2


def test_values_of_a_row_that_is_refused_are_in_no_error(connection: DatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE tokens (hash text PRIMARY KEY, hours integer CHECK (hours > 0))"
        )
        cursor.execute("INSERT INTO tokens VALUES ('s3cret', 1)")

        def insert(*values: Any) -> None:
            cursor.execute("INSERT INTO tokens VALUES (%s, %s)", values)

        def copy(hours: str) -> None:
            with connection.wrap_database_errors, cursor.copy("COPY tokens FROM STDIN") as rows:
                rows.write(f"s3cret\t{hours}\n")

        for refused in (
            partial(insert, "s3cret", -1),
            partial(insert, "s3cret", 1),
            partial(copy, "-1"),
            partial(copy, "s3cret\t7"),
            partial(cursor.execute, "SELECT hash::integer FROM tokens"),
        ):
            with pytest.raises(DatabaseError) as refusal:
                refused()
            told = "".join(traceback.format_exception(refusal.value))
            assert "psycopg.errors." in told
            assert "s3cret" not in told


def test_run_sql_takes_many_statements_and_percent_signs(connection: DatabaseWrapper) -> None:
    operation = RunSQL(
        """
        CREATE TABLE percent (text text CHECK (text LIKE '%a%'));
        -- 100 % of this; is a comment
        CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $$
        BEGIN RETURN format('%s; %%', 1); END $$;
        INSERT INTO percent VALUES ('%a;');
        """,
        [("DROP FUNCTION f()", None), ("DELETE FROM percent WHERE text = %s", ["%a;"])],
    )
    state = ProjectState()

    with connection.schema_editor() as editor:
        operation.database_forwards("any", editor, state, state)

    assert fetch(connection, "SELECT text, f() FROM percent") == ("%a;", "1; %")
    with connection.schema_editor() as editor:
        operation.database_backwards("any", editor, state, state)
    assert fetch(connection, "SELECT count(*) FROM percent") == 0


def test_many_statements_can_come_again_and_again(connection: DatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        for _ in range(12):
            cursor.execute("CREATE TEMP TABLE again (id int); DROP TABLE again")


def test_schema_editor_binds_as_before(connection: DatabaseWrapper) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(ContentType)
        default = models.CharField(max_length=9, default="it's 5 %", db_default="db's %")
        default.set_attributes_from_name("note")
        default.model = ContentType
        editor.add_field(ContentType, default)
        editor.add_constraint(
            ContentType,
            models.CheckConstraint(condition=~models.Q(model="100 %"), name="no_percent"),
        )
        editor.add_index(
            ContentType,
            models.Index(models.F("model"), condition=models.Q(app_label="a'b"), name="part_ix"),
        )
    ContentType.objects.using("scratch").create(app_label="a", model="b")

    assert fetch(connection, "SELECT note FROM django_content_type") == "db's %"


def test_orm_queries_of_every_shape_work(connection: DatabaseWrapper) -> None:
    with connection.schema_editor() as editor:
        editor.create_model(ContentType)
        editor.create_model(Session)
    types, sessions = ContentType.objects.using("scratch"), Session.objects.using("scratch")
    types.bulk_create(ContentType(app_label=f"app{n % 3}", model=f"Model{n}") for n in range(30))
    sessions.bulk_create(
        Session(session_key=f"k{n}", expire_date=MIDNIGHT + dt.timedelta(hours=9 * n))
        for n in range(10)
    )

    per_day = sessions.annotate(day=TruncDay("expire_date")).values("day")
    per_app = types.values("app_label").annotate(count=models.Count("pk")).order_by("app_label")
    kind = models.Case(
        models.When(app_label="app0", then=models.Value("first")), default=models.Value("other")
    )

    assert per_day.annotate(n=models.Count("pk")).order_by("day").first() == {
        "day": MIDNIGHT,
        "n": 3,
    }
    assert list(sessions.datetimes("expire_date", "month")) == [MIDNIGHT]
    assert sessions.values_list(TruncMonth("expire_date")).distinct().count() == 1
    assert sessions.filter(expire_date__date=MIDNIGHT.date()).count() == 3
    assert [row["count"] for row in per_app] == [10, 10, 10]
    per_kind = types.values(kind=kind).annotate(n=models.Count("pk")).values_list("kind", "n")
    assert sorted(per_kind) == [("first", 10), ("other", 20)]
    assert types.filter(model__icontains="MODEL1", app_label__in=["app0", "app1"]).count() == 8
    assert types.filter(models.Q(model__iexact="model3") | models.Q(model__regex="9$")).count() == 4
    assert (
        types.annotate(label=Concat("app_label", models.Value("."), Upper("model")))
        .filter(label="app1.MODEL1")
        .exists()
    )
    assert types.annotate(x=Coalesce("model", models.Value(""))).exclude(x="").count() == 30
    assert types.annotate(one=models.Value("1")).values_list("one", flat=True).first() == "1"
    assert types.filter(pk__in=types.filter(app_label="app2").values("pk")[:4]).count() == 4
    assert types.update(model=models.functions.Concat("model", models.Value("%"))) == 30
    assert types.filter(model__endswith="%").aggregate(n=models.Count("pk"))["n"] == 30
    assert len(list(types.iterator(chunk_size=7))) == 30
    assert types.get_or_create(app_label="app9", model="new")[1]
    assert "Index" in types.filter(pk=1).explain() or "Scan" in types.filter(pk=1).explain()


def test_migrate_works(manage: Manage, scratch_database: ScratchDatabase) -> None:
    for target in (["contenttypes"], ["sessions"], ["sessions", "zero"], ["contenttypes", "0001"]):
        done = manage("migrate", "-v0", *target, env=scratch_database.environ)

        assert done.returncode == 0, done.stderr


def test_server_is_named_for_people(
    connection: DatabaseWrapper, scratch_database: ScratchDatabase
) -> None:
    environ = scratch_database.environ

    text = connection.describe()

    assert text.startswith("PostgreSQL 1")
    assert text.endswith(f"database {scratch_database.name} as {environ['DB_USER']}")
    assert environ["DB_HOST"] in text


CREATING_PROGRAM = """
import django
django.setup()
from django.db import connection
print(connection.create_database(), flush=True)
"""


def test_missing_database_is_made_once_by_many_at_once(private_server: EmbeddedServer) -> None:
    endpoint = private_server.ensure_running()
    environ = clean_environ(
        DJANGO_SETTINGS_MODULE="melo.settings",
        DB_HOST=str(endpoint.socket_dir),
        DB_NAME='made "by" one',
    )
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", CREATING_PROGRAM],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]

    answers = [maker.communicate(timeout=30)[0].strip() for maker in makers]

    assert sorted(answers) == ["False", "False", "False", "True"]


def test_database_that_is_there_is_left_alone(connection: DatabaseWrapper) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE kept AS SELECT 1 AS one")

    assert connection.create_database() is False

    assert fetch(connection, "SELECT one FROM kept") == 1


def test_dbshell_reaches_a_server(
    manage_process: Manage, scratch_database: ScratchDatabase
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("there is no psql on this machine")

    done = manage_process("dbshell", "--", "-Atc", "SELECT 42", env=scratch_database.environ)

    assert done.stdout == "42\n", done.stderr


def test_deploy_check_ignores_the_embedded_server(manage_process: Manage, data_dir: Any) -> None:
    done = manage_process(
        "check", "--deploy", env=embedded_environ(data_dir, settings="melo.settings")
    )

    assert "melo.E002" not in done.stderr
