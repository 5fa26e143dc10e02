"""Why a session cannot go on."""

from chat.schema.errors import ExitCode, SchemaError
from chat.schema.text import command_line


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


class UnrecordedEndError(LockLostError):
    """The migration lock was lost during a migration; that this came to its end is not recorded."""

    def __init__(self, lost: LockLostError, *, app: str, name: str) -> None:
        super().__init__(
            seen=(
                f"{lost.seen}\n{app}.{name} is not one transaction, so what it did is kept, and "
                "another migrator may have run it meanwhile."
            ),
            next_step=(
                "Look at what was done. If it is right and complete: "
                f"{command_line('migrate', app, name, '--fake')}. Else undo it, and run this "
                "again; a migration must not release advisory locks."
            ),
        )


class OpenTransactionError(SchemaError):
    """A migration with atomic = False left a transaction open; it was rolled back."""

    def __init__(self, migration: str) -> None:
        super().__init__(
            seen=f"{migration} began one, by BEGIN or set_autocommit(False), and did not end it.",
            next_step="Write the COMMIT that is missing, then run this again.",
        )


class PoolerError(LockLostError):
    """Statements of one session reach different server processes; the run was stopped."""

    def __init__(self, seen: str) -> None:
        super().__init__(
            seen=seen,
            next_step=(
                "Use the direct port of PostgreSQL for migrations (DB_PORT), not the pooler's."
            ),
        )
