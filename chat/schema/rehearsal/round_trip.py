"""Every migration up, down and up again on a scratch database, compared by the catalogue.

What it yields are values: report.py shows them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.migrations.state import ProjectState

from chat.schema.catalogue.objects import Catalogue, Difference, diff, read_catalogue
from chat.schema.disk.loading import explaining_unreadable_migrations
from chat.schema.disk.names import UnclearMigrationError, require_app, require_migration
from chat.schema.disk.reversibility import irreversible_operations
from chat.schema.errors import SchemaError, end_of_process_refused
from chat.schema.rehearsal.observation import Observation, Observer
from chat.schema.rehearsal.scratch import ScratchDatabase
from chat.schema.run.patching import other_connections_refused
from chat.schema.session.database import database_name
from chat.schema.session.settings import session_state


class RehearsalResult(StrEnum):
    """How the rehearsal of a migration ended."""

    EXACT = "exact"
    IRREVERSIBLE = "irreversible"
    WRONG = "wrong"
    FAILED = "failed"
    NOT_REACHED = "not reached"


class InexactMigrationsError(SchemaError):
    """The way back of a migration is not exact, or it failed."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            seen=f"See above: {', '.join(self.names)}",
            next_step="Correct what goes down, or what goes up, before it is applied anywhere.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """One migration's rehearsal.

    `after_down` is how the catalogue after the way back differs from the one before the migration,
    `after_up_again` how the second time differs from the first. `error` tells which step failed
    and how.
    """

    app: str
    name: str
    result: RehearsalResult
    is_atomic: bool
    up: Observation | None = None
    down: Observation | None = None
    after_down: tuple[Difference, ...] = ()
    after_up_again: tuple[Difference, ...] = ()
    error: str | None = None

    def __str__(self) -> str:
        return f"{self.app}.{self.name}"


def rehearse(
    scratch: ScratchDatabase, *, app_label: str | None = None, name: str | None = None
) -> Iterator[Rehearsal]:
    """Rehearse every migration, those of an app, or one, and yield each as it is done.

    They come in the order in which `migrate` applies them; what they depend on is applied first. No
    signals are sent, and no tables are made for apps without migrations. The tables stay empty but
    for what migrations put into them, so durations are those of new databases.

    After one that is not exact the database is made anew, so that each is judged by itself; what
    comes after one that cannot be applied is not reached.

    Raises:
        UnknownAppError, UnknownMigrationError: there is no such app or migration.
        UnclearMigrationError: several migrations begin with that name, or it was squashed.
        BrokenMigrationsError: the files do not fit together.
    """
    run = _Run(scratch)
    plan, chosen = run.plan(app_label, name)
    for index, migration in enumerate(plan):
        if migration not in chosen:
            try:
                run.up(migration)
            except Exception as exc:
                yield _rehearsal_of(migration)(
                    result=RehearsalResult.FAILED, error=_told("up", exc)
                )
                yield from _not_reached(plan[index + 1 :], chosen)
                return
            continue
        rehearsal = run.rehearse(migration)
        yield rehearsal
        if rehearsal.up is None:
            yield from _not_reached(plan[index + 1 :], chosen)
            return
        if rehearsal.result in {RehearsalResult.WRONG, RehearsalResult.FAILED}:
            run.start_over(plan[: index + 1])


def failed_names(rehearsals: Iterable[Rehearsal], *, is_strict: bool) -> list[str]:
    """Return `app.name` of those not as they should be; if strict, also the irreversible."""
    fine = {RehearsalResult.EXACT} | (set() if is_strict else {RehearsalResult.IRREVERSIBLE})
    return [str(rehearsal) for rehearsal in rehearsals if rehearsal.result not in fine]


def counts(rehearsals: Iterable[Rehearsal]) -> dict[RehearsalResult, int]:
    """Return how many rehearsals ended in which way."""
    found = Counter(rehearsal.result for rehearsal in rehearsals)
    return {result: found[result] for result in RehearsalResult}


class _Recorder(MigrationRecorder):
    """Django's recorder, which puts the session back before each record, as `migrate` does."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__(connection)
        self._state = session_state(connection)

    def record_applied(self, app: str, name: str) -> None:
        self._state.put_back(self.connection)
        super().record_applied(app, name)

    def record_unapplied(self, app: str, name: str) -> None:
        self._state.put_back(self.connection)
        super().record_unapplied(app, name)


