"""The errors of the services and queries, one class for each answer.

A class's docstring is its default message. What a user may not do is a `PermissionDenied` of
Django's too, so that a view answers 403 without knowing these classes.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.core.exceptions import PermissionDenied

from chat.rules.permissions import Permission


class ChatError(Exception):
    """The request cannot be carried out as it was made."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class InvalidInput(ChatError, ValueError):
    """An argument is not what it has to be; nothing was written."""

    def __init__(self, field: str, *, seen: str, expected: str) -> None:
        self.field = field
        self.seen = seen
        self.expected = expected
        super().__init__(f"{field} is {seen}; it has to be {expected}.")


class OutOfOrder(InvalidInput):
    """A message of an import is older than the message it would come behind."""

    def __init__(
        self, field: str, *, message: UUID, sent_at: datetime, newest_at: datetime
    ) -> None:
        self.message = message
        self.sent_at = sent_at
        self.newest_at = newest_at
        super().__init__(
            field,
            seen=f"{sent_at}, of message {message}",
            expected=f"no earlier than {newest_at}, the time of the message before it",
        )


class NotVisible(ChatError, PermissionDenied):
    """It does not exist, or this user may not see it.

    One error for both: two would tell a stranger which ids exist.
    """

    def __init__(self, what: str, id: UUID | int | str, *, to: UUID | None = None) -> None:  # noqa: A002
        self.what = what
        self.id = id
        viewer = "" if to is None else f" that user {to} can see"
        super().__init__(f"There is no {what} {id}{viewer}.")


class MissingPermission(ChatError, PermissionDenied):
    """A permission is missing; `missing` has the bits."""

    def __init__(self, missing: Permission, *, user: UUID, where: str) -> None:
        self.missing = missing
        names = ", ".join(bit.name or str(bit.value) for bit in missing)
        super().__init__(f"User {user} needs {names} in {where}.")


class RankTooLow(ChatError, PermissionDenied):
    """The role or the member ranks as high as the actor, or higher."""


class OwnerProtected(ChatError, PermissionDenied):
    """Nobody may act against a server's owner, who has to hand it over before leaving."""


class NotAuthor(ChatError, PermissionDenied):
    """Only the author of a message can edit it."""


class Unreachable(ChatError, PermissionDenied):
    """The account was erased: nobody would read the message."""


class TimedOut(ChatError, PermissionDenied):
    """The member is in a timeout."""


class Banned(ChatError, PermissionDenied):
    """The user is banned from the server."""


class OwnsServers(ChatError):
    """A user who owns servers cannot be erased; `servers` has their ids."""

    def __init__(self, user: UUID, servers: Sequence[UUID]) -> None:
        self.servers = tuple(servers)
        super().__init__(
            f"User {user} owns {len(self.servers)} servers: {', '.join(map(str, self.servers))}. "
            "Hand them over with transfer_ownership, or pass delete_owned_servers=True."
        )


class ErasureIncomplete(ChatError):
    """Personal data would have been left, so nothing was erased; `places` says where."""

    def __init__(self, user: UUID, places: Sequence[str]) -> None:
        self.places = tuple(places)
        super().__init__(
            f"Of user {user} something would be left in {', '.join(self.places)}; nothing was "
            "erased. Add what these hold to the policy in chat/services/core/erasure.py."
        )


class SlowModeActive(ChatError):
    """The channel is in slow mode; `retry_after` is the time until the member's next message."""

    def __init__(self, retry_after: timedelta) -> None:
        self.retry_after = retry_after
        super().__init__(
            f"The channel is in slow mode: the next message in {retry_after.total_seconds():.0f} s."
        )


class IdTaken(ChatError):
    """The id belongs to another message; a retry has to repeat exactly what was sent."""


class LimitReached(ChatError):
    """There are as many as there may be: `limit` of `what`."""

    def __init__(self, what: str, limit: int) -> None:
        self.what = what
        self.limit = limit
        super().__init__(f"There are {limit} {what} already, which is the limit.")


class InviteUnusable(ChatError):
    """The invite is unknown, used up, expired or revoked."""


class Conflict(ChatError):
    """Somebody else changed the same data at the same moment; read it again and repeat."""


class DatabaseRefused(ChatError):
    """The database refused a write; `constraint` is the name of the rule, or empty."""

    def __init__(self, message: str, *, constraint: str = "") -> None:
        self.constraint = constraint
        super().__init__(message)
