"""What a command refuses because of the state of migrations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from chat.schema.errors import ExitCode, SchemaError


class PendingMigrationsError(SchemaError):
    """Migrations are pending."""

    exit_code = ExitCode.PENDING

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            seen=f"Not applied: {', '.join(self.names)}",
            next_step="Apply them: python manage.py migrate",
        )


class DatabaseAheadError(SchemaError):
    """The database is ahead of the code."""

    exit_code = ExitCode.AHEAD

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            seen=f"Applied, but not on disk: {', '.join(self.names)}",
            next_step=(
                "Deploy the code that has them. If they were deleted on purpose, forget them with: "
                "python manage.py migrate APP --prune"
            ),
        )


class RewrittenMigrationsError(SchemaError):
    """The migrations were written anew since this database was made."""

    exit_code = ExitCode.AHEAD
    NEXT_STEP: ClassVar[str] = (
        "Make the database anew, which loses all that is in it: "
        'python manage.py dbshell -- -c "DROP SCHEMA public CASCADE; CREATE SCHEMA public", '
        "then: python manage.py migrate"
    )

    def __init__(self, apps: Sequence[str]) -> None:
        self.apps = tuple(apps)
        super().__init__(
            seen=(
                f"Of {', '.join(self.apps)}, the first migration has changed, applied ones are "
                "gone, and others are pending: nothing leads from the old ones to the new."
            ),
            next_step=self.NEXT_STEP,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedMigration:
    """A migration whose files are not those that it was applied with."""

    app: str
    name: str
    files: tuple[str, ...]
    recorded: str
    on_disk: str


class ChangedMigrationsError(SchemaError):
    """An applied migration has changed on disk; nothing was done."""

    exit_code = ExitCode.CHECKSUM

    def __init__(self, changed: Sequence[ChangedMigration]) -> None:
        self.changed = tuple(changed)
        first = self.changed[0]
        super().__init__(
            seen="\n".join(
                f"{migration.app}.{migration.name}: {', '.join(migration.files)}\n"
                f"  applied: {migration.recorded}\n"
                f"  on disk: {migration.on_disk}"
                for migration in self.changed
            ),
            next_step=(
                "Restore the file as it was applied, and put the change into a new migration. Or, "
                "if the database already is what the file says now (nothing will be run): "
                f"python manage.py migration_accept {first.app} {first.name} "
                '--reason "why it is the same"'
            ),
        )


class InterruptedMigrationsError(SchemaError):
    """A migration was interrupted half way."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, *, sentences: Sequence[str], next_step: str) -> None:
        self.sentences = tuple(sentences)
        super().__init__(seen="\n".join(self.sentences), next_step=next_step)
