"""What an operator is told of a migration that failed: where, why, what is left, what to do."""

from enum import StrEnum
from pathlib import Path
from traceback import walk_tb

from django.db import Error
from django.db.migrations import Migration
from django.db.migrations.operations.base import Operation

from chat.schema.disk.checksums import migration_files
from chat.schema.errors import SchemaError
from chat.schema.session.server_errors import advice, is_connection_lost, server_message
from chat.schema.text import relative_to_cwd

_THEN = (
    "and it is interrupted. The next run begins with its first operation: undo by hand what would "
    "make that fail, or make it safe to run twice."
)


class StateLeft(StrEnum):
    """What a migration that failed leaves in the database."""

    ROLLED_BACK = (
        "It is one transaction and was rolled back: nothing of it was kept. The migrations before "
        "it stay applied."
    )
    PARTIAL = (
        f"It is not one transaction (atomic = False): what it did before this is kept, {_THEN}"
    )
    PARTIAL_BEFORE_BEGIN = (
        "It is not one transaction (atomic = False), and the one that it began itself was rolled "
        f"back: what it did before that is kept, {_THEN}"
    )
    UNKNOWN = "The connection was lost: either all of it was kept or nothing."


class MigrationFailedError(SchemaError):
    """A migration failed."""

    def __init__(
        self, migration: str, *, place: str, said: str, state_left: StateLeft, next_step: str
    ) -> None:
        self.migration = migration
        self.place = place
        self.state_left = state_left
        super().__init__(seen=f"{migration}: {place}\n{said}\n{state_left}", next_step=next_step)


class StatementRefusedError(SchemaError):
    """The database refused a statement."""

    def __init__(self, error: Error) -> None:
        super().__init__(seen=server_message(error), next_step=advice(error))


class NoConnectionError(StatementRefusedError):
    """There is no connection to the database, or it was lost."""


def statement_refused(error: Error) -> StatementRefusedError:
    """Return the error that explains one of the database outside of any migration."""
    is_lost = is_connection_lost(error)
    return NoConnectionError(error) if is_lost else StatementRefusedError(error)


def migration_failed(
    migration: Migration, error: Exception, *, is_session_lost: bool, is_rolled_back: bool
) -> MigrationFailedError:
    """Return the error that explains why a migration failed; raise it from `error`.

    `is_rolled_back` says that it is not atomic, and began a transaction itself that was rolled
    back.
    """
    is_of_database = isinstance(error, Error)
    if not migration.atomic:
        state_left = StateLeft.PARTIAL_BEFORE_BEGIN if is_rolled_back else StateLeft.PARTIAL
    else:
        state_left = StateLeft.UNKNOWN if is_session_lost else StateLeft.ROLLED_BACK
    return MigrationFailedError(
        str(migration),
        place=_place(migration, error),
        said=server_message(error) if is_of_database else f"{type(error).__name__}: {error}",
        state_left=state_left,
        next_step=(
            advice(error)
            if is_of_database
            else "Correct its code, then run this again; --traceback shows where the error is from."
        ),
    )


def _place(migration: Migration, error: Exception) -> str:
    """Return the file, the line in it where the error went through it, and the operation."""
    module = next(iter(migration_files(migration)), None)
    line, operation = None, None
    for frame, number in walk_tb(error.__traceback__):
        if module is not None and Path(frame.f_code.co_filename) == module:
            line = f"line {number}, in {frame.f_code.co_name}"
        if frame.f_code.co_name in {"database_forwards", "database_backwards"}:
            found = frame.f_locals.get("self")
            operation = found.describe() if isinstance(found, Operation) else operation
    file = relative_to_cwd(module) if module is not None else "its module"
    place = f"{file}, {line}" if line else file
    return f"{place} ({operation})" if operation else place
