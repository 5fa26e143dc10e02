"""How long a migration waits for a table's lock, and how often it tries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.migrations import Migration

from chat.schema.errors import ExitCode, SchemaError

_LONGEST_PAUSE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a migration waits for a lock on a table, and how often it tries again.

    Other sessions queue behind one that waits, so this is how long a migration may hold them up;
    zero waits for ever.
    """

    lock_timeout: timedelta = timedelta(seconds=3)
    retries: int = 5

    @property
    def attempts(self) -> int:
        """How often a migration is tried in all, the first time included."""
        return self.retries + 1

    def pause(self, *, attempt: int) -> timedelta:
        """Return how long to wait before the next attempt: at first as long as others waited."""
        return min(self.lock_timeout * (1 << attempt - 1), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedAttempt:
    """An attempt of a migration that could not lock a table in time, and was rolled back."""

    migration: Migration
    attempt: int
    attempts: int
    waited: timedelta
    pause: timedelta
    blockers: tuple[str, ...]


class BlockedError(SchemaError):
    """Could not lock a table in time; nothing of this migration was done."""

    exit_code = ExitCode.LOCKED

    def __init__(self, migration: str, *, attempts: int, blockers: Sequence[str]) -> None:
        self.migration = migration
        self.blockers = tuple(blockers)
        super().__init__(
            seen="\n".join(
                [f"{migration} was tried {attempts} times. Last blocked by:", *self.blockers]
            ),
            next_step=(
                "Let them finish and run this again at a quieter time, with more --lock-retries, "
                "or with a longer --lock-timeout SECONDS, for which others may queue behind the "
                "migration. To end one of them: SELECT pg_terminate_backend(PID);"
            ),
        )
