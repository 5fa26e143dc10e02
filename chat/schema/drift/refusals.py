"""The errors in which a command ends because of drift."""

from collections.abc import Sequence

from chat.schema.drift.reading import Drift, DriftState
from chat.schema.drift.sentences import next_step, sentence
from chat.schema.errors import ExitCode, SchemaError
from chat.schema.text import command_line


class DriftError(SchemaError):
    """The database is not what the last migration left."""

    exit_code = ExitCode.DRIFT

    def __init__(self, differences: Sequence[str], *, next_step: str) -> None:
        self.differences = tuple(differences)
        shown, more = self.differences[:5], len(self.differences[5:])
        super().__init__(
            seen=", ".join([*shown, f"and {more} more"] if more else shown),
            next_step=next_step,
        )


class UnknownDriftError(SchemaError):
    """It is not known whether the database was changed by hand."""


def require_no_drift(drift: Drift, *, is_shown: bool = False) -> None:
    """Raise DriftError when the database differs from the last snapshot.

    With `is_shown` each difference has been shown, and the error says what to do about them.
    """
    if drift.state is DriftState.DRIFT:
        to_see = f"See each and what to do about it: {command_line('migration_drift')}"
        raise DriftError(
            [str(difference) for difference in drift.differences],
            next_step=next_step(drift) if is_shown else to_see,
        )


def require_known_drift(drift: Drift) -> None:
    """Raise UnknownDriftError when it cannot be known whether the database was changed by hand."""
    if drift.state is DriftState.UNKNOWN:
        raise UnknownDriftError(seen=sentence(drift), next_step=next_step(drift))
