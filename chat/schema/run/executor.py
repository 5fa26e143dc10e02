"""Django's executor, which keeps a migration and its records together.

A migration in one transaction, Django's row and the ledger's are one commit; a migration that is
not leaves a row before it begins. Nothing is run that the gates refuse, or without the lock.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg import errors

from chat.schema.catalogue.objects import Catalogue, ObjectKey, ObjectKind
from chat.schema.disk.loading import explaining_unreadable_migrations
from chat.schema.disk.reversibility import require_reversible
from chat.schema.drift.reading import Drift, read_drift
from chat.schema.errors import SchemaError
from chat.schema.ledger.snapshots import catalogue_before
from chat.schema.run.failures import migration_failed
from chat.schema.run.gates import (
    Plan,
    require_known,
    require_unchanged,
    require_uninterrupted,
    require_whole_sql,
    resumed,
)
from chat.schema.run.leftovers import drop_index, find_leftovers, invalid_indexes_refused
from chat.schema.run.patience import BlockedAttempt, BlockedError, Patience
from chat.schema.run.recorder import LedgerRecorder, Schema, Step
from chat.schema.session.blockers import BlockerWatch
from chat.schema.session.lock import MigrationLock
from chat.schema.session.server_errors import what_was_said
from chat.schema.session.settings import is_usable, session_settings
from chat.schema.status.reading import MigrationStatus, read_statuses
from chat.schema.status.sentences import sentence

if TYPE_CHECKING:
    from chat.schema.ledger.table import MigrationKey

_NO_BASELINE: Final = (
    "The ledger has no snapshot from before this run, so whatever it finds counts as the "
    "migrations' work."
)
_LOOK_WITHOUT_TIMEOUT: Final = timedelta(seconds=1)
# It may wait for others by design, as CREATE INDEX CONCURRENTLY does, and IF NOT EXISTS says in a
# notice that it does nothing.
_NOT_ATOMIC: Final = {"lock_timeout": "0", "client_min_messages": "notice"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Whom the executor tells, and whom it asks before it undoes anything.

    `drifted` gets what was changed by hand before anything is done. `failed` is told at once, while
    the line of the migration is still open; the error says more. `before_rollback` gets a
    backwards plan with the lock held and nothing done yet; what it raises stops the run.
    """

    notice: Callable[[str], None]
    drifted: Callable[[Drift], None]
    blocked: Callable[[BlockedAttempt], None]
    failed: Callable[[], None]
    before_rollback: Callable[[Plan], None]


class GatedExecutor(MigrationExecutor):
    """Django's executor, which cannot be made when an applied migration is unknown or changed."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        progress_callback: Any = None,
        *,
        is_lock_ours: bool = False,
        allow_missing: bool = False,
        allow_interrupted: bool = False,
    ) -> None:
        with explaining_unreadable_migrations():
            super().__init__(connection, progress_callback)
        self.statuses = read_statuses(connection, loader=self.loader, is_lock_ours=is_lock_ours)
        if not allow_missing:
            require_known(self.statuses)
        require_unchanged(self.statuses)
        if not (is_lock_ours or allow_interrupted):
            require_uninterrupted(self.statuses)

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Return Django's plan, in whose SQL no NUL cuts a statement off."""
        plan = super().migration_plan(targets, clean_start)
        if not clean_start:
            require_whole_sql(plan)
        return plan


