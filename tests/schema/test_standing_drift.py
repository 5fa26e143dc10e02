"""What was changed by hand stays known while migrations go on, until it is undone or accepted."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import override_settings

from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.drift.sentences import sentence
from chat.schema.management.commands.migrate import Command as Migrate
from tests.schema.conftest import EditedSituation, ManageSituation, begin_index, run

Situation = Callable[..., None]


def migrate(*arguments: str, **options: Any) -> None:
    call_command(
        Migrate(), *arguments, database="scratch", verbosity=0, interactive=False, **options
    )


def told(connection: BaseDatabaseWrapper) -> list[str]:
    found = read_drift(connection)
    assert (found.state is DriftState.NONE) is (not found.differences)
    return [str(difference) for difference in found.differences]


def test_migrate_says_what_was_done_by_hand_and_it_stays_drift(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])
    run(scratch_connection, "CREATE INDEX by_hand ON two_steps_messages (content)")

    result = manage("migrate", situations=["two_steps"])
    after = manage("migration_drift", "--format", "json", situations=["two_steps"])

    lines = result.stdout.splitlines()
    drift = lines.index("Drift: 1 object differs from what two_steps.0001_initial left.")
    assert result.returncode == 0
    assert drift < lines.index("  Applying two_steps.0002_touch... OK")
    assert lines[drift + 1].split() == ["added", "index", "by_hand"]
    assert " ".join(lines[drift + 2 : drift + 4]) == (
        "This run does not touch it; it stays reported until you undo it, or accept it with python "
        'manage.py migration_accept --drift --reason "why it stays"'
    )
    assert max(map(len, lines[1:])) <= 80
    assert after.returncode == 4
    assert [one["name"] for one in json.loads(after.stdout)["differences"]] == ["public.by_hand"]
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT name, reason FROM schema_migrations WHERE event = 'drifted'")
        assert cursor.fetchall() == [("0001_initial", "added index public.by_hand")]


def test_nothing_is_said_where_nothing_was_done(manage: ManageSituation) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])

    result = manage("migrate", situations=["two_steps"])

    assert "rift" not in result.stdout


@pytest.mark.parametrize(
    "deed",
    [
        "CREATE INDEX by_hand ON two_steps_messages (content)",
        "ALTER TABLE two_steps_messages ALTER COLUMN content SET DEFAULT 'x'",
        "ALTER TABLE two_steps_messages DROP CONSTRAINT two_steps_messages_pkey",
    ],
    ids=["added", "changed", "removed"],
)
def test_it_stays_through_runs_in_both_directions_and_fakes(
    scratch_connection: BaseDatabaseWrapper, situation: Situation, deed: str
) -> None:
    situation("two_steps", "house")
    migrate("two_steps", "0001")
    run(scratch_connection, deed)
    found = [told(scratch_connection)]

    migrate("two_steps")
    found.append(told(scratch_connection))
    migrate("two_steps", "0001")
    found.append(told(scratch_connection))
    migrate("house", fake=True)
    found.append(told(scratch_connection))

    assert found[0] != []
    assert found == [found[0]] * 4


def test_it_is_gone_when_it_is_undone(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate("two_steps", "0001")
    run(scratch_connection, "ALTER TABLE two_steps_messages ALTER COLUMN content SET DEFAULT 'x'")
    migrate("two_steps")

    run(scratch_connection, "ALTER TABLE two_steps_messages ALTER COLUMN content DROP DEFAULT")

    assert told(scratch_connection) == []


@pytest.mark.parametrize(
    "deed",
    [
        "CREATE INDEX by_hand ON two_steps_messages (content)",
        "ALTER TABLE two_steps_messages DROP CONSTRAINT two_steps_messages_pkey",
    ],
    ids=["added", "removed"],
)
def test_it_goes_with_the_table_that_a_migration_drops(
    scratch_connection: BaseDatabaseWrapper, situation: Situation, deed: str
) -> None:
    situation("two_steps")
    migrate()
    run(scratch_connection, deed)

    migrate("two_steps", "zero")

    assert told(scratch_connection) == []


def test_what_a_migration_changes_itself_is_its_own(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate()
    run(
        scratch_connection,
        """
        CREATE OR REPLACE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql
            AS $$ BEGIN RETURN NEW; END $$;
        CREATE TABLE strays ();
        """,
    )
    before = told(scratch_connection)

    migrate("two_steps", "0001")

    assert before == ["changed function public.shout()", "added table public.strays"]
    assert told(scratch_connection) == ["added table public.strays"]


def test_long_run_that_finds_drift_keeps_it_to_the_end(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps", "house", "house_extended", "paused")
    migrate("house", "0001")
    run(scratch_connection, "CREATE TABLE strays ()")

    migrate()

    assert told(scratch_connection) == ["added table public.strays"]


def test_it_survives_a_migration_that_fails_and_is_run_again(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    edited: Callable[[str], EditedSituation],
) -> None:
    app = edited("two_steps")
    manage("migrate", "two_steps", "0001", situations=[app.name], **app.environ)
    run(scratch_connection, "CREATE TABLE strays ()")
    script = app.migrations / "sql" / "0002_touch.up.sql"
    right = script.read_text()
    script.write_text(right + "\nSELECT 1 / 0;\n")

    failed = manage("migrate", situations=[app.name], **app.environ)
    between = told(scratch_connection)
    script.write_text(right)
    done = manage("migrate", situations=[app.name], **app.environ)

    assert (failed.returncode, done.returncode) == (1, 0)
    assert between == told(scratch_connection) == ["added table public.strays"]


def test_it_survives_a_migration_that_is_cut_off_and_the_half_of_that_is_no_drift(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("not_atomic")
    migrate("not_atomic", "0002")
    run(scratch_connection, "CREATE TABLE strays ()")
    begin_index(scratch_connection)
    run(scratch_connection, "CREATE INDEX not_atomic_ship_name_ix ON not_atomic_ship (name)")
    between = read_drift(scratch_connection)

    migrate("not_atomic", "0003", fake=True)

    assert between.state is DriftState.UNKNOWN
    assert [str(one) for one in between.certain] == ["added table public.strays"]
    assert told(scratch_connection) == ["added table public.strays"]


def test_index_of_somebody_else_is_never_taken_for_the_half_of_a_migration(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("not_atomic")
    migrate("not_atomic", "0002")
    run(scratch_connection, "CREATE INDEX not_atomic_ship_name_ix ON not_atomic_ship (name)")
    begin_index(scratch_connection)

    with pytest.raises(CommandError, match="already exists"):
        migrate()

    assert told(scratch_connection) == ["added index public.not_atomic_ship_name_ix"]


def test_after_a_rollback_it_is_told_from_the_rollback(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate()
    migrate("two_steps", "0001")
    run(scratch_connection, "CREATE TABLE strays ()")

    drift = read_drift(scratch_connection)

    assert sentence(drift) == (
        "1 object differs from the snapshot of the rollback of two_steps.0002_touch."
    )


def test_rollback_that_is_refused_writes_nothing_down(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("migrate", situations=["two_steps"])
    run(scratch_connection, "CREATE TABLE strays ()")

    refused = manage(
        "migrate", "two_steps", "zero", situations=["two_steps"], SITUATION_MELO_ENV="production"
    )

    assert refused.returncode == 3
    assert "strays" in refused.stdout
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM schema_migrations WHERE event = 'drifted'")
        assert cursor.fetchone() == (0,)


def test_first_run_on_a_database_from_before_the_ledger_says_what_it_takes(
    manage: ManageSituation, from_before_the_ledger: BaseDatabaseWrapper
) -> None:
    first = manage("migrate", situations=["two_steps"])

    assert first.returncode == 0
    assert "The ledger has no snapshot from before this run" in first.stdout
    assert told(from_before_the_ledger) == []


def test_tables_of_run_syncdb_are_no_drift_and_what_was_there_before_stays(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    with override_settings(
        INSTALLED_APPS=["situations.two_steps", "django.contrib.sessions"],
        MIGRATION_MODULES={"sessions": None},
    ):
        migrate("two_steps", "0001")
        run(scratch_connection, "CREATE TABLE strays ()")

        migrate(run_syncdb=True)
        found = [told(scratch_connection)]
        migrate(run_syncdb=True)
        found.append(told(scratch_connection))
        migrate("two_steps", "0001")
        found.append(told(scratch_connection))
        run(scratch_connection, "ALTER TABLE django_session ADD COLUMN extra int")
        found.append(told(scratch_connection))

    assert found == [["added table public.strays"]] * 3 + [
        ["added table public.strays", "added column public.django_session.extra"]
    ]
    with scratch_connection.cursor() as cursor:
        cursor.execute("SELECT reason FROM schema_migrations WHERE event = 'drift_accepted'")
        ((reason,),) = cursor.fetchall()
    assert reason.startswith("migrate --run-syncdb\n")
    assert "added table public.django_session" in reason
    assert "strays" not in reason


def test_object_in_a_schema_that_was_emptied_is_drift(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate()
    migrate("two_steps", "zero")
    run(scratch_connection, "CREATE TABLE strays ()")

    assert read_drift(scratch_connection).state is DriftState.DRIFT
