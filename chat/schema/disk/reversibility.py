"""Whether a migration has a way back, asked before anything is undone."""

from collections.abc import Iterable

from django.db.migrations import Migration

from chat.schema.disk.checksums import as_people_write, migration_files
from chat.schema.disk.operations import database_operations
from chat.schema.errors import IrreversibleMigration, IrreversibleMigrationError


def irreversible_operations(migration: Migration) -> list[str]:
    """Return what a migration cannot undo, in words, in its order; Django looks at the outer only.

    What an operation does to the database alone counts: the state of the models always has a way
    back.
    """
    return [
        operation.describe()
        for operation in database_operations(migration.operations)
        if not operation.reversible
    ]


def require_reversible(migrations: Iterable[Migration]) -> None:
    """Raise, naming every one of them, when a migration has no way back; no statement.

    Raises:
        IrreversibleMigrationError: at least one has none.
    """
    found = [
        IrreversibleMigration(
            app=migration.app_label,
            name=migration.name,
            file=next(map(as_people_write, migration_files(migration)), ""),
            operations=tuple(operations),
        )
        for migration in migrations
        if (operations := irreversible_operations(migration))
    ]
    if found:
        raise IrreversibleMigrationError(found)
