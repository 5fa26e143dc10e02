"""The reason that an acceptance is kept with."""

from chat.schema.errors import RefusedError


class NoReasonError(RefusedError):
    """Nothing was accepted: give --reason."""


def require_reason(reason: str) -> None:
    """Raise NoReasonError unless a reason is given."""
    if not reason.strip():
        raise NoReasonError(next_step='Say why it is right as it is: --reason "…". It is kept.')
