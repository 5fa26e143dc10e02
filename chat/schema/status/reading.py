"""What state every migration is in.

Read from Django's table of applied migrations, from the ledger, and from the files on disk;
changes nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunSQL

from chat.schema.disk.checksums import (
    is_changed,
    is_of_installed_package,
    migration_checksum,
    migration_files,
)
from chat.schema.disk.loading import load_migrations, require_consistent
from chat.schema.disk.names import require_app
from chat.schema.disk.operations import database_operations
from chat.schema.disk.reversibility import irreversible_operations
from chat.schema.ledger.events import History, LedgerEvent, read_histories
from chat.schema.ledger.table import Event, MigrationKey
from chat.schema.session.lock import LockHolder, lock_holder
from chat.schema.status.tables import missing_tables


class MigrationState(StrEnum):
    """Where a migration stands between the files and the database."""

    APPLIED = "applied"
    PENDING = "pending"
    MODIFIED = "modified"
    MISSING = "missing"
    FAKED = "faked"
    UNTRACKED = "untracked"
    INTERRUPTED = "interrupted"


_READY = frozenset({MigrationState.APPLIED, MigrationState.FAKED, MigrationState.UNTRACKED})
_NO_HISTORY = History()


class AllowedChange(StrEnum):
    """Why files that have changed since they were applied are not refused."""

    PACKAGE = "package"
    SQUASH = "squash"


class MigrationKind(StrEnum):
    """What a migration is written in."""

    PYTHON = "python"
    SQL = "sql"


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationStatus:
    """One migration.

    What comes from its file is None when the file is missing, and what comes from the ledger when
    that has nothing. `is_applied` is what Django says. `checksum` is the recorded one,
    `checksum_on_disk` that of `files`. `begun` is a start without an end, `failure` how that went
    wrong; `runner` holds the lock, and so may be running it now. `allowed_change` says why it is
    not `modified`, though its files have changed. `only_in_ledger` is the event that applied it, if
    Django's table has no row of it any more.
    """

    app: str
    name: str
    state: MigrationState
    is_applied: bool = False
    applied_at: datetime | None = None
    duration_ms: int | None = None
    applied_by: str | None = None
    checksum: str | None = None
    checksum_on_disk: str | None = None
    files: tuple[Path, ...] = ()
    is_reversible: bool | None = None
    is_atomic: bool | None = None
    kind: MigrationKind | None = None
    begun: LedgerEvent | None = None
    failure: LedgerEvent | None = None
    runner: LockHolder | None = None
    allowed_change: AllowedChange | None = None
    only_in_ledger: LedgerEvent | None = None

    @property
    def key(self) -> MigrationKey:
        """What Django calls it."""
        return self.app, self.name

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


def read_statuses(
    connection: BaseDatabaseWrapper,
    *,
    app_label: str | None = None,
    loader: MigrationLoader | None = None,
    is_lock_ours: bool = False,
) -> list[MigrationStatus]:
    """Return every migration, or every migration of one app, with its state.

    Those on disk come in the order in which they are applied, dependencies first; those that are
    recorded but not on disk, also of apps that are gone, come last, the oldest first. A squashed
    migration stands for what it replaces wherever Django's loader says so.

    `loader` is one that has read the files already. With `is_lock_ours` nobody else can be running
    a migration that was begun. Four statements, two with a loader; two fewer where neither
    `django_migrations` nor the ledger exists yet, and one more when a migration was begun and not
    ended.

    Raises:
        UnknownAppError: no migration of such an app is on disk or recorded.
        BrokenMigrationsError: the files do not fit together.
        InconsistentHistoryError: one is applied whose dependency is not.
        ForeignLedgerError: a table with the ledger's name is not the ledger.
    """
    loader = loader or load_migrations(connection)
    histories = read_histories(connection)
    is_begun = any(history.begun and not history.failure for history in histories.values())
    runner = lock_holder(connection) if is_begun and not is_lock_ours else None
    statuses = [
        _status_on_disk(loader, key, histories.get(key, _NO_HISTORY), runner)
        for key in _plan_order(loader)
    ] + _missing(loader, histories)
    if not (
        in_state(statuses, MigrationState.MISSING) or in_state(statuses, MigrationState.MODIFIED)
    ):
        require_consistent(loader)
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
        if not status.is_applied:
            continue
        if status.state is MigrationState.MISSING and before and _is_later(before, status):
            continue
        current[status.app] = status
    return {app: status.name if status else None for app, status in current.items()}


def is_ready(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the database is what the code expects, its tables and views among it."""
    loader = load_migrations(connection)
    statuses = read_statuses(connection, loader=loader)
    return all_ready(statuses) and not missing_tables(connection, loader=loader)


def all_ready(statuses: Iterable[MigrationStatus]) -> bool:
    """Return whether nothing among these is pending, missing, modified or interrupted.

    What was faked or is untracked is taken to be as its files say.
    """
    return all(status.state in _READY for status in statuses)


def in_state(statuses: Iterable[MigrationStatus], state: MigrationState) -> list[MigrationStatus]:
    """Return those in a state, in the order given."""
    return [status for status in statuses if status.state is state]


def names_in_state(statuses: Iterable[MigrationStatus], state: MigrationState) -> list[str]:
    """Return `app.name` of the migrations in a state, in the order given."""
    return [str(status) for status in in_state(statuses, state)]


