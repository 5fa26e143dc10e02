"""A migrator that is killed: what it leaves, what is said of it, and that the next run finishes."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.lock import lock_holder
from chat.schema.status import is_ready
from tests.schema.conftest import ManageSituation, StartSituation, wait_until

Situation = Callable[..., None]

# What somebody else does meanwhile.
BUILD = """
from django.db import connection
connection.cursor().execute("CREATE INDEX CONCURRENTLY others_ix ON paused_pages (title)")
"""

PATIENT = ("--lock-timeout", "0")


def notes(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT text FROM paused_notes")
        return {text for (text,) in cursor.fetchall()}


def has_author(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        description = connection.introspection.get_table_description(cursor, "paused_notes")
    return "author" in {column.name for column in description}


def is_waiting_for_a_lock(connection: BaseDatabaseWrapper, statement: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE %s)",
            (f"%{statement}%",),
        )
        return bool(cursor.fetchone()[0])


def said_of(manage: ManageSituation, situation: str, *, code: int) -> str:
    """Return what `migration_status --check` says, on one line, having ended with `code`."""
    result = manage("migration_status", "--check", situations=[situation])
    assert result.returncode == code, result.stdout + result.stderr
    return " ".join(result.stdout.split())


@pytest.mark.parametrize("point", ["ddl", "data", "end"])
def test_killed_in_the_middle_of_a_migration(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
    point: str,
) -> None:
    situation("paused")
    for passed in {"ddl", "data", "end"} - {point}:
        (tmp_path / f"{passed}.passed").touch()
    process = start("migrate", situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / f"{point}.reached").exists)

    process.kill()
    assert process.wait() == -signal.SIGKILL
    wait_until(lambda: lock_holder(scratch_connection) is None)

    said = said_of(manage, "paused", code=2)
    assert "paused.0002_change: applying it began at" in said
    assert (
        "and was cut off before its end; it is one transaction, so nothing of that was kept."
        in said
    )
    assert (has_author(scratch_connection), notes(scratch_connection)) == (False, {"before"})
    assert manage("migrate", situations=["paused"]).returncode == 0
    assert (has_author(scratch_connection), notes(scratch_connection)) == (True, {"after"})
    assert is_ready(scratch_connection)


@pytest.mark.parametrize("table", ["django_migrations", "schema_migrations"])
def test_killed_before_a_row_is_written(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
    tmp_path: Path,
    table: str,
) -> None:
    situation("paused")
    for passed in ("ddl", "data"):
        (tmp_path / f"{passed}.passed").touch()
    process = start("migrate", *PATIENT, situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "end.reached").exists)
    with ExitStack() as stack:
        another_session.set_autocommit(False)
        stack.callback(another_session.rollback)
        with another_session.cursor() as cursor:
            cursor.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
        (tmp_path / "end.passed").touch()
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, table))

        process.kill()
        stdout, _ = process.communicate()
        wait_until(lambda: lock_holder(scratch_connection) is None)

    assert "Applying paused.0002_change..." in stdout
    assert "0002_change... OK" not in stdout
    said = said_of(manage, "paused", code=2)
    assert "paused.0002_change: applying it began at" in said
    assert "nothing of that was kept." in said
    assert (has_author(scratch_connection), notes(scratch_connection)) == (False, {"before"})
    assert manage("migrate", situations=["paused"]).returncode == 0
    assert (has_author(scratch_connection), notes(scratch_connection)) == (True, {"after"})
    assert is_ready(scratch_connection)


@pytest.mark.parametrize("at_its_row", [False, True])
def test_killed_in_the_middle_of_a_rollback(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
    tmp_path: Path,
    at_its_row: bool,
) -> None:
    situation("paused")
    assert manage("migrate", situations=["paused"]).returncode == 0
    back = ("migrate", "paused", "0001")
    process = start(*back, *PATIENT, situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "rollback.reached").exists)
    with ExitStack() as stack:
        if at_its_row:
            another_session.set_autocommit(False)
            stack.callback(another_session.rollback)
            with another_session.cursor() as cursor:
                cursor.execute("LOCK TABLE django_migrations IN EXCLUSIVE MODE")
            (tmp_path / "rollback.passed").touch()
            wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "django_migrations"))

        process.kill()
        process.wait()
        wait_until(lambda: lock_holder(scratch_connection) is None)

    said = said_of(manage, "paused", code=0)
    assert "paused.0002_change: rolling it back began at" in said
    assert "nothing of that was kept." in said
    assert (has_author(scratch_connection), notes(scratch_connection)) == (True, {"after"})
    assert manage(*back, situations=["paused"]).returncode == 0
    assert (has_author(scratch_connection), notes(scratch_connection)) == (False, {"before"})


def indexes(connection: BaseDatabaseWrapper) -> list[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
            " WHERE indrelid = 'paused_pages'::regclass AND NOT indisprimary ORDER BY 1"
        )
        return list(cursor.fetchall())


@pytest.fixture
def interrupted_index(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
) -> None:
    """CREATE INDEX CONCURRENTLY, killed while it waits for somebody who writes to the table."""
    situation("paused_index")
    first = manage("migrate", "paused_index", "0001", situations=["paused_index"])
    assert first.returncode == 0, first.stderr
    with ExitStack() as stack:
        another_session.set_autocommit(False)
        stack.callback(another_session.rollback)
        with another_session.cursor() as cursor:
            cursor.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        process = start("migrate", situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "CREATE INDEX CONCURRENTLY"))

        process.kill()
        process.wait()
        wait_until(lambda: lock_holder(scratch_connection) is None)


@pytest.mark.usefixtures("interrupted_index")
def test_killed_in_the_middle_of_a_concurrent_index(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    assert indexes(scratch_connection) == [("paused_pages_title_ix", False)]
    said = said_of(manage, "paused_index", code=7)
    assert "interrupted sql yes 0002_index" in said
    assert "cut off before its end; it is not one transaction, so a part of it may be done." in said
    assert "1 interrupted: python manage.py migrate paused_index 0002_index" in said
    assert not is_ready(scratch_connection)

    result = manage("migrate", situations=["paused_index"])

    assert result.returncode == 0, result.stderr
    assert "paused_index.0002_index: applying it began at" in result.stdout
    assert (
        "Dropped the INVALID index public.paused_pages_title_ix on paused_pages, which that run"
        " left.\n" in result.stdout
    )
    assert indexes(scratch_connection) == [("paused_pages_title_ix", True)]
    assert is_ready(scratch_connection)


def test_killed_after_the_concurrent_index_is_there(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    situation("paused_index", "finished_index")
    situations = ["paused_index", "finished_index"]
    process = start("migrate", situations=situations, SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "index.reached").exists)
    process.kill()
    process.wait()
    wait_until(lambda: lock_holder(scratch_connection) is None)
    assert ("paused_pages_long_ix", True) in indexes(scratch_connection)

    result = manage("migrate", situations=situations)

    assert result.returncode == 0, result.stderr
    assert (
        "Dropped the index public.paused_pages_long_ix on paused_pages, which that run left.\n"
        in result.stdout
    )
    assert indexes(scratch_connection) == [
        ("paused_pages_long_ix", True),
        ("paused_pages_title_ix", True),
    ]
    assert is_ready(scratch_connection)


def test_index_that_was_there_before_is_never_dropped(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    situations = ["paused_index", "finished_index"]
    manage("migrate", "paused_index", situations=situations)
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE INDEX paused_pages_long_ix ON paused_pages (id, title)")

    failed = [manage("migrate", situations=situations).returncode for _ in range(2)]

    assert failed == [1, 1]
    assert ("paused_pages_long_ix", True) in indexes(scratch_connection)


@pytest.mark.usefixtures("interrupted_index")
def test_interrupted_migration_must_be_finished_before_a_rollback(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    back = manage("migrate", "paused_index", "zero", situations=["paused_index"])
    check = manage("migrate", "--check", situations=["paused_index"])

    assert (back.returncode, check.returncode) == (7, 7)
    assert back.stderr.endswith(
        "Finish it first: python manage.py migrate paused_index 0002_index\n"
    )
    assert indexes(scratch_connection) == [("paused_pages_title_ix", False)]


def test_concurrent_index_that_fails_is_built_again(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("paused_index", "unnamed_index")
    situations = ["paused_index", "unnamed_index"]
    manage("migrate", "paused_index", situations=situations)
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO paused_pages (title) VALUES ('twice'), ('twice')")

    failed = manage("migrate", situations=situations)
    stopped = manage("migrate", situations=situations)
    with scratch_connection.cursor() as cursor:
        cursor.execute("DELETE FROM paused_pages")
        cursor.execute("DROP INDEX CONCURRENTLY paused_pages_title_idx")
    finished = manage("migrate", situations=situations)

    assert failed.returncode == 1
    assert stopped.returncode == 7
    assert "failed (IntegrityError: could not create unique index" in stopped.stderr
    assert "(DROP INDEX CONCURRENTLY public.paused_pages_title_idx;)" in stopped.stderr
    assert finished.returncode == 0, finished.stderr
    assert is_ready(scratch_connection)


@pytest.fixture
def unnamed_leftover(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> ManageSituation:
    """An INVALID index that PostgreSQL named is left; returns what runs `migrate` again."""
    situations = ["paused_index", "unnamed_index"]
    manage("migrate", "paused_index", situations=situations)
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO paused_pages (title) VALUES ('twice'), ('twice')")
        manage("migrate", situations=situations)
        cursor.execute("DELETE FROM paused_pages")
    assert ("paused_pages_title_idx", False) in indexes(scratch_connection)
    return lambda *options: manage("migrate", *options, situations=situations)


def test_index_that_is_not_certainly_of_the_run_is_dropped_by_its_name(
    unnamed_leftover: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    stopped = unnamed_leftover()
    finished = unnamed_leftover("--drop-leftover", "public.paused_pages_title_idx")

    assert stopped.returncode == 7
    assert (
        "Run this again with --drop-leftover public.paused_pages_title_idx, which drops it: if it "
        "was somebody else's, they have to build theirs anew." in stopped.stderr
    )
    assert finished.returncode == 0, finished.stderr
    assert (
        "Dropped the INVALID index public.paused_pages_title_idx on paused_pages, as it was named."
        in finished.stdout
    )
    assert ("paused_pages_title_idx", True) in indexes(scratch_connection)


@pytest.mark.parametrize("name", ["public.paused_pages_title_ix", "public.paused_pages_pkey"])
def test_no_other_index_can_be_named(
    unnamed_leftover: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    name: str,
) -> None:
    before = indexes(scratch_connection)

    result = unnamed_leftover("--drop-leftover", name)

    assert result.returncode == 3
    assert f"--drop-leftover names {name}. What may be left" in result.stderr
    assert "INVALID index public.paused_pages_title_idx on paused_pages." in result.stderr
    assert indexes(scratch_connection) == before


def test_index_that_is_being_built_is_not_dropped_even_by_its_name(
    unnamed_leftover: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
    start: StartSituation,
) -> None:
    with ExitStack() as stack:
        another_session.set_autocommit(False)
        stack.callback(another_session.rollback)
        with another_session.cursor() as cursor:
            cursor.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        builder = start("shell", "-v0", "-c", BUILD, situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "CREATE INDEX CONCURRENTLY"))

        result = unnamed_leftover("--drop-leftover", "public.paused_pages_title_idx")

        builder.kill()
        builder.wait()

    assert result.returncode == 7
    assert "is building an index on paused_pages just now, perhaps this one." in result.stderr
    assert ("paused_pages_title_idx", False) in indexes(scratch_connection)


def test_nothing_to_drop_is_no_reason_to_say_nothing(manage: ManageSituation) -> None:
    result = manage("migrate", "--drop-leftover", "public.any", situations=["two_steps"])

    assert result.returncode == 3
    assert "What may be left of a migration that this run finishes: nothing." in result.stderr


def test_rollback_of_a_concurrent_index_goes_on_where_it_was_killed(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
) -> None:
    situation("paused_index")
    manage("migrate", situations=["paused_index"])
    back = ("migrate", "paused_index", "0001")
    with ExitStack() as stack:
        another_session.set_autocommit(False)
        stack.callback(another_session.rollback)
        with another_session.cursor() as cursor:
            cursor.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        process = start(*back, situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "DROP INDEX CONCURRENTLY"))
        process.kill()
        process.wait()
        wait_until(lambda: lock_holder(scratch_connection) is None)

    forwards = manage("migrate", situations=["paused_index"])
    backwards = manage(*back, situations=["paused_index"])

    assert forwards.returncode == 7
    assert "paused_index.0002_index: rolling it back began at" in forwards.stderr
    assert forwards.stderr.endswith(
        "Finish it first: python manage.py migrate paused_index 0001_initial\n"
    )
    assert backwards.returncode == 0, backwards.stderr
    assert indexes(scratch_connection) == []
