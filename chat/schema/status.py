"""What state every migration is in, and what follows from it.

Read from Django's table of applied migrations and from the files on disk; changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.exceptions import BadMigrationError, NodeNotFoundError
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL, SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation

from chat.schema.errors import BrokenMigrationsError
from chat.schema.names import require_app

MigrationKey: TypeAlias = tuple[str, str]


class MigrationState(StrEnum):
    """Where a migration stands between the files and the database."""

    APPLIED = "applied"
    PENDING = "pending"
    MISSING = "missing"


class MigrationKind(StrEnum):
    """What a migration is written in."""

    PYTHON = "python"
    SQL = "sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """One migration; what only its file could tell is None when the file is missing."""

    app: str
    name: str
    state: MigrationState
    applied_at: datetime | None = None
    is_reversible: bool | None = None
    kind: MigrationKind | None = None

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


def load_migrations(connection: BaseDatabaseWrapper) -> MigrationLoader:
    """Return Django's loader over the files on disk and the rows of `django_migrations`.

    Two statements, one where that table does not exist yet.

    Raises:
        BrokenMigrationsError: the files depend on one that is missing, or hold no migration.
    """
    try:
        return MigrationLoader(connection, ignore_no_migrations=True)
    except (BadMigrationError, NodeNotFoundError) as exc:
        raise BrokenMigrationsError(str(exc)) from exc


def migration_statuses(
    connection: BaseDatabaseWrapper, *, app_label: str | None = None
) -> list[MigrationStatus]:
    """Return every migration, or every migration of one app, with its state.

    Those on disk come in the order in which they are applied, dependencies first; those that are
    recorded but not on disk, also of apps that are gone, come last, the oldest first. A squashed
    migration stands for what it replaces wherever Django's loader says so. Two statements, one
    where `django_migrations` does not exist yet.

    Raises:
        UnknownAppError: no migration of such an app is on disk or recorded.
        BrokenMigrationsError: the files do not fit together.
    """
    loader = load_migrations(connection)
    statuses = [_status_on_disk(loader, key) for key in _plan_order(loader)]
    statuses += _missing(loader)
    if app_label is None:
        return statuses
    require_app(app_label, known=loader.migrated_apps | {status.app for status in statuses})
    return [status for status in statuses if status.app == app_label]


def current_migrations(statuses: Iterable[MigrationStatus]) -> dict[str, str | None]:
    """Return the current version of each app among `statuses`, None where nothing is applied.

    That is the applied migration that comes last in the plan, unless one that is missing on disk
    was applied after it: then the database is at that one.
    """
    current: dict[str, MigrationStatus | None] = {}
    for status in statuses:
        before = current.setdefault(status.app, None)
        if status.state is MigrationState.PENDING:
            continue
        if status.state is MigrationState.MISSING and before and _is_later(before, status):
            continue
        current[status.app] = status
    return {app: status.name if status else None for app, status in current.items()}


def current_migration(connection: BaseDatabaseWrapper, *, app_label: str) -> str | None:
    """Return the current version of an app, None when nothing of it is applied.

    Two statements, one where `django_migrations` does not exist yet.

    Raises:
        UnknownAppError: no migration of such an app is on disk or recorded.
        BrokenMigrationsError: the files do not fit together.
    """
    statuses = migration_statuses(connection, app_label=app_label)
    return current_migrations(statuses).get(app_label)


def is_ready(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the database is exactly what the code expects: nothing pending or missing.

    Two statements, one where `django_migrations` does not exist yet.
    """
    return all(status.state is MigrationState.APPLIED for status in migration_statuses(connection))


def names_in_state(statuses: Iterable[MigrationStatus], state: MigrationState) -> list[str]:
    """Return `app.name` of the migrations in a state, in the order given."""
    return [str(status) for status in statuses if status.state is state]


def next_step(statuses: Sequence[MigrationStatus]) -> str:
    """Return in one sentence what the operator does next."""
    missing = names_in_state(statuses, MigrationState.MISSING)
    pending = names_in_state(statuses, MigrationState.PENDING)
    if missing:
        return (
            f"The database is ahead of the code by {len(missing)}: deploy the code that has "
            "them, or, if they were deleted on purpose, run: "
            f"python manage.py migrate {missing[0].partition('.')[0]} --prune"
        )
    if pending:
        return f"{len(pending)} pending: python manage.py migrate"
    return "Nothing to do: the database is what the code expects."


def _plan_order(loader: MigrationLoader) -> list[MigrationKey]:
    order: dict[MigrationKey, None] = {}
    for leaf in loader.graph.leaf_nodes():
        order.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    return list(order)


def _status_on_disk(loader: MigrationLoader, key: MigrationKey) -> MigrationStatus:
    migration = loader.graph.nodes[key]
    is_applied = key in loader.applied_migrations
    return MigrationStatus(
        app=key[0],
        name=key[1],
        state=MigrationState.APPLIED if is_applied else MigrationState.PENDING,
        applied_at=_applied_at(loader, key) if is_applied else None,
        is_reversible=all(operation.reversible for operation in migration.operations),
        kind=_kind(migration),
    )


def _applied_at(loader: MigrationLoader, key: MigrationKey) -> datetime | None:
    recorded: datetime | None = getattr(loader.applied_migrations[key], "applied", None)
    if recorded is not None:
        return recorded
    # A squashed migration without a row of its own: applied by what it replaces.
    times = [
        time
        for replaced in loader.replacements[key].replaces
        if replaced in loader.applied_migrations
        and (time := _applied_at(loader, (replaced[0], replaced[1]))) is not None
    ]
    return max(times, default=None)


def _missing(loader: MigrationLoader) -> list[MigrationStatus]:
    on_disk = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        on_disk.update((app, name) for app, name in migration.replaces)
    missing = [
        MigrationStatus(
            app=key[0],
            name=key[1],
            state=MigrationState.MISSING,
            applied_at=_applied_at(loader, key),
        )
        for key in loader.applied_migrations
        if key not in on_disk
    ]
    return sorted(missing, key=lambda status: (str(status.applied_at), status.app, status.name))


def _is_later(one: MigrationStatus, other: MigrationStatus) -> bool:
    return (
        one.applied_at is not None
        and other.applied_at is not None
        and one.applied_at > other.applied_at
    )


def _kind(migration: Migration) -> MigrationKind:
    operations = list(_database_operations(migration.operations))
    if operations and all(isinstance(operation, RunSQL) for operation in operations):
        return MigrationKind.SQL
    return MigrationKind.PYTHON


def _database_operations(operations: Iterable[Operation]) -> Iterable[Operation]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _database_operations(operation.database_operations)
        else:
            yield operation
