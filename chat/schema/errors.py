"""What can go wrong in the migration room, and the exit code that each error ends in.

An error answers three questions: what is wrong, what was seen against what was expected, and what
to do next. The class docstring is the first answer.
"""

import inspect
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import ClassVar


class ExitCode(IntEnum):
    """How a command of the room ends; the table in README.md is the contract."""

    ERROR = 1
    PENDING = 2
    REFUSED = 3
    AHEAD = 6


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
    """A SQL file of a migration is not UTF-8."""

    def __init__(self, path: Path, *, position: int) -> None:
        self.position = position
        super().__init__(
            path,
            seen=f"Byte {position} of {path} is not part of any UTF-8 character.",
            next_step="Save the file as UTF-8.",
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


class IrreversibleMigrationError(SchemaError):
    """A migration in the way cannot be undone."""

    def __init__(self, operations: Sequence[str]) -> None:
        self.operations = tuple(operations)
        super().__init__(
            seen="Nothing was changed. Without a way back:\n"
            + "\n".join(f"  {operation}" for operation in self.operations),
            next_step=(
                "Give each a reverse (reverse_sql, reverse_code, or a .down.sql file), or drop "
                "the database and migrate a new one."
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
