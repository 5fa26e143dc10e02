"""Why a session cannot go on."""

from chat.schema.errors import ExitCode, SchemaError


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