def rewritten_apps(statuses: Sequence[MigrationStatus]) -> list[str]:
    """Return the apps whose migrations were written anew since they were applied.

    Of these the first has changed, others that are applied are gone, and others are pending. A
    database that is only ahead of the code has none that is pending.
    """
    states: dict[str, list[MigrationState]] = {}
    for status in statuses:
        states.setdefault(status.app, []).append(status.state)
    return sorted(
        app
        for app, (first, *others) in states.items()
        if first is MigrationState.MODIFIED
        and {MigrationState.MISSING, MigrationState.PENDING} <= set(others)
    )


def _plan_order(loader: MigrationLoader) -> list[MigrationKey]:
    order: dict[MigrationKey, None] = {}
    for leaf in loader.graph.leaf_nodes():
        order.update(dict.fromkeys(loader.graph.forwards_plan(leaf)))
    return list(order)


def _status_on_disk(
    loader: MigrationLoader, key: MigrationKey, history: History, runner: LockHolder | None
) -> MigrationStatus:
    migration = loader.graph.nodes[key]
    is_applied = key in loader.applied_migrations
    on_disk = migration_checksum(migration)
    last = history.applied if is_applied else None
    recorded = (history.checksum if is_applied else None) or on_disk
    has_changed = is_changed(recorded=recorded, on_disk=on_disk)
    allowed_change = _allowed_change(history, migration) if has_changed else None
    return MigrationStatus(
        app=key[0],
        name=key[1],
        state=_state(
            history,
            is_applied=is_applied,
            is_atomic=migration.atomic,
            is_running=runner is not None,
            is_modified=has_changed and allowed_change is None,
        ),
        is_applied=is_applied,
        applied_at=_applied_at(loader, key) if is_applied else None,
        duration_ms=last.duration_ms if last else None,
        applied_by=last.applied_by if last else None,
        checksum=history.checksum if is_applied else None,
        checksum_on_disk=on_disk,
        files=migration_files(migration),
        is_reversible=not irreversible_operations(migration),
        is_atomic=migration.atomic,
        kind=_kind(migration),
        begun=_begun(history, is_applied=is_applied),
        failure=history.failure,
        runner=runner if history.begun and not history.failure else None,
        allowed_change=allowed_change,
        # Of a squashed one that was undone in part, Django keeps the row and goes by the parts.
        only_in_ledger=None if is_applied or migration.replaces else history.applied,
    )


def _allowed_change(history: History, migration: Migration) -> AllowedChange | None:
    """Return why changed files are not refused, None when they are.

    After squashing, Django's documentation says to remove the replaced migrations, and then
    `replaces` from the squashed one. Once that is recorded, no other change is allowed.
    """
    if is_of_installed_package(migration):
        return AllowedChange.PACKAGE
    applied = history.applied
    if applied is None or applied.event is not Event.SQUASHED or migration.replaces:
        return None
    return AllowedChange.SQUASH if history.checksum == applied.checksum else None


def _state(
    history: History, *, is_applied: bool, is_atomic: bool, is_running: bool, is_modified: bool
) -> MigrationState:
    begun = _begun(history, is_applied=is_applied)
    is_at_work = is_running and history.failure is None
    # Of a migration in one transaction nothing is left when it does not reach its end.
    if begun and not is_atomic and not is_at_work:
        return MigrationState.INTERRUPTED
    if not is_applied:
        return MigrationState.PENDING
    if is_modified:
        return MigrationState.MODIFIED
    if history.applied is None:
        return MigrationState.UNTRACKED
    if history.applied.event is Event.FAKED:
        return MigrationState.FAKED
    return MigrationState.APPLIED


def _begun(history: History, *, is_applied: bool) -> LedgerEvent | None:
    """Return what was begun and not ended, unless Django's table says that it was since."""
    if history.begun is None:
        return None
    is_rollback = history.begun.event is Event.UNAPPLY_STARTED
    return history.begun if is_rollback is is_applied else None


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


def _missing(
    loader: MigrationLoader, histories: Mapping[MigrationKey, History]
) -> list[MigrationStatus]:
    on_disk = set(loader.disk_migrations)
    for migration in loader.disk_migrations.values():
        on_disk.update((app, name) for app, name in migration.replaces)
    missing = []
    for key in loader.applied_migrations:
        if key in on_disk:
            continue
        history = histories.get(key, _NO_HISTORY)
        missing.append(
            MigrationStatus(
                app=key[0],
                name=key[1],
                state=MigrationState.MISSING,
                is_applied=True,
                applied_at=_applied_at(loader, key),
                duration_ms=history.applied.duration_ms if history.applied else None,
                applied_by=history.applied.applied_by if history.applied else None,
                checksum=history.checksum,
            )
        )
    return sorted(missing, key=lambda status: (str(status.applied_at), status.app, status.name))


def _is_later(one: MigrationStatus, other: MigrationStatus) -> bool:
    return (
        one.applied_at is not None
        and other.applied_at is not None
        and one.applied_at > other.applied_at
    )


def _kind(migration: Migration) -> MigrationKind:
    operations = list(database_operations(migration.operations))
    if operations and all(isinstance(operation, RunSQL) for operation in operations):
        return MigrationKind.SQL
    return MigrationKind.PYTHON
