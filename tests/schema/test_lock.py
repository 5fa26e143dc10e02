"""One migrator per database, seen with real processes and real sessions."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.session.errors import LockHeldError, LockLostError
from chat.schema.session.lock import LockHolder, lock_holder, migration_lock
from tests.schema.conftest import ManageSituation, StartSituation, wait_until

NO_WAIT = timedelta(0)


def setting(connection: BaseDatabaseWrapper, name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", (name,))
        return str(cursor.fetchone()[0])


def test_eight_at_once_apply_each_migration_once(
    start: StartSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    situations = ["two_steps", "house", "paused_index"]
    expected = {
        ("two_steps", "0001_initial"): 1,
        ("two_steps", "0002_touch"): 1,
        ("house", "0001_initial"): 1,
        ("paused_index", "0001_initial"): 1,
        ("paused_index", "0002_index"): 1,
    }

    processes = [start("migrate", situations=situations) for _ in range(8)]
    ended = [(process.communicate(), process.returncode) for process in processes]

    assert [code for _, code in ended] == [0] * 8, ended
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations")
        assert Counter(cursor.fetchall()) == expected
        cursor.execute("SELECT app, name FROM schema_migrations WHERE event = 'applied'")
        assert Counter(cursor.fetchall()) == expected
        cursor.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
        assert cursor.fetchone() == (0,)


def test_holder_that_never_ends_is_named(
    manage: ManageSituation, start: StartSituation, tmp_path: Path
) -> None:
    holder = start("migrate", situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "ddl.reached").exists)

    result = manage("migrate", "--lock-wait", "0.5", situations=["paused"])

    assert result.returncode == 75
    said = f"application migrate, process {holder.pid} of "
    assert "Waiting up to 0.5 s for the migration lock, held by pid " in result.stdout
    assert said in result.stdout
    for part in ("Waited 0.5 s. The lock is held by pid ", ", user ", ", host ", said):
        assert part in result.stderr
    assert ", connected since 2" in result.stderr
    assert holder.poll() is None


def test_status_says_that_a_migration_may_go_on(
    manage: ManageSituation, start: StartSituation, tmp_path: Path
) -> None:
    start("migrate", situations=["paused"], SITUATION_PAUSES=str(tmp_path))
    wait_until((tmp_path / "ddl.reached").exists)

    result = manage("migration_status", "--check", situations=["paused"])

    assert result.returncode == 2
    said = " ".join(result.stdout.split())
    assert "paused.0002_change: applying it began at" in said
    assert "and may still be running: pid " in said


def test_silent_while_waiting_when_it_must_be(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    with migration_lock(scratch_connection, wait=NO_WAIT):
        result = manage(
            "migrate", "--lock-wait", "0.2", "--verbosity", "0", situations=["two_steps"]
        )

    assert (result.returncode, result.stdout) == (75, "")


def test_reading_commands_need_no_lock(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    with migration_lock(scratch_connection, wait=NO_WAIT):
        plan = manage("migrate", "--plan", situations=["two_steps"])
        check = manage("migrate", "--check", situations=["two_steps"])
        status = manage("migration_status", situations=["two_steps"])

    assert (plan.returncode, check.returncode, status.returncode) == (0, 1, 0)


def test_lock_is_of_one_database(
    scratch_connection: BaseDatabaseWrapper, another_session: BaseDatabaseWrapper
) -> None:
    with migration_lock(scratch_connection, wait=NO_WAIT) as lock:
        seen: list[LockHolder] = []
        with (
            pytest.raises(LockHeldError) as caught,
            migration_lock(another_session, wait=NO_WAIT, on_wait=seen.append),
        ):
            pytest.fail("two hold the lock")
        assert [holder.pid for holder in seen] == [lock.backend_pid]
        assert f"pid {lock.backend_pid}" in caught.value.holder
        # Two of these tests at once, on databases of one server, do not meet.
        assert lock_holder(another_session) == seen[0]

    assert lock_holder(another_session) is None


def test_released_and_settings_put_back_after_an_error(
    scratch_connection: BaseDatabaseWrapper, another_session: BaseDatabaseWrapper
) -> None:
    names = ("application_name", "client_connection_check_interval", "lock_timeout")
    before = [setting(scratch_connection, name) for name in names]

    def fail() -> None:
        with migration_lock(scratch_connection, wait=NO_WAIT):
            assert setting(scratch_connection, "client_connection_check_interval") == "1s"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert lock_holder(another_session) is None
    assert [setting(scratch_connection, name) for name in names] == before


def test_connection_that_was_closed_has_lost_the_lock(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    with migration_lock(scratch_connection, wait=NO_WAIT) as lock:
        lock.verify()
        scratch_connection.close()

        with pytest.raises(LockLostError, match="was closed"):
            lock.verify()


def test_lock_that_was_released_by_hand_is_noticed(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    with migration_lock(scratch_connection, wait=NO_WAIT) as lock:
        with scratch_connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock_all()")

        with pytest.raises(LockLostError, match="released"):
            lock.verify()


def test_negative_wait_is_refused(manage: ManageSituation) -> None:
    result = manage("migrate", "--lock-wait", "-1", situations=["two_steps"])

    assert "'-1' is not a number of seconds" in result.stderr
