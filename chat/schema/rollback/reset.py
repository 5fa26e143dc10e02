"""What a reset would do: what goes down, and what comes up again.

A plan is a value; the command shows it and has `migrate` carry it out.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from chat.schema.disk.loading import explaining_unreadable_migrations
from chat.schema.disk.reversibility import require_reversible
from chat.schema.ledger.table import MigrationKey
from chat.schema.run.gates import require_known
from chat.schema.status.reading import read_statuses


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPlan:
    """A reset of one app, or of all (`app_label` None).

    `backwards` is Django's plan of the way down, and `rollbacks` are (app, name) of it in the order
    in which they are undone. `down` are the apps to bring to zero, in order; `up` are the targets
    to migrate to afterwards, in order: (app, name), (app,) for its newest, () for everything.
    """

    app_label: str | None
    rollbacks: tuple[MigrationKey, ...]
    down: tuple[str, ...]
    up: tuple[tuple[str, ...], ...]
    backwards: tuple[tuple[Migration, bool], ...] = field(compare=False)


def plan_reset(connection: BaseDatabaseWrapper, *, app_label: str | None) -> ResetPlan:
    """Return what a reset of an app and of all that depends on it, or of every app, would do.

    `measure_loss` tells from the plan's `backwards` what would be lost on the way down. Five
    statements at most. Changes and locks nothing.

    Raises:
        UnknownAppError: there is no such app.
        RewrittenMigrationsError, DatabaseAheadError: a migration that is not on disk would have to
            be undone.
        IrreversibleMigrationError: a migration in the way has no way back.
        BrokenMigrationsError: the files do not fit together.
    """
    with explaining_unreadable_migrations():
        executor = MigrationExecutor(connection)
    loader = executor.loader
    require_known(read_statuses(connection, app_label=app_label, loader=loader))
    labels = [app_label] if app_label else sorted(loader.migrated_apps)
    backwards = executor.migration_plan([(label, None) for label in labels])
    require_reversible(migration for migration, _ in backwards)
    rollbacks = tuple((migration.app_label, migration.name) for migration, _ in backwards)
    rolled_back_apps = tuple(dict.fromkeys(app for app, _ in rollbacks))
    return ResetPlan(
        app_label=app_label,
        rollbacks=rollbacks,
        down=(app_label,) if app_label and rollbacks else rolled_back_apps,
        up=_up(loader, rollbacks, app_label=app_label),
        backwards=tuple(backwards),
    )


def _up(
    loader: MigrationLoader, rollbacks: Sequence[MigrationKey], *, app_label: str | None
) -> tuple[tuple[str, ...], ...]:
    if app_label is None:
        return ((),)
    # The first to be undone of an app was its last; dependents come back to exactly there.
    leaves = set(loader.graph.leaf_nodes())
    last: dict[str, str] = {}
    for app, name in rollbacks:
        last.setdefault(app, name)
    last.pop(app_label, None)
    dependents = [(app,) if (app, name) in leaves else (app, name) for app, name in last.items()]
    return ((app_label,), *reversed(dependents))
