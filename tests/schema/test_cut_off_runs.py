"""A long run that is killed in the middle: what it did is known, and what others did since."""

import json
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.drift.sentences import sentence
from chat.schema.ledger.snapshots import last_snapshot, take_catalogue
from chat.schema.session.lock import lock_holder
from tests.schema.conftest import ManageSituation, StartSituation, wait_until

Situation = Callable[..., None]

# With these a run has seven migrations, or ten; it can be stopped in `paused.0002_change`.
ATOMIC = ["house", "house_extended", "paused", "two_steps"]
LONG = [*ATOMIC, "not_atomic"]

PATIENT = ("--lock-timeout", "0")


def run(connection: BaseDatabaseWrapper, script: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(script)


def applied(connection: BaseDatabaseWrapper) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, name FROM django_migrations ORDER BY id")
        return list(cursor.fetchall())


@pytest.fixture
def cut_off(start: StartSituation, tmp_path: Path) -> Callable[[list[str]], None]:
    """Starts a long run, and kills it when it is in the middle."""

    def kill_in_the_middle(situations: list[str]) -> None:
        process = start("migrate", *PATIENT, situations=situations, SITUATION_PAUSES=str(tmp_path))
        wait_until((tmp_path / "ddl.reached").exists)
        process.kill()
        process.wait()

    return kill_in_the_middle


@pytest.mark.parametrize(
    ("situations", "begun"),
    [(ATOMIC, []), (LONG, []), (LONG, ["two_steps"])],
    ids=["from zero", "after an index", "from a version"],
)
def test_what_is_done_by_hand_after_a_run_was_cut_off_is_named_and_stays(
    manage: ManageSituation,
    cut_off: Callable[[list[str]], None],
    scratch_connection: BaseDatabaseWrapper,
    situations: list[str],
    begun: list[str],
) -> None:
    if begun:
        manage("migrate", *begun, situations=situations)
    cut_off(situations)
    run(scratch_connection, "CREATE TABLE strays ()")

    before = manage("migration_drift", "--format", "json", situations=situations)
    finished = manage("migrate", situations=situations)
    after = manage("migration_drift", "--format", "json", situations=situations)

    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    drift = lines.index("Drift: 1 object differs from what paused.0001_initial left.")
    assert lines[drift + 1].split() == ["added", "table", "strays"]
    assert [before.returncode, after.returncode] == [4, 4]
    for told in (before, after):
        assert [one["name"] for one in json.loads(told.stdout)["differences"]] == ["public.strays"]


def test_nothing_differs_after_a_run_was_cut_off(
    cut_off: Callable[[list[str]], None], scratch_connection: BaseDatabaseWrapper
) -> None:
    cut_off(ATOMIC)

    drift = read_drift(scratch_connection)

    assert len(applied(scratch_connection)) == 5
    assert drift.state is DriftState.NONE
    assert sentence(drift) == "Nothing differs from the snapshot of paused.0001_initial."


def test_work_of_a_run_that_was_cut_off_in_a_concurrent_index_is_nobody_elses(
    manage: ManageSituation, start: StartSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "two_steps", situations=LONG)
    with psycopg.connect(**scratch_connection.get_connection_params()) as reader:
        # A snapshot, for which the index waits.
        reader.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        reader.execute("SELECT count(*) FROM pg_class")
        process = start("migrate", situations=LONG)
        wait_until(lambda: ("not_atomic", "0002_add_columns") in applied(scratch_connection))
        wait_until(lambda: last_event(scratch_connection) == ("started", "0003_concurrently"))
        process.kill()
        process.wait()
        # Or else its session might finish the index.
        wait_until(lambda: lock_holder(scratch_connection) is None)

    drift = read_drift(scratch_connection)
    finished = manage("migrate", situations=LONG)

    assert [str(one) for one in drift.certain] == []
    assert finished.returncode == 0, finished.stderr
    assert "Drift" not in finished.stdout
    assert read_drift(scratch_connection).state is DriftState.NONE


def last_event(connection: BaseDatabaseWrapper) -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT event, name FROM schema_migrations ORDER BY id DESC LIMIT 1")
        event, name = cursor.fetchone()
    return event, name


def test_catalogue_of_every_migration_of_a_long_run_is_known(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=LONG)
    manage("migrate", "house", "zero", situations=LONG)
    manage("migrate", "paused", "zero", situations=LONG)
    manage("migrate", situations=LONG)

    recorded = last_snapshot(scratch_connection)

    assert recorded is not None
    assert recorded.catalogue == take_catalogue(scratch_connection)
