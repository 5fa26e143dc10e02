"""A migrator that is killed: what it leaves, what is said of it, and that the next run finishes."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from django.db import DataError, IntegrityError
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, append
from chat.schema.session.lock import lock_holder
from chat.schema.status.reading import is_ready
from tests.schema.conftest import ManageSituation, StartSituation, wait_until

Situation = Callable[..., None]

# What somebody else does meanwhile.
REPAIR = """
from django.db import connection
connection.cursor().execute("REINDEX INDEX CONCURRENTLY paused_pages_title_ix")
"""
TWICE = "INSERT INTO paused_pages (title) VALUES ('twice'), ('twice')"

PATIENT = ("--lock-timeout", "0")


def notes(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT text FROM paused_notes")
        return {text for (text,) in cursor.fetchall()}


def is_applied(connection: BaseDatabaseWrapper, name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM django_migrations WHERE name = %s)", (name,))
        return bool(cursor.fetchone()[0])


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


def test_terminated_in_the_middle_of_a_migration(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    situation("paused")
    (tmp_path / "ddl.passed").touch()
    process = start("migrate", situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "data.reached").exists)

    process.terminate()
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 130
    assert errors == "\nInterrupted. What was committed stays; nothing else was changed.\n"
    assert (has_author(scratch_connection), notes(scratch_connection)) == (False, {"before"})
    (tmp_path / "data.passed").touch()
    (tmp_path / "end.passed").touch()
    assert manage("migrate", situations=["paused"]).returncode == 0
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


def identities(connection: BaseDatabaseWrapper) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, oid::bigint FROM pg_class"
            " WHERE relkind = 'i' AND relname ~ '^(paused|others)'"
        )
        return dict(cursor.fetchall())


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
    assert "Finish what was interrupted first: python manage.py migrate paused_index 0002" in said
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


@pytest.mark.parametrize("finished_by", ["the run that was killed", "an operator"])
def test_valid_index_is_never_dropped_whoever_finished_it(
    manage: ManageSituation,
    start: StartSituation,
    situation: Situation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
    finished_by: str,
) -> None:
    situation("paused_index", "finished_index")
    situations = ["paused_index", "finished_index"]
    process = start("migrate", situations=situations, SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "index.reached").exists)
    process.kill()
    process.wait()
    wait_until(lambda: lock_holder(scratch_connection) is None)
    with scratch_connection.cursor() as cursor:
        # The migration names it, in a comment.
        cursor.execute("CREATE INDEX others_ix ON paused_pages (title)")
        if finished_by == "an operator":
            cursor.execute("DROP INDEX CONCURRENTLY paused_pages_long_ix")
            cursor.execute("CREATE INDEX paused_pages_long_ix ON paused_pages (title, id)")
    before = identities(scratch_connection)

    stopped = manage("migrate", situations=situations)
    finished = manage("migrate", "finished_index", "0001", "--fake", situations=situations)

    assert stopped.returncode == 1
    assert "Dropped" not in stopped.stdout
    assert 'relation "paused_pages_long_ix" already exists' in stopped.stderr
    assert "If it is what the migration would make, and all of it: python manage.py migrate" in (
        stopped.stderr
    )
    assert finished.returncode == 0, finished.stderr
    assert identities(scratch_connection) == before
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
        "Finish what was interrupted first: python manage.py migrate paused_index 0002_index\n"
    )
    assert indexes(scratch_connection) == [("paused_pages_title_ix", False)]


@pytest.mark.usefixtures("interrupted_index")
def test_concurrent_index_that_is_killed_twice_is_built_in_the_end(
    manage: ManageSituation,
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
) -> None:
    with ExitStack() as stack:
        another_session.set_autocommit(False)
        stack.callback(another_session.rollback)
        with another_session.cursor() as cursor:
            cursor.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        process = start("migrate", situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "DROP INDEX CONCURRENTLY"))
        process.kill()
        process.wait()
        wait_until(lambda: lock_holder(scratch_connection) is None)
    assert indexes(scratch_connection) == [("paused_pages_title_ix", False)]

    result = manage("migrate", situations=["paused_index"])

    assert result.returncode == 0, result.stderr
    assert indexes(scratch_connection) == [("paused_pages_title_ix", True)]
    assert read_drift(scratch_connection).state is DriftState.NONE


def test_invalid_index_of_somebody_else_is_left_alone_and_stays_drift(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "paused_index", "0001", situations=["paused_index"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(TWICE)
        with pytest.raises(IntegrityError):
            cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY others_uq ON paused_pages (title)")
        append(
            scratch_connection,
            event=Event.STARTED,
            app="paused_index",
            name="0002_index",
            catalogue=take_catalogue(scratch_connection),
        )
        with pytest.raises(IntegrityError):
            cursor.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY paused_pages_title_ix ON paused_pages (title)"
            )

    result = manage("migrate", situations=["paused_index"])

    assert result.returncode == 0, result.stderr
    assert result.stdout.count("Dropped") == 1
    assert indexes(scratch_connection) == [("others_uq", False), ("paused_pages_title_ix", True)]
    differences = [str(each) for each in read_drift(scratch_connection).differences]
    assert differences == ["added index public.others_uq"]


@pytest.mark.usefixtures("interrupted_index")
def test_invalid_index_is_not_dropped_while_somebody_makes_it_valid(
    manage: ManageSituation,
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    with (
        psycopg.connect(**scratch_connection.get_connection_params()) as writer,
        psycopg.connect(**scratch_connection.get_connection_params()) as first_in_the_queue,
    ):
        writer.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        first_in_the_queue.execute("LOCK TABLE paused_pages IN SHARE UPDATE EXCLUSIVE MODE")
        process = start("migrate", situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "CREATE INDEX CONCURRENTLY"))
        repair = start("shell", "-v0", "-c", REPAIR, situations=["paused_index"])
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "REINDEX INDEX CONCURRENTLY"))
        first_in_the_queue.rollback()
        _, stderr = process.communicate()
        writer.rollback()
        assert repair.wait() == 0

    finished = manage("migrate", situations=["paused_index"])

    assert process.returncode == 1
    assert (
        "IF NOT EXISTS does nothing about the INVALID index public.paused_pages_title_ix" in stderr
    )
    assert "is at work on paused_pages, and may be building it. Let it finish" in stderr
    assert finished.returncode == 0, finished.stderr
    assert "Dropped" not in finished.stdout
    assert indexes(scratch_connection) == [("paused_pages_title_ix", True)]
    assert is_ready(scratch_connection)


def test_invalid_index_that_was_there_before_is_not_taken_for_done(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "paused_index", "0001", situations=["paused_index"])
    with scratch_connection.cursor() as cursor:
        cursor.execute(TWICE)
        with pytest.raises(IntegrityError):
            cursor.execute(
                "CREATE UNIQUE INDEX CONCURRENTLY paused_pages_title_ix ON paused_pages (title)"
            )

    failed = [manage("migrate", situations=["paused_index"]) for _ in range(2)]

    assert [result.returncode for result in failed] == [1, 1]
    assert "was there before this migration, so it is left alone." in failed[1].stderr
    assert indexes(scratch_connection) == [("paused_pages_title_ix", False)]


def test_index_that_postgresql_named_is_dropped_as_well(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("paused_index", "unnamed_index")
    situations = ["paused_index", "unnamed_index"]
    manage("migrate", "paused_index", situations=situations)
    with scratch_connection.cursor() as cursor:
        cursor.execute(TWICE)
        failed = manage("migrate", situations=situations)
        cursor.execute("DELETE FROM paused_pages")

    finished = manage("migrate", situations=situations)

    assert failed.returncode == 1
    assert finished.returncode == 0, finished.stderr
    assert "Dropped the INVALID index public.paused_pages_title_idx" in finished.stdout
    assert ("paused_pages_title_idx", True) in indexes(scratch_connection)
    assert is_ready(scratch_connection)
    assert read_drift(scratch_connection).state is DriftState.NONE


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
        "Finish what was interrupted first: python manage.py migrate paused_index 0001_initial\n"
    )
    assert backwards.returncode == 0, backwards.stderr
    assert indexes(scratch_connection) == []


def odd_indexes(connection: BaseDatabaseWrapper) -> list[tuple[str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexrelid::regclass::text, indisvalid FROM pg_index"
            " WHERE indrelid = 'odd_pages'::regclass AND NOT indisprimary"
        )
        return list(cursor.fetchall())


@pytest.mark.parametrize("atomic", ["yes", "no"])
@pytest.mark.parametrize("how", ["django", "hidden", "psycopg", "body"])
def test_invalid_index_is_not_taken_for_done_whoever_asks_for_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, how: str, atomic: str
) -> None:
    environ = {"SITUATION_INDEX": how, "SITUATION_ATOMIC": atomic}
    manage("migrate", "odd_index", "0001", situations=["odd_index"], **environ)
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO odd_pages (title) VALUES ('one')")
        with pytest.raises(DataError):
            cursor.execute("CREATE INDEX CONCURRENTLY odd_ix ON odd_pages ((title::integer))")

    result = manage("migrate", situations=["odd_index"], **environ)

    assert result.returncode == 1
    assert "IF NOT EXISTS does nothing about the INVALID index public.odd_ix" in result.stderr
    assert "DROP INDEX CONCURRENTLY public.odd_ix;" in result.stderr
    assert not is_applied(scratch_connection, "0002_index")


def test_invalid_index_with_a_part_of_the_name_does_not_matter(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "odd_index", "0001", situations=["odd_index"], SITUATION_INDEX="django")
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE INDEX odd_ix ON odd_pages (title)")
        cursor.execute("INSERT INTO odd_pages (title) VALUES ('one')")
        with pytest.raises(DataError):
            cursor.execute("CREATE INDEX CONCURRENTLY odd ON odd_pages ((title::integer))")

    result = manage("migrate", situations=["odd_index"], SITUATION_INDEX="django")

    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("how", ["comment", "subclass", "swallow"])
def test_index_that_could_not_be_finished_is_made_anew_however_it_is_made(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, how: str
) -> None:
    manage("migrate", "odd_index", "0001", situations=["odd_index"], SITUATION_INDEX=how)
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO odd_pages (title) VALUES ('one')")
        failed = manage("migrate", situations=["odd_index"], SITUATION_INDEX=how)
        left = odd_indexes(scratch_connection)
        cursor.execute("UPDATE odd_pages SET title = '1'")

    finished = manage("migrate", situations=["odd_index"], SITUATION_INDEX=how)

    assert (failed.returncode, left) == (1, [("odd_ix", False)])
    assert finished.returncode == 0, finished.stderr
    assert "Dropped the INVALID index public.odd_ix on odd_pages, which that run left.\n" in (
        finished.stdout
    )
    assert odd_indexes(scratch_connection) == [("odd_ix", True)]
    assert read_drift(scratch_connection).state is DriftState.NONE


def test_index_that_somebody_builds_meanwhile_is_not_what_a_migration_left(
    manage: ManageSituation,
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    situations = ["paused", "paused_index"]
    manage("migrate", "paused_index", situations=situations)
    process = start("migrate", situations=situations, SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "ddl.reached").exists)
    with psycopg.connect(**scratch_connection.get_connection_params()) as writer:
        writer.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        rebuild = start("shell", "-v0", "-c", REPAIR, situations=situations)
        wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "REINDEX INDEX CONCURRENTLY"))
        while_it_is_built = indexes(scratch_connection)
        for point in ("ddl", "data", "end"):
            (tmp_path / f"{point}.passed").touch()
        _, stderr = process.communicate()

    assert ("paused_pages_title_ix_ccnew", False) in while_it_is_built
    assert (process.returncode, rebuild.wait()) == (0, 0), stderr
    assert indexes(scratch_connection) == [("paused_pages_title_ix", True)]
    assert read_drift(scratch_connection).state is DriftState.NONE
