"""The state of every migration, in each state, as values."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.core.management.color import no_style
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.disk.loading import BrokenMigrationsError
from chat.schema.management.commands.migrate import Command as Migrate
from chat.schema.status.reading import (
    MigrationKind,
    MigrationState,
    MigrationStatus,
    current_migrations,
    is_ready,
    read_statuses,
)
from chat.schema.status.report import status_table
from chat.schema.status.sentences import next_step
from tests.schema.conftest import ManageSituation

Situation = Callable[..., None]


def migrate(*arguments: str) -> None:
    call_command(Migrate(), *arguments, database="scratch", verbosity=0, interactive=False)


def record(connection: BaseDatabaseWrapper, app: str, name: str) -> None:
    recorder = MigrationRecorder(connection)
    recorder.ensure_schema()
    recorder.record_applied(app, name)


def current_migration(connection: BaseDatabaseWrapper, *, app_label: str) -> str | None:
    return current_migrations(read_statuses(connection, app_label=app_label))[app_label]


def states(connection: BaseDatabaseWrapper, app_label: str | None = None) -> list[tuple[str, str]]:
    return [
        (str(status), str(status.state))
        for status in read_statuses(connection, app_label=app_label)
    ]


def test_everything_is_pending_on_an_empty_database(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("house", "two_steps")

    statuses = read_statuses(scratch_connection)

    assert [(str(one), one.state, one.is_applied, one.kind) for one in statuses] == [
        ("two_steps.0001_initial", MigrationState.PENDING, False, MigrationKind.PYTHON),
        ("house.0001_initial", MigrationState.PENDING, False, MigrationKind.PYTHON),
        ("two_steps.0002_touch", MigrationState.PENDING, False, MigrationKind.SQL),
    ]
    assert {(one.is_reversible, one.applied_at, one.checksum) for one in statuses} == {
        (True, None, None)
    }
    assert current_migration(scratch_connection, app_label="two_steps") is None
    assert not is_ready(scratch_connection)
    with scratch_connection.cursor() as cursor:
        assert scratch_connection.introspection.table_names(cursor) == []


def test_applied_migrations_say_when(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    earlier = datetime.now(UTC)
    migrate("two_steps", "0001")

    first, second = read_statuses(scratch_connection, app_label="two_steps")

    assert first.state is MigrationState.APPLIED
    assert first.applied_at is not None
    assert earlier <= first.applied_at <= datetime.now(UTC)
    assert (second.state, second.applied_at) == (MigrationState.PENDING, None)
    assert current_migration(scratch_connection, app_label="two_steps") == "0001_initial"
    assert not is_ready(scratch_connection)


def test_ready_when_all_is_applied(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")

    migrate()

    assert is_ready(scratch_connection)
    assert current_migration(scratch_connection, app_label="two_steps") == "0002_touch"


def test_recorded_but_not_on_disk_is_missing(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate()
    record(scratch_connection, "two_steps", "0003_newer")
    record(scratch_connection, "gone", "0001_initial")

    statuses = read_statuses(scratch_connection)

    assert [(str(status), str(status.state)) for status in statuses] == [
        ("two_steps.0001_initial", "applied"),
        ("two_steps.0002_touch", "applied"),
        ("two_steps.0003_newer", "missing"),
        ("gone.0001_initial", "missing"),
    ]
    assert (statuses[2].is_reversible, statuses[2].kind) == (None, None)
    assert statuses[2].applied_at is not None
    assert current_migration(scratch_connection, app_label="two_steps") == "0003_newer"
    assert current_migration(scratch_connection, app_label="gone") == "0001_initial"
    assert not is_ready(scratch_connection)
    assert next_step(statuses).startswith("The database is ahead of the code by 2:")


def test_older_row_of_a_deleted_migration_is_not_the_current_version(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate()
    record(scratch_connection, "two_steps", "0000_deleted")
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            "UPDATE django_migrations SET applied = '2020-01-01Z' WHERE name = '0000_deleted'"
        )

    assert current_migration(scratch_connection, app_label="two_steps") == "0002_touch"


@pytest.mark.parametrize(
    ("recorded", "expected", "current"),
    [
        ([], [("squashed.0001_squashed_0002_two", "pending")], None),
        (
            ["0001_one"],
            [("squashed.0001_one", "untracked"), ("squashed.0002_two", "pending")],
            "0001_one",
        ),
        (
            ["0001_one", "0002_two"],
            [("squashed.0001_squashed_0002_two", "untracked")],
            "0001_squashed_0002_two",
        ),
        (
            ["0001_one", "0002_two", "0001_squashed_0002_two"],
            [("squashed.0001_squashed_0002_two", "untracked")],
            "0001_squashed_0002_two",
        ),
    ],
)
def test_squashed_migration_stands_for_what_it_replaces(
    scratch_connection: BaseDatabaseWrapper,
    situation: Situation,
    recorded: list[str],
    expected: list[tuple[str, str]],
    current: str | None,
) -> None:
    situation("squashed")
    for name in recorded:
        record(scratch_connection, "squashed", name)

    assert states(scratch_connection) == expected
    assert current_migration(scratch_connection, app_label="squashed") == current
    for status in read_statuses(scratch_connection):
        assert (status.applied_at is not None) == status.is_applied


def test_replaced_migrations_whose_files_are_deleted_are_not_missing(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("squashed_and_deleted")
    for name in ("0001_one", "0002_two", "0001_squashed_0002_two"):
        record(scratch_connection, "squashed_and_deleted", name)

    assert states(scratch_connection) == [
        ("squashed_and_deleted.0001_squashed_0002_two", "untracked")
    ]
    assert is_ready(scratch_connection)


def test_missing_down_file_is_not_reversible(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("missing_down")

    (status,) = read_statuses(scratch_connection)

    assert (status.is_reversible, status.kind) == (False, MigrationKind.SQL)


def test_dependency_that_is_not_on_disk_is_named(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("broken_dependency")

    with pytest.raises(BrokenMigrationsError, match="0001_first"):
        read_statuses(scratch_connection)


def test_table_fits_eighty_columns_and_keeps_both_ends_of_a_long_name() -> None:
    status = MigrationStatus(
        app="chat",
        name="0009_" + "a_very_long_description_" * 4 + "end",
        state=MigrationState.APPLIED,
        is_applied=True,
        applied_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC),
        duration_ms=61_400,
        applied_by="deployment (continuous-integration@runner-7)",
        checksum="sha256:0123456789abcdef",
        is_reversible=False,
        kind=MigrationKind.SQL,
    )

    rows = status_table([status], style=no_style()).splitlines()[3:5]

    assert [len(row) for row in rows] == [80, 80]
    assert rows == [
        "  applied      sql     no    0009_a_very_long_descript…very_long_description_end",
        "               2026-01-31 23:59    61.4 s  01234567  deployment (c…ion@runner-7)",
    ]


@pytest.mark.parametrize(
    ("app", "recorded", "said"),
    [
        (
            "squashed_and_deleted",
            ["0001_one"],
            (
                "squashed_and_deleted.0001_squashed_0002_two replaces "
                "squashed_and_deleted.0001_one, applied, and squashed_and_deleted.0002_two, "
                "not applied and not on disk any more."
            ),
        ),
        (
            "two_steps",
            ["0002_touch"],
            (
                "Migration two_steps.0002_touch is applied before its dependency "
                "two_steps.0001_initial.\nIf the database has what the dependency does, record it: "
                "INSERT INTO django_migrations (app, name, applied) VALUES "
                "('two_steps', '0001_initial', current_timestamp);"
            ),
        ),
        (
            "conflicting",
            [],
            (
                "Conflicting migrations detected; multiple leaf nodes in the migration graph: "
                "(0002_one, 0002_two in conflicting).\n"
                "To fix them run 'python manage.py makemigrations --merge'\n"
            ),
        ),
        ("circular", [], "Each of these depends on the next: circular."),
    ],
)
def test_every_command_says_why_nothing_can_be_migrated(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    app: str,
    recorded: list[str],
    said: str,
) -> None:
    for name in recorded:
        record(scratch_connection, app, name)

    results = [
        manage(*command, situations=[app])
        for command in (
            ["migrate"],
            ["migrate", app, "zero"],
            ["migrate", "--plan"],
            ["migrate", "--check"],
            ["migration_status"],
            ["migration_status", "--check"],
            ["migration_current"],
            ["migration_reset", "--noinput"],
        )
    ]

    assert [result.returncode for result in results] == [1] * len(results)
    for result in results:
        assert said in result.stderr
        assert "Traceback" not in result.stderr
