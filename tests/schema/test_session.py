"""What a migration does to its session is undone before it is recorded and the next one runs."""

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.schema.conftest import ManageSituation

# As migrate has them: Django sets the time zone, migrate how long it waits for a lock.
USUAL = {
    "search_path": '"$user", public',
    "session_replication_role": "origin",
    "TimeZone": "UTC",
    "role": "none",
    "standard_conforming_strings": "on",
    "lock_timeout": "3s",
    "default_transaction_read_only": "off",
    "check_function_bodies": "on",
    "shelf.flag": "",
    "prepared": "0",
    "cursors": "0",
    "listening": "0",
}
TOP_OF_A_DUMP = (
    "SET statement_timeout = 0; SET lock_timeout = 0; SET client_encoding = 'UTF8'; "
    "SELECT pg_catalog.set_config('search_path', '', false); SET check_function_bodies = false; "
    "SET client_min_messages = warning; SET row_security = off"
)
LEFT = [
    "RESET ALL",
    "CREATE TEMPORARY TABLE shelves (id integer)",
    "CREATE TEMPORARY TABLE schema_migrations (id integer)",
    "SET search_path = pg_catalog",
    "SET LOCAL search_path = pg_catalog",
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off",
    "SET TimeZone = 'Asia/Tokyo'",
    "SET ROLE pg_monitor",
    "SET SESSION AUTHORIZATION pg_monitor",
    "SET lock_timeout = 0",
    "SET default_transaction_read_only = on",
    "SET shelf.flag = 'on'",
    "PREPARE shelf AS SELECT 1",
    "DECLARE shelf CURSOR WITH HOLD FOR SELECT 1",
    "LISTEN shelf",
    TOP_OF_A_DUMP,
]


def seen(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, coalesce(value, '') FROM seen")
        return dict(cursor.fetchall())


@pytest.mark.parametrize(
    ("left", "atomic"), [*((left, "yes") for left in LEFT), ("; ".join(LEFT), "no")]
)
def test_next_migration_and_the_records_see_nothing_of_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper, left: str, atomic: str
) -> None:
    environ = {"SITUATION_SETS": left, "SITUATION_ATOMIC": atomic}

    result = manage("migrate", situations=["sets_session"], **environ)
    drift = manage("migration_drift", situations=["sets_session"], **environ)

    assert result.returncode == 0, result.stderr
    assert seen(scratch_connection) == USUAL
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM shelves")
        assert cursor.fetchone() == (1,)
    assert drift.returncode == 0, drift.stdout


def test_failure_is_recorded_whatever_was_set_before(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    left = "SET ROLE pg_monitor; SET search_path = pg_catalog; SELECT 1 / 0"

    result = manage(
        "migrate", situations=["sets_session"], SITUATION_SETS=left, SITUATION_ATOMIC="no"
    )

    assert result.returncode == 1
    assert "division by zero" in result.stderr
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT event, name FROM schema_migrations ORDER BY id DESC LIMIT 1")
        assert cursor.fetchone() == ("failed", "0002_set")


@pytest.mark.parametrize("atomic", ["yes", "no"])
def test_rehearsal_sees_nothing_of_it(manage: ManageSituation, atomic: str) -> None:
    left = "CREATE TEMPORARY TABLE shelves (id integer); SET ROLE pg_monitor; " + TOP_OF_A_DUMP

    result = manage(
        "migration_rehearse",
        situations=["sets_session"],
        SITUATION_SETS=left,
        SITUATION_ATOMIC=atomic,
    )

    assert result.returncode == 0, result.stdout + result.stderr


def test_way_back_and_its_trial_run_see_nothing_of_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    environ = {"SITUATION_SETS": "SELECT 1", "SITUATION_SETS_BACK": "SET ROLE pg_monitor"}
    manage("migrate", situations=["sets_session"], **environ)

    result = manage("migrate", "sets_session", "zero", situations=["sets_session"], **environ)

    assert result.returncode == 0, result.stderr
    assert "Known from a trial run" in result.stdout
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('shelves'), to_regclass('seen')")
        assert cursor.fetchone() == (None, None)
