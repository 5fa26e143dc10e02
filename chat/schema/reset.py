"""What a reset would do: what goes down, what comes up again, and what would be lost.

A plan is a value; the command shows it and has `migrate` carry it out.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from psycopg.sql import SQL, Identifier, Literal

from chat.schema.errors import DatabaseAheadError, IrreversibleMigrationError
from chat.schema.status import (
    MigrationKey,
    MigrationState,
    load_migrations,
    migration_statuses,
    names_in_state,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """How many rows a table has now."""

    table: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPlan:
    """A reset of one app, or of all (`app_label` None).

    `rollbacks` are (app, name) in the order in which they are undone. `down` are the apps to bring
    to zero, in order; `up` are the targets to migrate to afterwards, in order: (app, name), (app,)
    for its newest, () for everything. `losses` are the tables that would go, by name.
    """

    app_label: str | None
    rollbacks: tuple[MigrationKey, ...]
    down: tuple[str, ...]
    up: tuple[tuple[str, ...], ...]
    losses: tuple[TableRows, ...]

    @property
    def lost_rows(self) -> int:
        """The number of rows in the tables that would go."""
        return sum(loss.rows for loss in self.losses)


def plan_reset(connection: BaseDatabaseWrapper, *, app_label: str | None) -> ResetPlan:
    """Return what a reset of an app and of all that depends on it, or of every app, would do.

    The tables are those of the models that the rollback removes; tables made by SQL alone are not
    among them. Eight statements at most, one of which counts the rows of all these tables. Changes
    and locks nothing.

    Raises:
        UnknownAppError: there is no such app.
        DatabaseAheadError: a migration that is not on disk would have to be undone.
        IrreversibleMigrationError: a migration in the way has no way back.
        BrokenMigrationsError: the files do not fit together.
    """
    missing = names_in_state(
        migration_statuses(connection, app_label=app_label), MigrationState.MISSING
    )
    if missing:
        raise DatabaseAheadError(missing)
    loader = load_migrations(connection)
    labels = [app_label] if app_label else sorted(loader.migrated_apps)
    backwards = _backwards(connection, labels)
    _require_reversible(backwards)
    rollbacks = tuple((migration.app_label, migration.name) for migration in backwards)
    rolled_back_apps = tuple(dict.fromkeys(app for app, _ in rollbacks))
    return ResetPlan(
        app_label=app_label,
        rollbacks=rollbacks,
        down=(app_label,) if app_label else rolled_back_apps,
        up=_up(loader, rollbacks, app_label=app_label),
        losses=_losses(connection, loader, rollbacks),
    )


def _backwards(connection: BaseDatabaseWrapper, labels: Sequence[str]) -> list[Migration]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan([(label, None) for label in labels])
    return [migration for migration, _ in plan]


def _require_reversible(migrations: Iterable[Migration]) -> None:
    irreversible = [
        f"{migration}: {operation.describe()}"
        for migration in migrations
        for operation in migration.operations
        if not operation.reversible
    ]
    if irreversible:
        raise IrreversibleMigrationError(irreversible)


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


def _losses(
    connection: BaseDatabaseWrapper, loader: MigrationLoader, rollbacks: Sequence[MigrationKey]
) -> tuple[TableRows, ...]:
    applied = [key for key in loader.graph.nodes if key in loader.applied_migrations]
    kept = [key for key in applied if key not in set(rollbacks)]
    doomed = _tables(connection, loader, applied) - _tables(connection, loader, kept)
    with connection.cursor() as cursor:
        present = sorted(doomed & set(connection.introspection.table_names(cursor)))
        if not present:
            return ()
        counts = SQL(" UNION ALL ").join(
            SQL("SELECT {}, count(*) FROM {}").format(Literal(table), Identifier(table))
            for table in present
        )
        cursor.execute(counts)
        rows = dict(cursor.fetchall())
    return tuple(TableRows(table=table, rows=rows[table]) for table in present)


def _tables(
    connection: BaseDatabaseWrapper, loader: MigrationLoader, nodes: Sequence[MigrationKey]
) -> set[str]:
    if not nodes:
        return set()
    models = loader.project_state(list(nodes)).apps.get_models(include_auto_created=True)
    return {
        model._meta.db_table
        for model in models
        if router.allow_migrate_model(connection.alias, model)
    }
