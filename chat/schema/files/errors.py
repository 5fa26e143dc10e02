"""What can go wrong with the text of a SQL file, and with running it."""

from collections.abc import Sequence
from pathlib import Path

from django.db import DatabaseError

from chat.schema.errors import SchemaError


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


class PsqlCommandError(SQLFileError):
    """A SQL file of a migration has something in it that psql alone can run."""

    def __init__(self, path: Path, *, line: int, source: str) -> None:
        self.line = line
        super().__init__(
            path,
            seen=f"{path}, line {line}: {source}",
            next_step=(
                "The statements are sent to the server, without psql. Remove its own commands, as "
                "\\restrict, which pg_dump writes. Write rows as INSERT, as pg_dump --inserts "
                "does, or load them by cursor.copy() in a RunPython."
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


class AmbiguousSQLFileError(SQLFileError):
    """A migration has its SQL twice."""

    def __init__(self, path: Path, *, beside: Sequence[Path]) -> None:
        self.beside = tuple(beside)
        super().__init__(
            path,
            seen=f"{path} has both directions, and beside it lies "
            + " and ".join(other.name for other in self.beside),
            next_step="Keep one form: the single file, or the pair of .up.sql and .down.sql.",
        )


class SQLSectionsError(SQLFileError):
    """The sections of a SQL file cannot be told apart."""

    def __init__(
        self,
        path: Path,
        *,
        line: int,
        reason: str,
        next_step: str = (
            "Write a line `-- UP` above the statements that go forwards and a line `-- DOWN` "
            "above those that go back, with nothing else on it, each at most once; before the "
            "first, only comments. A comment that is meant as no marker needs other words."
        ),
    ) -> None:
        self.line = line
        super().__init__(path, seen=f"{path}, line {line}: {reason}.", next_step=next_step)


class UnwrittenSQLFileError(SQLFileError):
    """A SQL file of a migration has no statement in it."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            path,
            seen=f"Nothing but comments in {path}",
            next_step="Write its statements, then run it again. The migration was not applied.",
        )


class TransactionInSQLFileError(SQLFileError):
    """A SQL file begins or ends a transaction that is not its own."""

    def __init__(self, path: Path, *, line: int, statement: str) -> None:
        self.line = line
        super().__init__(
            path,
            seen=f"{path}, line {line}: {statement}\nNothing of the file was run.",
            next_step=(
                "Remove it: the migration runs in one transaction, with its record. To have the "
                "statements commit by themselves, set atomic = False in the migration."
            ),
        )


class SQLFileFailedError(SQLFileError, DatabaseError):
    """A statement of a SQL file failed.

    It is an error of django.db as well, and psycopg's is its `__cause__`. `line` is the line that
    the server points at, else the one where the statement begins; `server_message` is what the
    server said.
    """

    def __init__(
        self, path: Path, *, line: int, source: str, server_message: str, next_step: str
    ) -> None:
        self.line = line
        self.server_message = server_message
        super().__init__(
            path,
            seen=f"{path}, line {line}:\n  {source}\n{server_message}",
            next_step=next_step,
        )
