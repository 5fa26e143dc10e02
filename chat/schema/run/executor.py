"""Django's executor, which commits each migration together with its records.

An atomic migration, Django's row and the ledger's are one commit; one with `atomic = False` has a
row in the ledger before it begins. Nothing is run without the lock, nor anything that the gates
refuse.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any, Final

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg import errors

from chat.schema.catalogue.objects import Catalogue, ObjectKey, ObjectKind
from chat.schema.disk.loading import explaining_unreadable_migrations, require_consistent
from chat.schema.disk.reversibility import require_reversible
from chat.schema.drift.reading import Drift, read_drift
from chat.schema.errors import SchemaError, end_of_process_refused
from chat.schema.ledger.snapshots import catalogue_before
from chat.schema.ledger.table import Event
from chat.schema.run.failures import migration_failed
from chat.schema.run.gates import (
    Plan,
    interrupted_in,
    require_agreement,
    require_finished_first,
    require_known,
    require_unchanged,
    require_uninterrupted,
    require_whole_sql,
)
from chat.schema.run.leftovers import IndexWatch, drop_index, find_leftovers
from chat.schema.run.patching import closing_refused, one_savepoint_less
from chat.schema.run.patience import BlockedAttempt, BlockedError, Patience
from chat.schema.run.recorder import LedgerRecorder, Schema, Step
from chat.schema.session.blockers import Blocker, BlockerWatch
from chat.schema.session.errors import LockLostError, OpenTransactionError, UnrecordedEndError
from chat.schema.session.lock import MigrationLock
from chat.schema.session.server_errors import what_was_said
from chat.schema.session.settings import (
    is_usable,
    roll_back_open,
    session_settings,
    session_state,
)
from chat.schema.status.reading import MigrationStatus, read_statuses
from chat.schema.status.sentences import allowed_changes, sentence
from chat.schema.status.tables import missing_tables

_NO_BASELINE: Final = (
    "The ledger has no snapshot from before this run, so what was changed by hand until now "
    "cannot be told from what the migrations did."
)
_LOOK_WITHOUT_TIMEOUT: Final = timedelta(seconds=1)
# CREATE INDEX CONCURRENTLY has to wait for others.
_NOT_ATOMIC: Final = {"lock_timeout": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What the executor calls to report how the run goes, beside Django's own callback.

    `drifted` is called with what was changed by hand, before anything is done; `blocked` after each
    attempt that could not lock a table in time; `waiting` with those for whom a migration with
    `atomic = False` waits; `failed` at once, before the end of the migration's line (the error that
    follows says more).
    """

    notice: Callable[[str], None]
    drifted: Callable[[Drift], None]
    blocked: Callable[[BlockedAttempt], None]
    waiting: Callable[[Sequence[Blocker]], None]
    failed: Callable[[], None]