class _Run:
    """The scratch database and the state of the models in it."""

    def __init__(self, scratch: ScratchDatabase) -> None:
        self._scratch = scratch
        self._connection = scratch.connection
        self._begin()

    def _begin(self) -> None:
        with explaining_unreadable_migrations():
            self._executor = MigrationExecutor(self._connection)
        self._executor.recorder = _Recorder(self._connection)
        self._executor.recorder.ensure_schema()
        self._state = ProjectState(real_apps=self._executor.loader.unmigrated_apps)

    def plan(
        self, app_label: str | None, name: str | None
    ) -> tuple[list[Migration], set[Migration]]:
        """Return what to apply, in order, and which of it to rehearse."""
        loader = self._executor.loader
        targets = loader.graph.leaf_nodes(app_label)
        if app_label is not None:
            require_app(app_label, known=loader.migrated_apps)
            if name is not None:
                targets = [_key_of(loader, app_label, name)]
        plan = [
            migration for migration, _ in self._executor.migration_plan(targets, clean_start=True)
        ]
        if name is not None:
            return plan, {loader.graph.nodes[targets[0]]}
        return plan, {migration for migration in plan if app_label in {None, migration.app_label}}

    def rehearse(self, migration: Migration) -> Rehearsal:
        """Take a migration up, down and up again."""
        before_state = self._state.clone()
        before = self._catalogue()
        try:
            up = self.up(migration)
        except Exception as exc:
            return _rehearsal_of(migration)(result=RehearsalResult.FAILED, error=_told("up", exc))
        if irreversible_operations(migration):
            return _rehearsal_of(migration)(result=RehearsalResult.IRREVERSIBLE, up=up)
        after = self._catalogue()
        after_state = self._state
        down: Observation | None = None
        after_down: tuple[Difference, ...] = ()
        step = "down"
        try:
            down = self._down(migration, before_state)
            after_down = tuple(diff(before, self._catalogue()))
            step = "up again"
            self._state = before_state
            self.up(migration)
        except Exception as exc:
            return _rehearsal_of(migration)(
                result=RehearsalResult.WRONG if after_down else RehearsalResult.FAILED,
                up=up,
                down=down,
                after_down=after_down,
                error=_told(step, exc),
            )
        self._state = after_state
        after_up_again = tuple(diff(after, self._catalogue()))
        is_exact = not after_down and not after_up_again
        return _rehearsal_of(migration)(
            result=RehearsalResult.EXACT if is_exact else RehearsalResult.WRONG,
            up=up,
            down=down,
            after_down=after_down,
            after_up_again=after_up_again,
        )

    def up(self, migration: Migration) -> Observation:
        """Apply a migration, with its record in the same transaction if it is atomic."""
        with self._watching(migration) as observer:
            _ = self._state.apps
            self._state = self._executor.apply_migration(self._state.clone(), migration)
        return observer.seen

    def start_over(self, plan: Iterable[Migration]) -> None:
        """Make the database anew and apply these."""
        self._scratch.recreate()
        self._begin()
        for migration in plan:
            self.up(migration)

    def _down(self, migration: Migration, before: ProjectState) -> Observation:
        with self._watching(migration) as observer:
            self._executor.unapply_migration(before, migration)
        return observer.seen

    @contextmanager
    def _watching(self, migration: Migration) -> Iterator[Observer]:
        """Watch one direction, in one transaction if the migration is atomic."""
        observer = Observer(self._connection)
        with ExitStack() as stack:
            stack.enter_context(end_of_process_refused())
            stack.enter_context(observer.watching())
            if migration.atomic:
                stack.enter_context(transaction.atomic(using=self._connection.alias))
            # Threads of the migration connect by the settings that lead to the scratch database.
            stack.enter_context(
                other_connections_refused(
                    self._connection,
                    is_tried_on=lambda wrapper: database_name(wrapper) == self._scratch.name,
                )
            )
            yield observer

    def _catalogue(self) -> Catalogue:
        return read_catalogue(self._connection)


def _key_of(loader: MigrationLoader, app_label: str, name: str) -> tuple[str, str]:
    key = (app_label, require_migration(loader, app_label=app_label, name=name))
    if key not in loader.disk_migrations:
        raise UnclearMigrationError(
            seen=f"{name!r} is before the first migration of {app_label}.",
            next_step="Name a migration, or none to rehearse them all.",
        )
    if key not in loader.graph.nodes:
        raise UnclearMigrationError(
            seen=f"{app_label}.{key[1]} is replaced by a squashed migration.",
            next_step="Name the one that replaces it.",
        )
    return key


def _not_reached(plan: Iterable[Migration], chosen: set[Migration]) -> Iterator[Rehearsal]:
    for migration in plan:
        if migration in chosen:
            yield _rehearsal_of(migration)(result=RehearsalResult.NOT_REACHED)


def _rehearsal_of(migration: Migration) -> "partial[Rehearsal]":
    """Return the rehearsal of a migration, which lacks its result."""
    return partial(
        Rehearsal, app=migration.app_label, name=migration.name, is_atomic=migration.atomic
    )


def _told(step: str, error: Exception) -> str:
    kind = "" if isinstance(error, SchemaError) else f"{type(error).__name__}: "
    return f"{step}: {kind}{error}".strip()
