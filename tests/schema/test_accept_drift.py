"""Accepting the database as it is: for a reason, shown first, with the history kept."""

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.drift.reading import DriftState, read_drift
from tests.schema.conftest import ManageSituation, begin_index, run

INDEX = "CREATE INDEX by_hand ON two_steps_messages (content)"


def accepted_drift(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT app || '.' || name, reason FROM schema_migrations"
            " WHERE event = 'drift_accepted' ORDER BY id"
        )
        return list(cursor.fetchall())


def test_database_from_before_the_ledger_gets_its_first_snapshot(
    manage: ManageSituation, from_before_the_ledger: BaseDatabaseWrapper
) -> None:
    before = manage("migration_drift", situations=["two_steps"])
    accepted = manage(
        "migration_accept", "--drift", "--reason", "as it was deployed", situations=["two_steps"]
    )
    after = manage("migration_drift", situations=["two_steps"])
    run(from_before_the_ledger, INDEX)
    changed = manage("migration_drift", situations=["two_steps"])

    said = " ".join(accepted.stdout.split())
    assert (before.returncode, accepted.returncode, after.returncode) == (1, 0, 0)
    assert (
        "The ledger has no snapshot. What is there will become the baseline, as "
        "two_steps.0001_initial left it: extension 1, sequence 1, table 1, column 2" in said
    )
    assert said.endswith("Accepted.")
    assert changed.returncode == 4
    assert accepted_drift(from_before_the_ledger) == [
        ("two_steps.0001_initial", "as it was deployed")
    ]


def test_drift_is_shown_and_not_accepted_without_a_reason(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    run(scratch_connection, INDEX)

    result = manage("migration_accept", "--drift", situations=["two_steps"])

    assert result.returncode == 3
    assert "added    index              by_hand" in result.stdout
    assert "Nothing was accepted: give --reason.\n" in result.stderr
    assert accepted_drift(scratch_connection) == []
    assert read_drift(scratch_connection).state is DriftState.DRIFT


def test_accepted_drift_is_none_and_the_history_is_kept(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    run(scratch_connection, INDEX)
    run(scratch_connection, "ALTER TABLE two_steps_messages ALTER content SET DEFAULT 'x'")

    result = manage("migration_accept", "--drift", "--reason", "kept", situations=["two_steps"])
    again = manage("migration_accept", "--drift", "--reason", "kept", situations=["two_steps"])
    clean = read_drift(scratch_connection)
    run(scratch_connection, "DROP INDEX by_hand")

    assert (result.returncode, again.returncode) == (0, 0)
    assert "Nothing to accept" in again.stdout
    assert clean.state is DriftState.NONE
    assert [str(one) for one in read_drift(scratch_connection).differences] == [
        "removed index public.by_hand"
    ]
    assert accepted_drift(scratch_connection) == [
        (
            "two_steps.0002_touch",
            "kept\nchanged column public.two_steps_messages.content\nadded index public.by_hand",
        )
    ]
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM schema_migrations WHERE event = 'applied'")
        assert cursor.fetchone() == (2,)


def test_faked_migration_is_completed_by_accepting_what_is_there(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])
    run(scratch_connection, INDEX)
    manage("migrate", "--fake", situations=["two_steps"])
    faked = read_drift(scratch_connection).state

    manage("migration_accept", "--drift", "--reason", "done by hand", situations=["two_steps"])

    assert faked is DriftState.DRIFT
    assert read_drift(scratch_connection).state is DriftState.NONE
    assert accepted_drift(scratch_connection)[0][0] == "two_steps.0002_touch"


def test_interrupted_migration_is_finished_first(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "not_atomic", "0002", situations=["not_atomic"])
    begin_index(scratch_connection)
    run(scratch_connection, "CREATE TABLE strays ()")

    result = manage("migration_accept", "--drift", "--reason", "x", situations=["not_atomic"])

    assert result.returncode == 7
    assert accepted_drift(scratch_connection) == []


def test_nothing_is_accepted_where_nothing_is_applied(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migration_accept", "--drift", "--reason", "x", situations=["two_steps"])

    assert result.returncode == 3
    assert "No migration is applied" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [(), ("two_steps",), ("two_steps", "0001", "--drift")],
    ids=["nothing", "app alone", "both"],
)
def test_one_thing_is_accepted_at_a_time(
    manage: ManageSituation, arguments: tuple[str, ...]
) -> None:
    result = manage("migration_accept", *arguments, situations=["two_steps"])

    assert result.returncode == 64
    assert "--drift" in result.stderr
    assert "Traceback" not in result.stderr