class LedgerExecutor(GatedExecutor):
    """Django's executor with the ledger, under the lock."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        progress_callback: Any = None,
        *,
        lock: MigrationLock,
        patience: Patience,
        listener: Listener,
        allow_missing: bool = False,
    ) -> None:
        super().__init__(connection, self._progress, is_lock_ours=True, allow_missing=allow_missing)
        self._records = LedgerRecorder(connection, on_disk=self.loader.disk_migrations.get)
        self.recorder = self._records
        self._tell = progress_callback or (lambda *_: None)
        self._lock = lock
        self._patience = patience
        self._listener = listener
        # What was there before a migration that is finished now was first begun.
        self._before: dict[MigrationKey, Catalogue | None] = {}
        # Several looks within one wait.
        self._watch = BlockerWatch(
            connection,
            backend_pid=lock.backend_pid,
            patience=patience.lock_timeout / 3 or _LOOK_WITHOUT_TIMEOUT,
        )
        self._attempt = 1
        self._is_holding_back = False
        self._held_back: list[tuple[Any, ...]] = []

    def migrate(
        self,
        targets: Any,
        plan: Any = None,
        state: ProjectState | None = None,
        fake: bool = False,  # noqa: FBT001, FBT002 — Django's signature
        fake_initial: bool = False,  # noqa: FBT001, FBT002
    ) -> ProjectState:
        """Run the plan, having finished what was interrupted and asked before a rollback."""
        plan = self.migration_plan(targets) if plan is None else plan
        interrupted = resumed(self.statuses, plan, graph=self.loader.graph)
        is_backwards = any(undo for _, undo in plan)
        if is_backwards and not fake:
            require_reversible(migration for migration, undo in plan if undo)
        if not plan:
            return super().migrate(targets, plan, state, fake, fake_initial)
        drift = self._found_drift()
        if is_backwards:
            self._listener.before_rollback(plan)
        if drift.certain:
            self._records.record_drift(drift)
        left = self._found_leftovers([] if fake else interrupted)
        self._records.begin(Schema(live=drift.live, expected=drift.expected.without(left)))
        with self._watch, session_settings(self.connection, self._session):
            return super().migrate(targets, plan, state, fake, fake_initial)

    def apply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 — Django's signature
        fake_initial: bool = False,  # noqa: FBT001, FBT002
    ) -> ProjectState:
        """Run a migration forwards, together with its records."""
        # Applying changes the state that it is given, so each attempt needs one of its own.
        before = state.clone() if migration.atomic and not fake else state

        def attempt(number: int) -> ProjectState:
            given = state if number == 1 else before.clone()
            return super(LedgerExecutor, self).apply_migration(given, migration, fake, fake_initial)

        return self._run(migration, attempt, is_backwards=False, is_fake=fake)

    def unapply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 — Django's signature
    ) -> ProjectState:
        """Run a migration backwards, together with its records."""

        def attempt(_: int) -> ProjectState:
            return super(LedgerExecutor, self).unapply_migration(state, migration, fake)

        return self._run(migration, attempt, is_backwards=True, is_fake=fake)

    def detect_soft_applied(
        self, project_state: ProjectState | None, migration: Migration
    ) -> tuple[bool, ProjectState]:
        """Return what Django does, and remember that --fake-initial found the tables."""
        is_there, state = super().detect_soft_applied(project_state, migration)
        if is_there and self._records.step is not None:
            self._records.step.is_fake = True
        return is_there, state

    @property
    def _session(self) -> dict[str, str]:
        milliseconds = round(self._patience.lock_timeout.total_seconds() * 1000)
        return {"lock_timeout": f"{milliseconds}ms"}

    def _run(
        self,
        migration: Migration,
        attempt: Callable[[int], ProjectState],
        *,
        is_backwards: bool,
        is_fake: bool,
    ) -> ProjectState:
        self._lock.verify()
        step = Step(migration=migration, is_backwards=is_backwards, is_fake=is_fake)
        with self._at(step):
            state = self._carried_out(step, attempt)
            self._records.commit()
            return state

    def _carried_out(self, step: Step, attempt: Callable[[int], ProjectState]) -> ProjectState:
        migration = step.migration
        if step.is_fake:
            with self._committed():
                return attempt(1)
        self._records.record_begun(step)
        with self._failure_recorded(step):
            if migration.atomic:
                return self._patiently(migration, attempt)
            with (
                session_settings(self.connection, _NOT_ATOMIC),
                invalid_indexes_refused(self.connection),
            ):
                self._drop_leftovers(step)
                return attempt(1)

    def _patiently(
        self, migration: Migration, attempt: Callable[[int], ProjectState]
    ) -> ProjectState:
        """Try until no lock is in the way; each attempt is a transaction of its own."""
        patience = self._patience
        for number in count(1):
            self._attempt = number
            try:
                with self._watch.attempt(), self._committed():
                    return attempt(number)
            except DatabaseError as exc:
                if not _is_blocked(exc):
                    raise
                blockers = _described(self._watch)
                if number >= patience.attempts:
                    raise BlockedError(str(migration), attempts=number, blockers=blockers) from exc
            pause = patience.pause(attempt=number)
            self._listener.blocked(
                BlockedAttempt(
                    migration=migration,
                    attempt=number,
                    attempts=patience.attempts,
                    waited=patience.lock_timeout,
                    pause=pause,
                    blockers=blockers,
                )
            )
            time.sleep(pause.total_seconds())
            self._lock.verify()
        raise AssertionError("count() has no end")

    def _found_drift(self) -> Drift:
        """Say what was changed by hand, so that this run does not bury it."""
        drift = read_drift(self.connection)
        if drift.certain:
            self._listener.drifted(drift)
        if drift.migration is None and any(status.is_applied for status in self.statuses):
            self._listener.notice(_NO_BASELINE)
        return drift

    def _found_leftovers(self, interrupted: Sequence[MigrationStatus]) -> set[ObjectKey]:
        """Say what happened; return what that may have left, and is nobody's until it is dropped.

        A migration that makes such an index anew makes it its own.
        """
        left: set[ObjectKey] = set()
        for status in interrupted:
            before = self._before[status.key] = catalogue_before(self.connection, status.key)
            for index in find_leftovers(self.connection, before=before):
                left.add((ObjectKind.INDEX, index.qualified_name))
            self._listener.notice(f"{sentence(status)} It is run again from its first operation.")
        return left

    def _drop_leftovers(self, step: Step) -> None:
        """Drop the INVALID indexes that an interrupted run of this migration left."""
        for index in find_leftovers(self.connection, before=self._before.get(step.key)):
            if index.builder_pid is None:
                drop_index(self.connection, index)
                self._listener.notice(f"Dropped the {index}, which that run left.")

    @contextmanager
    def _at(self, step: Step) -> Iterator[None]:
        self._records.step = step
        self._attempt = 1
        try:
            yield
        finally:
            self._records.step = None

    @contextmanager
    def _committed(self) -> Iterator[None]:
        """Run the block in one transaction; what it reports as done is passed on afterwards."""
        self._held_back.clear()
        self._is_holding_back = True
        try:
            with transaction.atomic(using=self.connection.alias):
                yield
        finally:
            self._is_holding_back = False
        for report in self._held_back:
            self._tell(*report)

    @contextmanager
    def _failure_recorded(self, step: Step) -> Iterator[None]:
        session = self.connection.connection
        try:
            yield
        except BaseException as exc:
            self._listener.failed()
            # The error itself matters more than that it could not be written down.
            if is_usable(self.connection, session=session):
                try:
                    self._records.record_failed(step, reason=_reason(exc))
                except DatabaseError as unwritten:
                    exc.add_note(f"The ledger has no row of this failure: {unwritten}")
            if isinstance(exc, Exception) and not isinstance(exc, SchemaError):
                is_session_lost = self.connection.connection is not session or session.closed
                raise migration_failed(
                    step.migration, exc, is_session_lost=is_session_lost
                ) from exc
            raise

    def _progress(self, action: str, migration: Any = None, fake: bool = False) -> None:  # noqa: FBT001, FBT002
        """Hold back what is not certain before COMMIT, and say once what is tried again."""
        if action in {"apply_success", "unapply_success"} and self._is_holding_back:
            self._held_back.append((action, migration, fake))
        elif action not in {"apply_start", "unapply_start"} or self._attempt == 1:
            self._tell(action, migration, fake)


def _is_blocked(error: DatabaseError) -> bool:
    return isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected)


def _described(watch: BlockerWatch) -> tuple[str, ...]:
    if watch.blockers:
        return tuple(map(str, watch.blockers))
    if watch.error is not None:
        return (f"unknown: {watch.error}",)
    return ("sessions that were gone before they could be seen",)


def _reason(error: BaseException) -> str:
    return f"{type(error).__name__}: {what_was_said(error)}".strip()
