"""Channels and messages as one user sees them: what they are, and what that user may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django.db.models import OuterRef, Subquery

from chat.db.statements import Statement, read_sql
from chat.errors import MissingPermission, NotVisible, TimedOut
from chat.inputs import identify
from chat.models import Channel, ChannelAccess, Message
from chat.rules.permissions import NONE, Permission, can_grant
from chat.services.core.audit import record
from chat.services.core.use_case import alias

if TYPE_CHECKING:
    from uuid import UUID

    from chat.errors import ChatError
    from chat.services.core.authority import Standing

    class _StandsForMessage(Protocol):
        """What services and queries return for a message."""

        stands_for: ClassVar[str]

        @property
        def id(self) -> UUID:
            """Return the id of the message."""

    AnyMessage = Message | _StandsForMessage | UUID


@dataclass(frozen=True, slots=True)
class ChannelAuthority:
    """A channel of a server, and what `actor` may do in it."""

    channel: Channel
    actor: Standing
    permissions: Permission

    def require(self, wanted: Permission) -> None:
        """Raise MissingPermission, or TimedOut, unless the actor holds all of `wanted` here."""
        error = permission_error(
            wanted,
            held=self.permissions,
            is_timed_out=self.actor.is_timed_out,
            user=self.actor.user_id,
            place=self._place,
        )
        if error is not None:
            raise error

    def require_to_hold(self, wanted: Permission) -> None:
        """Raise MissingPermission unless the actor may allow or deny `wanted` here."""
        if not can_grant(own=self.permissions, wanted=wanted):
            missing = Permission(int(wanted) & ~int(self.permissions))
            raise MissingPermission(missing, user=self.actor.user_id, place=self._place)

    @property
    def _place(self) -> str:
        return f"channel {self.channel.pk}"


@dataclass(frozen=True, slots=True)
class MessageAuthority:
    """A message that is not deleted, and who is about to do something with it."""

    id: UUID
    # Its server, or its conversation, whose channel has the same id.
    space_id: UUID
    channel_id: UUID
    seq: int
    author_id: UUID | None
    kind: str
    content: str
    version: int
    is_pinned: bool
    has_files: bool
    user_id: UUID
    permissions: int
    is_timed_out: bool

    @property
    def is_own(self) -> bool:
        """Whether the user wrote it, which of an event nobody did."""
        return self.author_id == self.user_id and self.kind == Message.Kind.TEXT

    def may(self, *wanted: Permission) -> bool:
        """Tell whether the user holds one of these."""
        return any(wanted_one in Permission(self.permissions) for wanted_one in wanted)

    def require(self, needed: Permission) -> None:
        """Raise TimedOut or MissingPermission unless the user holds all of `needed`."""
        error = permission_error(
            needed,
            held=self.permissions,
            is_timed_out=self.is_timed_out,
            user=self.user_id,
            place=place_name(self.space_id, self.channel_id),
        )
        if error is not None:
            raise error

    def require_no_timeout(self) -> None:
        """Raise TimedOut if the user is in one."""
        if self.is_timed_out:
            raise TimedOut(f"User {self.user_id} is in a timeout.")

    def log(self, action: str, **changes: tuple[Any, Any]) -> None:
        """Tell the audit log what was done with it: one statement, none in a conversation."""
        if self.space_id == self.channel_id:
            return
        record(
            self,
            action,
            self.id,
            changes={
                "channel_id": (self.channel_id, self.channel_id),
                "author_id": (self.author_id, self.author_id),
                **changes,
            },
        )


def permission_error(
    needed: Permission, *, held: int, is_timed_out: bool, user: UUID, place: str
) -> ChatError | None:
    """Return what to raise when not all of `needed` is held, or None."""
    missing = Permission(int(needed) & ~int(held))
    if missing == NONE:
        return None
    if is_timed_out:
        return TimedOut(f"User {user} is in a timeout, and can only read in {place}.")
    return MissingPermission(missing, user=user, place=place)


def place_name(space: UUID, channel: UUID) -> str:
    """Return what an error calls a channel or a conversation."""
    return f"conversation {channel}" if space == channel else f"channel {channel}"


def place_in(
    server: UUID, channel: UUID, *, actor: Standing, what: str = "channel"
) -> ChannelAuthority:
    """Return a channel of a server with what the actor may do there: one statement.

    Raises: NotVisible, for a channel of another server, a deleted one, and one that the actor
    cannot see.
    """
    access = ChannelAccess.objects.filter(
        user_id=actor.user_id, space_id=server, channel_id=OuterRef("pk")
    )
    found = (
        Channel.objects.using(alias())
        .filter(space_id=server, pk=channel)
        .annotate(granted=Subquery(access.values("permissions")))
        .first()
    )
    # An annotation of a QuerySet of ours is not known to the type.
    granted: int | None = getattr(found, "granted", None)
    if found is None or granted is None:
        raise NotVisible(what, channel, to=actor.user_id)
    return ChannelAuthority(channel=found, actor=actor, permissions=Permission(granted))


def find_message(message: AnyMessage, *, user: UUID, lock: bool = False) -> MessageAuthority:
    """Return a message with what `user` may do about it: one statement.

    With `lock` its row is locked FOR NO KEY UPDATE.

    Raises: InvalidInput; NotVisible, when it is not for this user to see, deleted or none at all.
    """
    message_id = identify("message", message, Message)
    statement = _LOCKED if lock else _FOUND
    found = statement.first({"message": message_id, "user": user}, using=alias())
    if found is None:
        raise NotVisible("message", message_id, to=user)
    return found


_FOUND = Statement(read_sql("services/sql/find_message.sql"), MessageAuthority)
_LOCKED = Statement(
    f"{_FOUND.sql.removesuffix(';')}\nFOR NO KEY UPDATE OF message", row=MessageAuthority
)
