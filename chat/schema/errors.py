"""What can go wrong in the migration room, and the exit code that each error ends in.

An error answers three questions: what is wrong, what was seen against what was expected, and what
to do next. The class docstring is the first answer.
"""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import ClassVar


class ExitCode(IntEnum):
    """How a command of the room ends; the table in README.md is the contract."""

    ERROR = 1
    PENDING = 2
    REFUSED = 3
    DRIFT = 4
    CHECKSUM = 5
    AHEAD = 6
    INTERRUPTED = 7
    LOCKED = 75


class SchemaError(Exception):
    """The migration room cannot go on."""

    exit_code: ClassVar[ExitCode] = ExitCode.ERROR

    def __init__(self, *, seen: str = "", next_step: str = "") -> None:
        self.seen = seen
        self.next_step = next_step
        what = (inspect.getdoc(type(self)) or "").partition("\n")[0]
        super().__init__("\n".join(answer for answer in (what, seen, next_step) if answer))


class SQLFileError(SchemaError):
    """A SQL file of a migration cannot be used."""

    def __init__(self, path: Path, *, seen: str, next_step: str) -> None:
        self.path = path
        super().__init__(seen=seen, next_step=next_step)


class MissingSQLFileError(SQLFileError):
    """A migration names a SQL file that is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            seen=f"Expected {path}",
            next_step="Write that file, or correct the name that is given to RunSQLFile.",
        )


class EmptySQLFileError(SQLFileError):
    """A SQL file of a migration is empty."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            seen=f"Nothing but white space in {path}",
            next_step=(
                "Write its statements. Remove a down file to make the migration irreversible, or "
                "put one comment in it that says why nothing has to be undone."
            ),
        )


class UnreadableSQLFileError(SQLFileError):
    """A SQL file of a migration cannot be read as it is."""

    def __init__(self, path: Path, *, position: int, line: int, what: str) -> None:
        self.position = position
        self.line = line
        super().__init__(
            path,
            seen=f"{path}, line {line}, byte {position}: {what}.",
            next_step=(
                "Remove it, or, if the file is in another encoding, save it as UTF-8; PowerShell "
                "writes UTF-16 with > and >>."
            ),
        )


class NulInSQLError(SchemaError):
    """The SQL of a migration has a NUL byte in it, where it would be cut off; nothing was done."""

    def __init__(self, migration: str, *, operation: str, line: int, source: str) -> None:
        self.migration = migration
        self.line = line
        super().__init__(
            seen=f"{migration}: {operation}, line {line} of its SQL: {source}",
            next_step="Remove the NUL; no text in PostgreSQL has one.",
        )


class UnknownNameError(SchemaError):
    """There is nothing of that name."""

    def __init__(self, name: str, *, seen: str, nearest: Sequence[str], known: str) -> None:
        self.name = name
        self.nearest = tuple(nearest)
        next_step = f"Did you mean {' or '.join(self.nearest)}?" if self.nearest else known
        super().__init__(seen=seen, next_step=next_step)


class UnknownAppError(UnknownNameError):
    """There is no such app."""

    def __init__(self, name: str, *, nearest: Sequence[str], known: Sequence[str]) -> None:
        super().__init__(
            name,
            seen=f"No app with migrations is called {name!r}.",
            nearest=nearest,
            known=f"The apps with migrations are: {', '.join(known) or 'none'}.",
        )


class UnknownMigrationError(UnknownNameError):
    """There is no such migration."""

    def __init__(
        self, name: str, *, app_label: str, nearest: Sequence[str], known: Sequence[str]
    ) -> None:
        self.app_label = app_label
        super().__init__(
            name,
            seen=f"No migration of {app_label} has a name that begins with {name!r}.",
            nearest=nearest,
            known=f"The migrations of {app_label} are: zero, {', '.join(known)}.",
        )


