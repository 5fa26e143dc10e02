"""Whether a migration has a way back, asked before anything is undone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.migrations import Migration

from chat.schema.disk.checksums import migration_files
from chat.schema.disk.operations import database_operations
from chat.schema.errors import SchemaError
from chat.schema.text import command_line, relative_to_cwd


@dataclass(frozen=True, slots=True, kw_only=True)
class IrreversibleMigration:
    """A migration without a way back; `operations` are in words."""

    app: str
    name: str
    file: str
    operations: tuple[str, ...]


class IrreversibleMigrationError(SchemaError):
    """A migration in the way cannot be undone; nothing was changed."""

    def __init__(self, irreversible: Sequence[IrreversibleMigration]) -> None:
        self.irreversible = tuple(irreversible)
        first = self.irreversible[0]
        accept = command_line(
            "migration_accept", first.app, first.name, "--reason", "its way back was added"
        )
        super().__init__(
            seen="Without a way back:\n"
            + "\n".join(
                f"  {migration.app}.{migration.name}: {operation}"
                + (f" ({migration.file})" if migration.file else "")
                for migration in self.irreversible
                for operation in migration.operations
            ),
            next_step=(
                "Give each a way back (a .down.sql file, reverse_sql, or reverse_code) and take it "
                f"over with: {accept}. Or go back no further than to it: "
                f"{command_line('migrate', first.app, first.name)}"
            ),
        )


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
    """Raise IrreversibleMigrationError, naming all, when migrations have no way back."""
    found = [
        IrreversibleMigration(
            app=migration.app_label,
            name=migration.name,
            file=next(map(relative_to_cwd, migration_files(migration)), ""),
            operations=tuple(operations),
        )
        for migration in migrations
        if (operations := irreversible_operations(migration))
    ]
    if found:
        raise IrreversibleMigrationError(found)