class GatedExecutor(MigrationExecutor):
    """Django's executor, which cannot be made when an applied migration is missing or changed."""

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        progress_callback: Any = None,
        *,
        is_lock_ours: bool = False,
        is_prune: bool = False,
        allow_interrupted: bool = False,
    ) -> None:
        self._is_lock_ours = is_lock_ours
        with explaining_unreadable_migrations():
            super().__init__(connection, progress_callback)
        self.statuses = read_statuses(connection, loader=self.loader, is_lock_ours=is_lock_ours)
        # Django's --prune removes records, and runs nothing of any file.
        if not is_prune:
            require_known(self.statuses)
            require_unchanged(self.statuses)
        require_consistent(self.loader)
        if not (is_lock_ours or allow_interrupted):
            require_uninterrupted(self.statuses)

    def migration_plan(self, targets: Any, clean_start: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Return Django's plan; refuse one with a NUL in its SQL, at which it would be cut off.

        One that is only shown is also refused if the ledger disagrees; one that is run may be
        faked, which ends the disagreement.
        """
        plan = super().migration_plan(targets, clean_start)
        if not clean_start:
            require_whole_sql(plan)
            if not self._is_lock_ours:
                require_agreement(self.statuses, plan)
        return plan


class LedgerExecutor(GatedExecutor):
    """Django's executor with the ledger, under the lock.

    `confirm_rollback` is called with a backwards plan when the lock is held and nothing is done
    yet; what it raises stops the run. `missing_tables` are those of the models that are not there
    when the run is over.
    """

    missing_tables: Sequence[str] = ()

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        progress_callback: Any = None,
        *,
        lock: MigrationLock,
        patience: Patience,
        progress: Progress,
        confirm_rollback: Callable[[Plan], None],
        is_prune: bool = False,
    ) -> None:
        super().__init__(connection, self._report, is_lock_ours=True, is_prune=is_prune)
        self._records = LedgerRecorder(
            connection,
            lock=lock,
            on_disk=self.loader.disk_migrations.get,
            checksums={status.key: status.checksum_on_disk for status in self.statuses},
            before_end=self._before_end,
        )
        self.recorder = self._records
        self._django_callback = progress_callback or (lambda *_: None)
        self._lock = lock
        self._patience = patience
        self._progress = progress
        self._confirm_rollback = confirm_rollback
        # It looks several times within one wait.
        self._watch = BlockerWatch(
            connection,
            backend_pid=lock.backend_pid,
            patience=patience.lock_timeout / 3 or _LOOK_WITHOUT_TIMEOUT,
        )
        self._indexes = IndexWatch(connection)
        # Of a migration that is not one transaction, the catalogue when it was first begun.
        self._found: Catalogue | None = None
        self._attempt = 1
        self._applied: list[Migration] = []
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
        """Run the plan, after asking for a rollback; interrupted migrations are finished first."""
        plan = self.migration_plan(targets) if plan is None else plan
        require_finished_first(self.statuses, plan, graph=self.loader.graph)
        is_backwards = any(undo for _, undo in plan)
        if not fake:
            require_agreement(self.statuses, plan)
        if is_backwards and not fake:
            require_reversible(migration for migration, undo in plan if undo)
        self._accept_allowed_changes()
        drift = self._report_drift(is_run=bool(plan))
        if not plan:
            after = super().migrate(targets, plan, state, fake, fake_initial)
            self.missing_tables = self._missing_after(plan)
            return after
        if is_backwards:
            self._confirm_rollback(plan)
        if drift.certain:
            self._records.record_drift(drift)
        left = self._report_interrupted([] if fake else interrupted_in(self.statuses, plan))
        schema = Schema(live=drift.live, expected=drift.expected.without(left))
        self._records.begin(schema, planned=len(plan))
        with (
            self._watch,
            self._indexes.listening(),
            session_settings(self.connection, self._settings),
        ):
            self._session_state = session_state(self.connection)
            after = super().migrate(targets, plan, state, fake, fake_initial)
        if not fake:
            self.missing_tables = self._missing_after(plan)
        return after

    def apply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 — Django's signature
        fake_initial: bool = False,  # noqa: FBT001, FBT002
    ) -> ProjectState:
        """Run a migration forwards, together with its records."""

        def attempt(number: int) -> ProjectState:
            # Applying changes the state that it is given.
            given = state if number == 1 else self._state_so_far()
            return super(LedgerExecutor, self).apply_migration(given, migration, fake, fake_initial)

        after = self._run(migration, attempt, is_backwards=False, is_fake=fake)
        self._applied.append(migration)
        return after

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
        """Return what Django does, and record as faked what --fake-initial found applied."""
        is_there, state = super().detect_soft_applied(project_state, migration)
        if is_there and self._records.step is not None:
            self._records.step.is_fake = True
        return is_there, state

    def _state_so_far(self) -> ProjectState:
        """Rebuild the state of the models that this run has reached.

        Keeping a copy for each migration, in case it is tried again, would take longer with more
        models.
        """
        state: ProjectState = self._create_project_state(  # type: ignore[attr-defined]
            with_applied_migrations=True
        )
        for migration in self._applied:
            state = migration.mutate_state(state, preserve=False)
        return state

    @property
    def _settings(self) -> dict[str, str]:
        milliseconds = round(self._patience.lock_timeout.total_seconds() * 1000)
        # IF NOT EXISTS says in a notice that it did nothing.
        return {"lock_timeout": f"{milliseconds}ms", "client_min_messages": "notice"}

    def _run(
        self,
        migration: Migration,
        attempt: Callable[[int], ProjectState],
        *,
        is_backwards: bool,
        is_fake: bool,
    ) -> ProjectState:
        step = Step(migration=migration, is_backwards=is_backwards, is_fake=is_fake)
        with self._recording(step), closing_refused(self.connection):
            state = self._apply_once(step, attempt)
            self._records.commit()
            return state

    def _apply_once(self, step: Step, attempt: Callable[[int], ProjectState]) -> ProjectState:
        """Run or fake the migration, and record how it began and failed."""
        migration = step.migration
        if step.is_fake:
            with self._committed():
                return attempt(1)
        self._records.record_begun(step)
        with self._failure_recorded(step):
            if migration.atomic:
                return self._retry_while_blocked(migration, attempt)
            self._found = catalogue_before(self.connection, step.key)
            with (
                session_settings(self.connection, _NOT_ATOMIC),
                self._watch.attempt(on_seen=self._progress.waiting),
            ):
                self._drop_leftovers()
                return attempt(1)

    def _retry_while_blocked(
        self, migration: Migration, attempt: Callable[[int], ProjectState]
    ) -> ProjectState:
        """Try again while a lock is not free in time; each attempt is a transaction."""
        patience = self._patience
        for number in count(1):
            self._attempt = number
            try:
                with (
                    self._watch.attempt(),
                    self._committed(),
                    one_savepoint_less(self.connection),
                ):
                    return attempt(number)
            except DatabaseError as exc:
                if not _is_blocked(exc):
                    raise
                blockers = _described(self._watch)
                if number >= patience.attempts:
                    raise BlockedError(str(migration), attempts=number, blockers=blockers) from exc
            pause = patience.pause(attempt=number)
            self._progress.blocked(
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

    def _accept_allowed_changes(self) -> None:
        """Report changed files that are not refused; record them, so that it is said once."""
        for said in allowed_changes(self.statuses):
            self._progress.notice(said)
        for status in self.statuses:
            for said in allowed_changes([status]):
                self._records.append(Event.ACCEPTED, app=status.app, name=status.name, reason=said)

    def _missing_after(self, plan: Plan) -> list[str]:
        """Return the tables and views of the models that are not there after this plan."""
        applied = set(self.loader.applied_migrations)
        for migration, undo in plan:
            key = (migration.app_label, migration.name)
            (applied.discard if undo else applied.add)(key)
        return missing_tables(self.connection, loader=self.loader, applied=applied)

    def _report_drift(self, *, is_run: bool) -> Drift:
        """Report what was changed by hand before this run, and return it."""
        drift = read_drift(self.connection)
        if drift.certain:
            self._progress.drifted(drift)
        if (
            is_run
            and drift.migration is None
            and any(status.is_applied for status in self.statuses)
        ):
            self._progress.notice(_NO_BASELINE)
        if drift.elsewhere:
            self._progress.notice(
                f"This session makes its tables in the schema {drift.elsewhere}, and the ledger is "
                "in another: what it makes there is not watched."
            )
        return drift

    def _report_interrupted(self, interrupted: Sequence[MigrationStatus]) -> set[ObjectKey]:
        """Report which migrations are run again, and return the INVALID indexes that they left.

        Those are not expected until the migration has made them again.
        """
        left: set[ObjectKey] = set()
        for status in interrupted:
            before = catalogue_before(self.connection, status.key)
            for index in find_leftovers(self.connection, before=before):
                left.add((ObjectKind.INDEX, index.qualified_name))
            self._progress.notice(f"{sentence(status)} It is run again from its first operation.")
        return left

    def _drop_leftovers(self) -> None:
        """Drop the INVALID indexes that an interrupted run of this migration left."""
        for index in find_leftovers(self.connection, before=self._found):
            if index.builder_pid is None:
                drop_index(self.connection, index)
                self._progress.notice(f"Dropped the {index}, which that run left.")

    def _before_end(self, step: Step) -> None:
        """Put the session back; refuse an open transaction or an INVALID index.

        The records and the next migration would depend on what was set.
        """
        if roll_back_open(self.connection):
            raise OpenTransactionError(str(step.migration))
        # First of all, so that nothing a migration has set misleads what is asked then.
        self._session_state.put_back(self.connection)
        self._indexes.require_valid(before=self._found)

    @contextmanager
    def _recording(self, step: Step) -> Iterator[None]:
        """Let what is recorded within the block be recorded as this step."""
        self._records.step = step
        self._attempt = 1
        self._indexes.said.clear()
        self._found = None
        try:
            yield
        finally:
            self._records.step = None

    @contextmanager
    def _committed(self) -> Iterator[None]:
        """Run the block in one transaction; report only after COMMIT what it reports as done."""
        self._held_back.clear()
        self._is_holding_back = True
        try:
            with transaction.atomic(using=self.connection.alias):
                yield
        finally:
            self._is_holding_back = False
        for report in self._held_back:
            self._django_callback(*report)

    @contextmanager
    def _failure_recorded(self, step: Step) -> Iterator[None]:
        """Record in the ledger why the block failed, and raise an error that explains it."""
        session = self.connection.connection
        try:
            with end_of_process_refused():
                yield
        except BaseException as exc:
            self._progress.failed()
            is_rolled_back = roll_back_open(self.connection)
            # Without the lock another process may be running it.
            is_ours = not isinstance(exc, LockLostError)
            if is_ours and is_usable(self.connection, session=session):
                # If it cannot be recorded, the error itself matters more.
                try:
                    self._session_state.put_back(self.connection)
                    self._records.record_failed(step, reason=_reason(exc))
                except (DatabaseError, LockLostError) as unwritten:
                    exc.add_note(f"The ledger has no row of this failure: {unwritten}")
            if isinstance(exc, LockLostError) and not step.migration.atomic:
                app, name = step.key
                raise UnrecordedEndError(exc, app=app, name=name) from exc
            if isinstance(exc, Exception) and not isinstance(exc, SchemaError):
                is_session_lost = self.connection.connection is not session or session.closed
                raise migration_failed(
                    step.migration,
                    exc,
                    is_session_lost=is_session_lost,
                    is_rolled_back=is_rolled_back,
                ) from exc
            raise

    def _report(self, action: str, migration: Any = None, fake: bool = False) -> None:  # noqa: FBT001, FBT002
        """Report success only after COMMIT, and the start only of the first attempt."""
        if action in {"apply_success", "unapply_success"} and self._is_holding_back:
            self._held_back.append((action, migration, fake))
        elif action not in {"apply_start", "unapply_start"} or self._attempt == 1:
            self._django_callback(action, migration, fake)


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