class BrokenMigrationsError(SchemaError):
    """The migrations on disk do not fit together."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            seen=reason,
            next_step="Deploy the code completely, or correct the dependency that is named above.",
        )


class UnreadableMigrationError(SchemaError):
    """A migration cannot be read."""

    def __init__(self, place: str, *, said: str) -> None:
        super().__init__(
            seen=f"{place}\n{said}",
            next_step="Correct that file; --traceback shows where the error is from.",
        )


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


class ForeignLedgerError(SchemaError):
    """A table with the ledger's name is in the way."""

    def __init__(self, table: str, *, columns: Sequence[str], missing: Sequence[str]) -> None:
        self.table = table
        super().__init__(
            seen=(
                f"{table} has the columns {', '.join(columns)}; the ledger needs also: "
                f"{', '.join(missing)}. An earlier migration runner may have made it."
            ),
            next_step=(
                "Keep it under another name, then run this again: "
                f"ALTER TABLE {table} RENAME TO {table}_before_django;"
            ),
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


class NotAppliedError(SchemaError):
    """The migration is not applied, so there is nothing to accept."""


class LockHeldError(SchemaError):
    """Another migrator holds the lock; nothing was done."""

    exit_code = ExitCode.LOCKED

    def __init__(self, *, holder: str, waited: str) -> None:
        self.holder = holder
        super().__init__(
            seen=f"Waited {waited}. The lock is held by {holder}.",
            next_step=(
                "Let it finish and run this again, or wait longer with --lock-wait SECONDS. If its "
                "process is dead, the server drops the lock by itself; to end it yourself: "
                "SELECT pg_terminate_backend(PID);"
            ),
        )


class LockLostError(SchemaError):
    """The migration lock is not held any more; the run was stopped."""


class PoolerError(LockLostError):
    """Statements of one session reach different server processes; the run was stopped."""

    def __init__(self, seen: str) -> None:
        super().__init__(
            seen=seen,
            next_step=(
                "Use the direct port of PostgreSQL for migrations (DB_PORT), not the pooler's."
            ),
        )


class BlockedError(SchemaError):
    """A lock on a table was not had in time; nothing of this migration was done."""

    exit_code = ExitCode.LOCKED

    def __init__(self, migration: str, *, attempts: int, blockers: Sequence[str]) -> None:
        self.migration = migration
        self.blockers = tuple(blockers)
        super().__init__(
            seen="\n".join(
                [f"{migration} was tried {attempts} times. Blocked at last by:", *self.blockers]
            ),
            next_step=(
                "Let them finish and run this again, at a quieter time, or with a longer "
                "--lock-timeout SECONDS (for as long others may queue behind the migration) or "
                "more --lock-retries. To end one yourself: SELECT pg_terminate_backend(PID);"
            ),
        )


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
                f"over with: python manage.py migration_accept {first.app} {first.name} --reason "
                '"its way back was added". Or go back no further than to it: '
                f"python manage.py migrate {first.app} {first.name}"
            ),
        )


class RefusedError(SchemaError):
    """Refused; nothing was changed."""

    exit_code = ExitCode.REFUSED


class ProductionRefusedError(RefusedError):
    """Refused in production; nothing was changed."""

    def __init__(self, *, action: str, override: str) -> None:
        self.override = override
        super().__init__(
            seen=f"MELO_ENV is production, and {action}.",
            next_step=(
                f"If that is what you want, take a backup, then run it again with {override}=1 in "
                "the environment. All data in the tables concerned will be lost."
            ),
        )


class NotConfirmedError(RefusedError):
    """Not confirmed; nothing was changed."""


class OutsideRehearsalError(SchemaError):
    """A migration that is rehearsed asked for another database, and was refused there."""

    def __init__(self, alias: str, *, rehearsed: str) -> None:
        self.alias = alias
        super().__init__(
            seen=(
                f"This is a rehearsal on the database {rehearsed!r}, and it asked for a connection "
                f"of its own to {alias!r}: what is done there is done for real."
            ),
            next_step=(
                "In the migration, pass using(schema_editor.connection.alias), or work on "
                "schema_editor.connection."
            ),
        )


class DriftError(SchemaError):
    """The database is not what the last migration left."""

    exit_code = ExitCode.DRIFT

    def __init__(self, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        shown, more = self.differences[:5], len(self.differences[5:])
        super().__init__(
            seen=", ".join([*shown, f"and {more} more"] if more else shown),
            next_step="Look at each, and at what to do next: python manage.py migration_drift",
        )


class UnknownDriftError(SchemaError):
    """Whether the database was changed by hand is not known."""


class UnsupportedBackendError(SchemaError):
    """This database backend cannot do that."""


class DiagramMarkersError(SchemaError):
    """The file has no place for the diagram."""

    def __init__(self, path: Path, *, start: str, end: str) -> None:
        self.path = path
        super().__init__(
            seen=f"Expected in {path}, once and in this order: {start} and {end}",
            next_step="Put these two lines where the diagram is to stand.",
        )


class MissingFileError(SchemaError):
    """The file is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(seen=f"Expected {path}", next_step="Write it first, or correct its name.")


class StaleDiagramError(SchemaError):
    """The diagram is not what the models say."""

    def __init__(self, path: Path, *, command: str) -> None:
        self.path = path
        super().__init__(seen=f"Stale in {path}", next_step=f"Draw it again: {command}")
