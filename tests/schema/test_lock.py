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


@pytest.mark.parametrize("option", ["--lock-wait", "--lock-timeout"])
@pytest.mark.parametrize("seconds", ["-1", "nan", "2147484", "1e300"])
def test_time_that_is_no_time_or_too_long_is_refused(
    manage: ManageSituation, option: str, seconds: str
) -> None:
    result = manage("migrate", option, seconds, situations=["two_steps"])

    assert result.returncode == 64
    assert f"'{seconds}' is not a number of seconds from 0 to 2147483" in result.stderr


def last_event(connection: BaseDatabaseWrapper) -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, name FROM schema_migrations ORDER BY id DESC LIMIT 1")
        event, name = cursor.fetchone()
    return event, name


@pytest.mark.parametrize("atomic", ["yes", "no"])
def test_migration_cannot_close_its_connection(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, atomic: str
) -> None:
    environ = {"SITUATION_LOSES": "close", "SITUATION_ATOMIC": atomic}

    result = manage("migrate", situations=["loses_lock"], **environ)

    assert result.returncode == 1
    assert ", in add (Raw Python operation)\n" in result.stderr
    assert "RuntimeError: A migration must not close its connection" in result.stderr
    assert last_event(scratch_connection) == ("failed", "0002_add")


def test_end_without_the_lock_is_not_recorded(
    manage: ManageSituation,
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
    tmp_path: Path,
) -> None:
    environ = {"SITUATION_LOSES": "unlock", "SITUATION_PAUSES": str(tmp_path)}
    loser = start("migrate", situations=["loses_lock"], **environ)
    wait_until((tmp_path / "unlocked.reached").exists)
    other = manage("migrate", situations=["loses_lock"])
    (tmp_path / "unlocked.passed").touch()
    _, said = loser.communicate()

    assert (loser.returncode, other.returncode) == (1, 0), other.stderr
    assert said.startswith(
        "CommandError: The migration lock was lost during a migration; that this came to its end "
        "is not recorded.\n"
    )
    assert "python manage.py migrate loses_lock 0002_add --fake" in said
    assert last_event(scratch_connection) == ("applied", "0002_add")
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM django_migrations WHERE name = '0002_add'")
        assert cursor.fetchone() == (1,)


def test_atomic_migration_that_lost_the_lock_is_rolled_back(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    environ = {"SITUATION_LOSES": "unlock", "SITUATION_ATOMIC": "yes"}

    result = manage("migrate", situations=["loses_lock"], **environ)

    assert result.returncode == 1
    assert result.stderr.startswith("CommandError: The migration lock is not held any more")
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT height FROM tides")
        assert cursor.fetchone() == (100,)


def test_transaction_that_a_migration_left_open_is_no_end(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["loses_lock"], SITUATION_LOSES="BEGIN")

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: A migration with atomic = False left a transaction open; it was rolled "
        "back.\n"
        "loses_lock.0002_add began one, by BEGIN or set_autocommit(False), and did not end it.\n"
        "Write the COMMIT that is missing, then run this again.\n"
    )
    assert last_event(scratch_connection) == ("failed", "0002_add")
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT height FROM tides")
        assert cursor.fetchone() == (110,)
