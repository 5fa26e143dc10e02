"""The ledger: what is in it after each kind of run, and that nobody changes it."""

import getpass
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import ProgrammingError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.db.utils import DatabaseError

from chat.schema.catalogue.objects import Catalogue, ObjectKind, read_catalogue
from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.ledger.events import read_events, read_histories
from chat.schema.ledger.snapshots import last_snapshot, take_catalogue, without_bookkeeping
from chat.schema.ledger.stored import from_stored
from chat.schema.ledger.table import Event, ForeignLedgerError, append, ensure_ledger, has_ledger
from chat.schema.management.commands.migrate import Command as Migrate
from chat.schema.status.reading import MigrationState, read_statuses
from tests.schema.conftest import EditedSituation, ManageSituation

Situation = Callable[..., None]


def migrate(*arguments: str, **options: Any) -> None:
    call_command(
        Migrate(), *arguments, database="scratch", verbosity=0, interactive=False, **options
    )


def rows(connection: BaseDatabaseWrapper, columns: str = "event, app, name") -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM schema_migrations ORDER BY id")
        return list(cursor.fetchall())


def snapshots(connection: BaseDatabaseWrapper) -> list[tuple[str, str, Catalogue]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT app, name, catalogue FROM schema_migrations WHERE event = 'applied' ORDER BY id"
        )
        return [(app, name, from_stored(stored)) for app, name, stored in cursor.fetchall()]


def test_every_column_is_filled(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    earlier = datetime.now(UTC)

    migrate()

    with scratch_connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, checksum, duration_ms, applied_at, applied_by, postgresql_version,"
            " wal_lsn::text, jsonb_array_length(catalogue)"
            " FROM schema_migrations WHERE event = 'applied' ORDER BY id"
        )
        applied = cursor.fetchall()
        cursor.execute("SHOW server_version")
        (server,) = cursor.fetchone()
    assert [row[0] for row in applied] == ["0001_initial", "0002_touch"]
    for _, checksum, duration, at, by, version, lsn, objects in applied:
        assert re.fullmatch(r"sha256:[0-9a-f]{64}", checksum)
        assert 0 <= duration < 60_000
        assert earlier <= at <= datetime.now(UTC)
        user = scratch_connection.connection.info.user
        assert by == f"{user} ({getpass.getuser()}@{socket.gethostname()})"
        assert version == server
        assert re.fullmatch(r"[0-9A-F]+/[0-9A-F]+", lsn)
        assert objects > 3
    assert rows(scratch_connection) == [
        ("started", "two_steps", "0001_initial"),
        ("applied", "two_steps", "0001_initial"),
        ("started", "two_steps", "0002_touch"),
        ("applied", "two_steps", "0002_touch"),
    ]


