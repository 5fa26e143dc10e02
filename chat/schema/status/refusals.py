"""What a command refuses because of the state of migrations."""

from collections.abc import Sequence

from chat.schema.errors import ExitCode, SchemaError
from chat.schema.status.reading import MigrationStatus
from chat.schema.status.sentences import next_step_for, sentence


class StateRefusedError(SchemaError):
    """Migrations are in a state that this command refuses.

    `found` are those, all in one state; `among` are all migrations, in the order of the plan.
    """

    def __init__(
        self, found: Sequence[MigrationStatus], *, among: Sequence[MigrationStatus]
    ) -> None:
        self.names = tuple(map(str, found))
        told = [said for status in found if (said := sentence(status))]
        plain = [str(status) for status in found if not sentence(status)]
        if plain:
            told.append(f"{found[0].state.capitalize()}: {', '.join(plain)}")
        super().__init__(seen="\n".join(told), next_step=next_step_for(found, among=among))


class PendingMigrationsError(StateRefusedError):
    """Migrations are pending."""

    exit_code = ExitCode.PENDING


class DatabaseAheadError(StateRefusedError):
    """The database is ahead of the code."""

    exit_code = ExitCode.AHEAD


class RewrittenMigrationsError(DatabaseAheadError):
    """The migrations were written anew since this database was made."""


class ChangedMigrationsError(StateRefusedError):
    """An applied migration has changed on disk; nothing was done."""

    exit_code = ExitCode.CHECKSUM


class DisagreeingRecordsError(StateRefusedError):
    """The ledger and django_migrations disagree about a migration; nothing was done."""


class InterruptedMigrationsError(StateRefusedError):
    """A migration was interrupted half way."""

    exit_code = ExitCode.INTERRUPTED
