"""migration_rehearse: what it proves, what it finds, and what it leaves alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.schema.catalogue.objects import read_catalogue
from chat.schema.rehearsal.scratch import scratch_database
from tests.schema.conftest import PROJECT, ManageSituation, StartSituation, wait_until
from tests.scratch import ScratchServer, connect

README = PROJECT / "chat" / "schema" / "README.md"

# To make and to drop a database, the server waits for the disk, for minutes where others write.
PATIENCE_SECONDS = 300


def scratch_name(connection: BaseDatabaseWrapper) -> str:
    return f"{connection.settings_dict['NAME']}_rehearsal"


def left_behind(server: ScratchServer, connection: BaseDatabaseWrapper) -> list[str]:
    """The scratch database of this test, if it is there now."""
    name = scratch_name(connection)
    with server.maintenance.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname = %s", [name])
        return [name for (name,) in cursor.fetchall()]


def rehearse(
    manage: ManageSituation, *arguments: str, situations: list[str]
) -> tuple[int, dict[str, Any]]:
    result = manage("migration_rehearse", "--format", "json", *arguments, situations=situations)
    assert result.stdout, result.stderr
    told = json.loads(result.stdout)
    return result.returncode, {
        f"{migration['app']}.{migration['name']}": migration for migration in told["migrations"]
    }


def test_every_migration_of_the_project_is_exact() -> None:
    result = subprocess.run(
        [sys.executable, "manage.py", "migration_rehearse", "--strict"],
        cwd=PROJECT,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "melo.settings"},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "0009_search_messages" in result.stdout
    assert "0012_alter_user_first_name_max_length" in result.stdout
    assert re.search(r"^Rehearsed up, down and up again: \d+ exact\.$", result.stdout, re.MULTILINE)
    assert [line for line in result.stdout.splitlines() if len(line) > 80] == []


def test_what_migrations_do_to_tables_is_measured(manage: ManageSituation) -> None:
    code, told = rehearse(manage, situations=["measured"])

    ups = {name.partition(".")[2]: migration["up"] for name, migration in told.items()}
    work = {
        name: (up["rewritten"], up["scanned"], up["blocked"].get("things"), up["unseen"])
        for name, up in ups.items()
    }
    both = "reads and writes"
    assert code == 0
    assert {migration["result"] for migration in told.values()} == {"exact"}
    assert work == {
        "0001_initial": ([], [], None, 0),
        "0002_volatile_default": (["things"], ["things"], both, 0),
        "0003_constant_default": ([], [], None, 0),
        "0004_check_at_once": ([], ["things"], both, 0),
        "0005_check_not_valid": ([], [], None, 0),
        "0006_validate_check": ([], ["things"], None, 0),
        "0007_both_in_one": ([], ["things"], both, 0),
        "0008_index": ([], ["things"], "writes", 0),
        "0009_index_concurrently": ([], ["things"], None, 1),
        "0010_index_not_concurrently": ([], ["things"], "writes", 0),
        "0011_own_transactions": ([], [], None, 0),
    }
    assert {name: up["locks"] for name, up in ups.items()} == {
        "0001_initial": {},
        "0002_volatile_default": {"things": "ACCESS EXCLUSIVE"},
        "0003_constant_default": {"things": "ACCESS EXCLUSIVE"},
        "0004_check_at_once": {"things": "ACCESS EXCLUSIVE"},
        "0005_check_not_valid": {"things": "ACCESS EXCLUSIVE"},
        "0006_validate_check": {"things": "SHARE UPDATE EXCLUSIVE"},
        "0007_both_in_one": {"things": "ACCESS EXCLUSIVE"},
        "0008_index": {"things": "SHARE"},
        "0009_index_concurrently": {},
        "0010_index_not_concurrently": {"things": "SHARE"},
        "0011_own_transactions": {"things": "ACCESS EXCLUSIVE"},
    }
    assert all(up["wal_bytes"] > 0 and up["duration_ms"] > 0 for up in ups.values())
    assert told["measured.0001_initial"]["down"]["locks"] == {
        "owners": "ACCESS EXCLUSIVE",
        "things": "ACCESS EXCLUSIVE",
    }


def test_table_tells_the_heavy_from_the_light(manage: ManageSituation) -> None:
    result = manage("migration_rehearse", situations=["measured"])

    lines = [re.sub(r" +\d+ +\d+ +\d+  ", "  ", line) for line in result.stdout.splitlines()]
    heavy = lines.index("  exact  0002_volatile_default")
    light = lines.index("  exact  0006_validate_check")
    columns = lines.index("  result         up ms  down ms   WAL kB  migration")
    assert lines[columns + 1 : columns + 3] == ["measured", "  exact  0001_initial"]
    assert lines[heavy + 1 : heavy + 5] == [
        "      locks ACCESS EXCLUSIVE: things",
        "      rewrites: things",
        "      reads all of: things",
        "      meanwhile reads and writes wait on: things",
    ]
    assert lines[light + 1 : light + 4] == [
        "      locks SHARE UPDATE EXCLUSIVE: things",
        "      reads all of: things",
        "  exact  0007_both_in_one",
    ]
    assert "      statements that refuse a transaction, so locks not seen: 1" in lines
    assert lines[-1] == "Rehearsed up, down and up again: 11 exact."


def test_wrong_down_is_caught(
    manage: ManageSituation, scratch_server: ScratchServer, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migration_rehearse", situations=["wrong_down"])

    assert result.returncode == 1
    shown = re.sub(r" +\d+ +\d+ +\d+  ", "  ", result.stdout)
    assert "  exact  0001_initial\n" in shown
    assert "  exact  0003_exact\n" in shown
    assert (
        "  wrong  0002_forgetful\n"
        "      locks ACCESS EXCLUSIVE: things\n"
        "      reads all of: things\n"
        "      meanwhile writes wait on: things\n"
        "      after down, against before it:\n"
        "        changed column public.things.name\n"
        "          was text\n"
        "          is text DEFAULT 'x'::text\n"
        "        added index public.things_name_ix\n"
        "          is CREATE INDEX things_name_ix ON public.things USING btree (name)\n"
        "      up again: A statement of a SQL file failed.\n"
    ) in shown
    assert 'relation "things_name_ix" already exists' in shown
    assert shown.endswith("Rehearsed up, down and up again: 2 exact, 1 wrong.\n")
    assert result.stderr == (
        "CommandError: The way back of a migration is not exact, or it failed.\n"
        "See above: wrong_down.0002_forgetful\n"
        "Correct what goes down, or what goes up, before it is applied anywhere.\n"
    )
    assert left_behind(scratch_server, scratch_connection) == []


def test_up_that_differs_the_second_time_is_caught(manage: ManageSituation) -> None:
    code, told = rehearse(manage, situations=["changing_up"])

    wrong = told["changing_up.0002_depends_on_rows"]
    assert code == 1
    assert (wrong["result"], wrong["after_down"], wrong["error"]) == ("wrong", [], None)
    assert wrong["after_up_again"] == [
        {
            "kind": "column",
            "name": "public.things.size",
            "what": "changed",
            "before": "integer",
            "after": "integer DEFAULT 7",
        }
    ]


def test_down_that_fails_does_not_spoil_what_follows(manage: ManageSituation) -> None:
    code, told = rehearse(manage, situations=["failing_down"])

    failed = told["failing_down.0001_initial"]
    assert code == 1
    assert failed["result"] == "failed"
    assert failed["error"].startswith("down: A statement of a SQL file failed.\n")
    assert 'table "thongs" does not exist' in failed["error"]
    assert told["failing_down.0002_exact"]["result"] == "exact"


def test_what_comes_after_a_failure_is_not_reached(manage: ManageSituation) -> None:
    code, told = rehearse(manage, situations=["failing_up"])

    assert code == 1
    assert {name: migration["result"] for name, migration in told.items()} == {
        "failing_up.0001_initial": "exact",
        "failing_up.0002_broken": "failed",
        "failing_up.0003_after": "not reached",
    }
    assert "0002_broken.sql, line 4:" in told["failing_up.0002_broken"]["error"]


def test_irreversible_migration_is_listed_and_fails_only_if_strict(
    manage: ManageSituation,
) -> None:
    code, told = rehearse(manage, situations=["hidden_irreversible"])
    strict_code, _ = rehearse(manage, "--strict", situations=["hidden_irreversible"])

    ((_, migration),) = told.items()
    assert (migration["result"], migration["down"]) == ("irreversible", None)
    assert migration["up"]["wal_bytes"] > 0
    assert (code, strict_code) == (0, 1)


def test_one_app_or_one_migration_can_be_chosen(manage: ManageSituation) -> None:
    _, app = rehearse(manage, "house", situations=["two_steps", "house"])
    _, one = rehearse(manage, "two_steps", "0002", situations=["two_steps", "house"])
    unclear = manage("migration_rehearse", "two_steps", "000", situations=["two_steps"])
    zero = manage("migration_rehearse", "two_steps", "zero", situations=["two_steps"])

    assert list(app) == ["house.0001_initial"]
    assert list(one) == ["two_steps.0002_touch"]
    assert "'000' is the beginning of: 0001_initial, 0002_touch" in unclear.stderr
    assert (unclear.returncode, zero.returncode) == (64, 64)


def test_whole_name_is_that_migration_also_where_another_begins_with_it(
    manage: ManageSituation,
) -> None:
    alike = ["two_alike"]

    _, told = rehearse(manage, "two_alike", "0001_initial", situations=alike)
    applied = manage("migrate", "two_alike", "0001_initial", situations=alike)
    accepted = manage(
        "migration_accept", "two_alike", "0001_initial", "--reason", "x", situations=alike
    )

    assert list(told) == ["two_alike.0001_initial"]
    assert applied.returncode == 0, applied.stderr
    assert "Applying two_alike.0001_initial... OK" in applied.stdout
    assert "0001_initial_light" not in applied.stdout
    assert accepted.returncode == 0, accepted.stderr


def test_configured_database_is_left_alone(
    manage: ManageSituation, scratch_server: ScratchServer, scratch_connection: BaseDatabaseWrapper
) -> None:
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE made_by_default (id integer)")
        cursor.execute("INSERT INTO made_by_default VALUES (1)")
    before = read_catalogue(scratch_connection)

    code, told = rehearse(manage, situations=["asks_default"])

    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM made_by_default")
        assert cursor.fetchone() == (1,)
    assert read_catalogue(scratch_connection) == before
    assert (code, told["asks_default.0001_initial"]["result"]) == (0, "exact")
    assert left_behind(scratch_server, scratch_connection) == []


def test_scratch_database_is_like_the_configured_one(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    name = sql.Identifier(str(scratch_connection.settings_dict["NAME"]))
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                """
                CREATE SCHEMA "My App";
                CREATE EXTENSION hstore SCHEMA "My App";
                CREATE EXTENSION btree_gin;
                ALTER DATABASE {name} SET search_path = "My App", pg_temp;
                ALTER DATABASE {name} SET chat.made_up = 'a, b';
                ALTER ROLE CURRENT_USER IN DATABASE {name} SET TimeZone = 'Asia/Tokyo'
                """
            ).format(name=name)
        )

    migrated = manage("migrate", situations=["needs_extension"])
    code, told = rehearse(manage, situations=["needs_extension"])
    with (
        scratch_database(scratch_connection) as scratch,
        scratch.connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT current_setting('search_path'), current_setting('chat.made_up'),"
            " (SELECT reset_val FROM pg_settings WHERE name = 'TimeZone')"
        )
        settings = cursor.fetchone()

    assert migrated.returncode == 0, migrated.stderr
    assert {each: one["result"] for each, one in told.items()} == {
        "needs_extension.0001_initial": "exact",
        "needs_extension.0002_extension": "exact",
    }
    assert code == 0
    assert settings == ('"My App", pg_temp', "a, b", "Asia/Tokyo")


def test_scratch_database_has_the_encoding_of_the_configured_one(
    manage: ManageSituation, scratch_server: ScratchServer
) -> None:
    name = f"latin_{uuid4().hex[:12]}"
    identifier = sql.Identifier(name)
    with scratch_server.maintenance.cursor() as cursor:
        cursor.execute(
            sql.SQL(
                "CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
                " LOCALE_PROVIDER libc"
            ).format(identifier)
        )
    try:
        migrated = manage("migrate", situations=["long_name"], SITUATION_DB_NAME=name)
        rehearsed = manage("migration_rehearse", situations=["long_name"], SITUATION_DB_NAME=name)
    finally:
        scratch_server.drop(name)

    refusal = 'has no equivalent in encoding "LATIN1"'
    assert refusal in migrated.stderr
    assert refusal in rehearsed.stdout
    assert (migrated.returncode, rehearsed.returncode) == (1, 1)


def test_configured_database_need_not_exist(
    manage: ManageSituation, scratch_environ: dict[str, str]
) -> None:
    name = f"not_there_{uuid4().hex[:12]}"

    result = manage("migration_rehearse", situations=["two_steps"], SITUATION_DB_NAME=name)

    assert result.returncode == 0, result.stderr
    assert f"Scratch database: {name}_rehearsal" in result.stdout


@pytest.mark.parametrize(
    ("end", "code"),
    [
        # 63 bytes and 27 characters: what is appended to them all, PostgreSQL cuts off again.
        ("数" * 18, 0),
        # What a scratch database beside it could be called.
        (f"{'x' * 31}_rehearsal", 0),
        # What its own would be called.
        (f"{'x' * 44}_rehearsal", 3),
    ],
)
def test_configured_database_is_not_dropped_whatever_its_name(
    manage: ManageSituation, scratch_server: ScratchServer, end: str, code: int
) -> None:
    name = f"{uuid4().hex[:9]}{end}"
    comment = f"Scratch database of a rehearsal beside {name}; its rehearsal drops it."
    with ExitStack() as stack:
        cursor = stack.enter_context(scratch_server.maintenance.cursor())
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        stack.callback(scratch_server.drop, name)
        cursor.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(name), sql.Literal(comment)
            )
        )

        result = manage("migration_rehearse", situations=["two_steps"], SITUATION_DB_NAME=name)

        cursor.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name[:9]])
        assert cursor.fetchall() == [(name,)]
    assert result.returncode == code, result.stderr


def test_other_databases_refuse_while_a_migration_is_rehearsed(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    assert manage("migrate", situations=["strays"]).returncode == 0
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO strays_ship DEFAULT VALUES")

    code, told = rehearse(manage, "--database", "archive", situations=["strays"])

    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM strays_ship")
        assert cursor.fetchone() == (1,)
    assert code == 1
    assert told["strays.0001_initial"]["result"] == "exact"
    assert told["strays.0002_stray"]["result"] == "failed"
    assert told["strays.0002_stray"]["error"] == (
        "down: A migration that is only tried asked for another database, and was refused there.\n"
        "It is tried on the database 'archive', and asked for a connection of its own "
        "to 'default': what is done there is done for real.\n"
        "In the migration, pass using(schema_editor.connection.alias), or work on "
        "schema_editor.connection."
    )


def sessions(server: ScratchServer, name: str) -> int:
    with server.maintenance.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [name])
        return int(cursor.fetchone()[0])


def test_database_of_a_killed_rehearsal_is_dropped_by_the_next(
    manage: ManageSituation,
    start: StartSituation,
    scratch_server: ScratchServer,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    process = start("migration_rehearse", situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "ddl.reached").exists)
    (name,) = left_behind(scratch_server, scratch_connection)
    meanwhile = manage("migration_rehearse", situations=["two_steps"])
    kept = left_behind(scratch_server, scratch_connection)
    process.kill()
    process.wait()
    wait_until(lambda: sessions(scratch_server, name) == 0)

    result = manage("migration_rehearse", "--format", "json", situations=["two_steps"])

    assert meanwhile.returncode == 3
    assert "Another rehearsal of this database is running; nothing was done." in meanwhile.stderr
    assert kept == [name]
    assert result.returncode == 0, result.stderr
    assert result.stderr == f"Dropped the database {name}, which a killed rehearsal had left.\n"
    assert json.loads(result.stdout)["counts"]["exact"] == 2
    assert left_behind(scratch_server, scratch_connection) == []


@pytest.mark.parametrize(
    ("comment", "is_connected", "why"),
    [
        (None, False, "has no comment that says it is one."),
        ("Scratch database of a rehearsal beside x; its rehearsal drops it.", False, "has no"),
        ("Scratch database of a rehearsal beside {}; its rehearsal drops it.", True, "could not"),
    ],
)
def test_database_that_may_be_somebody_else_s_is_named_and_refused(
    manage: ManageSituation,
    scratch_server: ScratchServer,
    scratch_connection: BaseDatabaseWrapper,
    comment: str | None,
    is_connected: bool,
    why: str,
) -> None:
    configured = str(scratch_connection.settings_dict["NAME"])
    name = scratch_name(scratch_connection)
    with ExitStack() as stack:
        cursor = stack.enter_context(scratch_server.maintenance.cursor())
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        stack.callback(scratch_server.drop, name)
        if comment is not None:
            cursor.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                    sql.Identifier(name), sql.Literal(comment.format(configured))
                )
            )
        if is_connected:
            stack.enter_context(closing(connect(name, alias="visitor"))).ensure_connection()

        result = manage("migration_rehearse", situations=["two_steps"])

        assert result.returncode == 3
        assert f"\nThe database {name} {why}" in result.stderr
        assert f'If nobody needs it: DROP DATABASE "{name}"; then' in result.stderr
        assert left_behind(scratch_server, scratch_connection) == [name]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_rehearsal_drops_its_database(
    scratch_environ: dict[str, str],
    scratch_server: ScratchServer,
    scratch_connection: BaseDatabaseWrapper,
    number: signal.Signals,
) -> None:
    process = subprocess.Popen(
        [sys.executable, "manage.py", "migration_rehearse"],
        cwd=PROJECT,
        env={**scratch_environ, "SITUATIONS": "sleeping"},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_sleeping(scratch_server, scratch_connection):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)

    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)

    assert process.returncode == 130
    assert errors == "CommandError: Interrupted; the scratch database was dropped.\n"
    assert left_behind(scratch_server, scratch_connection) == []


def is_sleeping(server: ScratchServer, connection: BaseDatabaseWrapper) -> bool:
    with server.maintenance.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event = 'PgSleep'",
            [scratch_name(connection)],
        )
        return cursor.fetchone() is not None


def test_user_who_may_not_make_databases_is_refused(
    manage: ManageSituation, scratch_server: ScratchServer, scratch_connection: BaseDatabaseWrapper
) -> None:
    role = f"{scratch_connection.settings_dict['NAME']}_guest"
    with scratch_server.maintenance.cursor() as cursor:
        cursor.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'guest'").format(sql.Identifier(role))
        )
        try:
            result = manage(
                "migration_rehearse",
                situations=["two_steps"],
                SITUATION_DB_USER=role,
                SITUATION_DB_PASSWORD="guest",
            )
        finally:
            cursor.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))

    assert result.returncode == 3
    assert result.stderr == (
        "CommandError: No scratch database can be made; nothing was changed.\n"
        "PostgreSQL said: permission denied to create database\n"
        f"Let the role make databases: ALTER ROLE {role} CREATEDB. Or set the variables of the "
        "database to a server where it may, such as the one tests run on.\n"
    )


def test_options_that_lead_to_the_configured_database_are_left_out(
    scratch_connection: BaseDatabaseWrapper, scratch_server: ScratchServer
) -> None:
    configured = scratch_connection.settings_dict["NAME"]
    settings = {
        **scratch_connection.settings_dict,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **scratch_connection.settings_dict["OPTIONS"],
            "pool": True,
            "dbname": configured,
        },
    }
    pooled: Any = type(scratch_connection)(settings, alias="scratch")
    connections["scratch"] = pooled
    pooled.ensure_connection()

    with scratch_database(pooled) as scratch, connections["scratch"].cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (found,) = cursor.fetchone()

    pooled.close()
    pooled.close_pool()
    assert found == scratch.name == f"{configured}_rehearsal"
    assert connections["scratch"] is pooled
    assert left_behind(scratch_server, scratch_connection) == []


def test_json_is_what_the_readme_says(manage: ManageSituation) -> None:
    result = manage("migration_rehearse", "--format", "json", situations=["changing_up"])
    told = json.loads(result.stdout)
    migration = told["migrations"][-1]
    _, _, text = README.read_text().partition("- `migration_rehearse`: ")

    documented = set(re.findall(r"`([a-z_]+)`", text.partition("\n## ")[0]))
    assert set(told) | set(migration) | set(migration["up"]) <= documented
    assert set(told) == {"version", "server", "counts", "migrations"}
    assert (told["version"], told["counts"]["wrong"]) == (1, 1)