def test_snapshot_is_the_catalogue_without_the_bookkeeping(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    before = take_catalogue(scratch_connection)

    migrate()

    recorded = last_snapshot(scratch_connection)
    assert recorded is not None
    assert (recorded.name, recorded.is_current) == ("0002_touch", True)
    assert recorded.catalogue == without_bookkeeping(read_catalogue(scratch_connection))
    assert list(recorded.catalogue.of_kind(ObjectKind.TABLE)) == ["public.two_steps_messages"]
    migrate("two_steps", "zero")
    assert take_catalogue(scratch_connection) == before


def test_every_migration_of_a_run_has_its_own_snapshot(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps", "house", "house_extended", "paused")
    migrate()
    at_once = snapshots(scratch_connection)
    for app in ("house_extended", "house", "paused", "two_steps"):
        migrate(app, "zero")

    one_by_one = []
    for app, name, _ in at_once:
        migrate(app, name)
        one_by_one.append((app, name, take_catalogue(scratch_connection)))

    assert len(at_once) == 7
    assert at_once == one_by_one


def test_rollback_fake_and_prune_are_events(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    migrate("two_steps", "0001")
    migrate("two_steps", "0002", fake=True)
    migrate("two_steps", "0001", fake=True)
    migrate("two_steps", "zero")
    MigrationRecorder(scratch_connection).record_applied("two_steps", "0000_gone")
    migrate("two_steps", prune=True)

    assert [(event, name) for event, _, name in rows(scratch_connection)] == [
        ("started", "0001_initial"),
        ("applied", "0001_initial"),
        ("faked", "0002_touch"),
        ("unfaked", "0002_touch"),
        ("unapply_started", "0001_initial"),
        ("unapplied", "0001_initial"),
        ("pruned", "0000_gone"),
    ]
    assert MigrationRecorder(scratch_connection).applied_migrations() == {}


def test_fake_initial_that_finds_the_tables_is_faked(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE two_steps_messages (id bigserial, content text)")

    migrate("two_steps", "0001", fake_initial=True)

    (status, _) = read_statuses(scratch_connection)
    assert status.state is MigrationState.FAKED
    assert rows(scratch_connection)[-1] == ("faked", "two_steps", "0001_initial")


def test_squashed_migration_is_recorded_with_what_it_replaces(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("squashed")

    migrate()

    assert [row for row in rows(scratch_connection) if row[0] != "started"] == [
        ("applied", "squashed", "0001_one"),
        ("applied", "squashed", "0002_two"),
        ("squashed", "squashed", "0001_squashed_0002_two"),
    ]
    (status,) = read_statuses(scratch_connection)
    assert status.state is MigrationState.APPLIED


def test_failed_migration_is_pending_and_says_why(manage: ManageSituation) -> None:
    failed = manage("migrate", situations=["broken_sql"])
    status = manage("migration_status", situations=["broken_sql"])

    assert failed.returncode == 1
    assert "  pending " in status.stdout
    said = " ".join(status.stdout.split())
    assert "broken_sql.0001_only: applying it began at" in said
    assert 'syntax error at or near "TABEL")' in said
    assert "it is one transaction, so nothing of that was kept." in said


def test_ok_is_not_said_before_the_commit(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migrate", situations=["fails_at_commit"])

    assert result.returncode == 1
    assert result.stdout.endswith("Applying fails_at_commit.0001_initial... FAILED\n")
    assert "violates foreign key constraint" in result.stderr
    left = without_bookkeeping(read_catalogue(scratch_connection))
    assert list(left.of_kind(ObjectKind.TABLE)) == []
    assert rows(scratch_connection, "event") == [("started",), ("failed",)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE schema_migrations SET checksum = NULL",
        "DELETE FROM schema_migrations",
        "TRUNCATE schema_migrations",
    ],
)
def test_rows_are_never_changed(scratch_connection: BaseDatabaseWrapper, statement: str) -> None:
    ensure_ledger(scratch_connection)
    append(scratch_connection, event=Event.ACCEPTED, app="chat", name="0001_initial")

    with scratch_connection.cursor() as cursor, pytest.raises(DatabaseError) as caught:
        cursor.execute(statement)

    assert isinstance(caught.value.__cause__, psycopg.errors.RestrictViolation)
    assert len(rows(scratch_connection)) == 1


def test_ledger_is_made_once_and_survives_flush(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    assert not has_ledger(scratch_connection)
    migrate()
    before = rows(scratch_connection)

    ensure_ledger(scratch_connection)
    call_command("flush", database="scratch", interactive=False, verbosity=0)

    assert rows(scratch_connection) == before


def test_nothing_is_recorded_where_there_is_no_ledger(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")

    assert read_histories(scratch_connection) == {}
    assert last_snapshot(scratch_connection) is None
    with pytest.raises(ProgrammingError):
        rows(scratch_connection)


def test_migrations_from_before_the_ledger_are_untracked(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps")
    recorder = MigrationRecorder(scratch_connection)
    recorder.ensure_schema()
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE two_steps_messages (id bigserial, content text)")
    recorder.record_applied("two_steps", "0001_initial")

    migrate()

    first, second = read_statuses(scratch_connection)
    assert (first.state, second.state) == (MigrationState.UNTRACKED, MigrationState.APPLIED)


def test_table_of_an_earlier_runner_is_not_taken_for_the_ledger(
    scratch_connection: BaseDatabaseWrapper, manage: ManageSituation
) -> None:
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE schema_migrations (version text, checksum text)")

    result = manage("migrate", situations=["two_steps"])

    assert result.returncode == 1
    assert result.stderr.endswith(
        "ALTER TABLE schema_migrations RENAME TO schema_migrations_before_django;\n"
    )
    assert list(read_catalogue(scratch_connection).of_kind(ObjectKind.TABLE)) == [
        "public.schema_migrations"
    ]
    with pytest.raises(ForeignLedgerError, match="version, checksum"):
        ensure_ledger(scratch_connection)


def test_events_come_newest_first_and_page_by_page(
    scratch_connection: BaseDatabaseWrapper, situation: Callable[..., None]
) -> None:
    situation("two_steps")
    migrate()
    migrate("two_steps", "0001")

    first = read_events(scratch_connection, limit=3)
    second = read_events(scratch_connection, before=first[-1].id, limit=10)

    assert [(str(event.event), event.name) for event in first + second] == [
        ("unapplied", "0002_touch"),
        ("unapply_started", "0002_touch"),
        ("applied", "0002_touch"),
        ("started", "0002_touch"),
        ("applied", "0001_initial"),
        ("started", "0001_initial"),
    ]


def test_nothing_was_done_where_there_is_no_ledger(
    scratch_connection: BaseDatabaseWrapper,
) -> None:
    assert read_events(scratch_connection) == []


def test_long_run_keeps_few_snapshots_and_the_last(
    manage: ManageSituation,
    scratch_connection: BaseDatabaseWrapper,
    edited: Callable[[str], EditedSituation],
) -> None:
    app = edited("two_steps")
    before = "0002_touch"
    for number in range(3, 41):
        name = f"{number:04}_table"
        (app.migrations / f"{name}.py").write_text(
            "from django.db import migrations\n\n\n"
            "class Migration(migrations.Migration):\n"
            f"    dependencies = [('two_steps', '{before}')]\n"
            "    operations = [migrations.RunSQL(\n"
            f"        'CREATE TABLE t{number} (id integer)', 'DROP TABLE t{number}'\n"
            "    )]\n"
        )
        before = name

    manage("migrate", situations=[app.name], **app.environ)

    kept = [
        int(name[:4])
        for name, is_kept in rows(scratch_connection, "name, catalogue IS NOT NULL")
        if is_kept
    ]
    assert kept == [1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 40]
    assert read_drift(scratch_connection).state is DriftState.NONE

    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE TABLE by_hand ()")
    manage("migrate", "two_steps", "0020", situations=[app.name], **app.environ)

    undone = [
        is_kept
        for event, is_kept in rows(scratch_connection, "event, catalogue IS NOT NULL")
        if event == "unapplied"
    ]
    # What was changed by hand is told from what each of them did.
    assert undone == [True] * 20
