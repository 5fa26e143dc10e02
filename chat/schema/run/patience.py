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

    Whoever comes later queues behind a session that waits, so this is how long a migration may
    hold up the others; zero waits for ever.
    """

    lock_timeout: timedelta = timedelta(seconds=3)
    retries: int = 5

    @property
    def attempts(self) -> int:
        """How often a migration is tried in all."""
        return self.retries + 1

    def pause(self, *, attempt: int) -> timedelta:
        """Return how long to leave the others alone: at first as long as they were held up."""
        return min(self.lock_timeout * (1 << attempt - 1), _LONGEST_PAUSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedAttempt:
    """A migration that did not get a lock in time, and was rolled back."""

    migration: Migration
    attempt: int
    attempts: int
    waited: timedelta
    pause: timedelta
    blockers: tuple[str, ...]


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
