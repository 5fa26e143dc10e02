"""Whether a user may do something in a server, in a channel or with a message.

Lock first, then look, in two statements. A statement that waits for a lock goes on with the
snapshot that it began with, and would go by roles that were taken away meanwhile.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol
from uuid import UUID

from django.db.models import Model, OuterRef, Subquery

from chat.db.statements import Statement, read_sql
from chat.errors import (
    ChatError,
    MissingPermission,
    NotVisible,
    OwnerProtected,
    RankTooLow,
    TimedOut,
)
from chat.inputs import id_of
from chat.models import Channel, ChannelAccess, Message
from chat.rules.permissions import NONE, Permission, Rank, highest_rank, outranks
from chat.rules.resolution import can_grant, resolve_in_server
from chat.services.core.audit import Change, Changes, changed_fields, write_entry
from chat.services.core.use_case import save_fields, write_alias


class _StandsForMessage(Protocol):
    """What services and queries return for a message."""

    stands_for: ClassVar[str]

    @property
    def id(self) -> UUID:
        """Return the id of the message."""


AnyMessage = Message | _StandsForMessage | UUID

# Below every role that there can be, for a server that somebody made without everyone's.
_NO_ROLE = Rank(position=0, id=UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class Authority:
    """What a user may do in a server, or in a conversation."""

    space_id: UUID
    user_id: UUID
    permissions: int
    is_timed_out: bool

    @property
    def where(self) -> str:
        """What errors call it."""
        return f"server {self.space_id}"

    def may(self, wanted: Permission) -> bool:
        """Tell whether the user holds all of `wanted`."""
        return not int(wanted) & ~int(self.permissions)

    def permission_error(self, wanted: Permission) -> ChatError | None:
        """Return the TimedOut or MissingPermission for not holding all of `wanted`, or None."""
        missing = Permission(int(wanted) & ~int(self.permissions))
        if missing == NONE:
            return None
        if self.lost_by_timeout(wanted):
            return self.timeout_error()
        return MissingPermission(missing, user=self.user_id, where=self.where)

    def lost_by_timeout(self, wanted: Permission) -> bool:
        """Tell whether a timeout is why `wanted` is not held."""
        return self.is_timed_out

    def timeout_error(self) -> TimedOut:
        """Return the error of a user in a timeout."""
        return TimedOut(f"User {self.user_id} is in a timeout, and can only read in {self.where}.")

    def require(self, wanted: Permission) -> None:
        """Raise TimedOut or MissingPermission unless the user holds all of `wanted`."""
        if (error := self.permission_error(wanted)) is not None:
            raise error

    def require_grantable(self, wanted: int) -> None:
        """Raise MissingPermission unless the user may give all of `wanted` to others."""
        if not can_grant(own=Permission(self.permissions), wanted=Permission(wanted)):
            missing = Permission(int(wanted) & ~int(self.permissions))
            raise MissingPermission(missing, user=self.user_id, where=self.where)

    def log(self, action: str, target: UUID, *, reason: str = "", **changes: Change) -> None:
        """Write into the audit log of the server what the user did: one statement."""
        write_entry(
            self.space_id,
            actor=self.user_id,
            action=action,
            target=target,
            changes=changes,
            reason=reason,
        )

    def update(self, row: Model, wanted: Mapping[str, Any], *, action: str, reason: str) -> Changes:
        """Write what `wanted` changes of `row`, log it and return it.

        Two statements, none when nothing changes.
        """
        changes = changed_fields(row, wanted)
        if changes:
            save_fields(row, wanted)
            self.log(action, row.pk, reason=reason, **changes)
        return changes


@dataclass(frozen=True, slots=True)
class MemberAuthority(Authority):
    """What a member may do in the server itself, as the database had it at `asked_at`."""

    is_owner: bool
    # What the roles give, before a timeout takes it away.
    before_timeout: Permission
    rank: Rank
    asked_at: datetime

    @property
    def is_administrator(self) -> bool:
        """Whether nothing is denied to the member: the owner, or one with ADMINISTRATOR."""
        return Permission.ADMINISTRATOR in self.before_timeout

    def lost_by_timeout(self, wanted: Permission) -> bool:
        """Tell whether the member would hold `wanted` without the timeout."""
        return wanted in self.before_timeout

    def require_above(self, rank: Rank, *, what: str) -> None:
        """Raise RankTooLow unless the member ranks above `rank`, which `what` has."""
        if not outranks(actor=self.rank, target=rank):
            raise RankTooLow(f"User {self.user_id} does not rank above {what} in {self.where}.")

    def require_against(self, target: "MemberAuthority") -> None:
        """Raise OwnerProtected or RankTooLow unless the member may act against `target`."""
        if target.is_owner:
            raise OwnerProtected(f"User {target.user_id} owns {self.where}.")
        self.require_above(target.rank, what=f"user {target.user_id}")


@dataclass(frozen=True, slots=True)
class ChannelAuthority(Authority):
    """What a user may do in a channel or a conversation."""

    channel_id: UUID

    @property
    def where(self) -> str:
        """What errors call it."""
        kind = "conversation" if self.channel_id == self.space_id else "channel"
        return f"{kind} {self.channel_id}"


@dataclass(frozen=True, slots=True)
class ServerChannelAuthority(ChannelAuthority):
    """What a member may do in a channel of a server, with the channel itself."""

    channel: Channel
    member: MemberAuthority


@dataclass(frozen=True, slots=True)
class MessageAuthority(ChannelAuthority):
    """What a user may do with a message that is not deleted."""

    id: UUID
    seq: int
    author_id: UUID | None
    kind: str
    content: str
    version: int
    is_pinned: bool
    has_files: bool

    @property
    def is_own(self) -> bool:
        """Whether the user wrote it; nobody wrote a message of the system."""
        return self.author_id == self.user_id and self.kind == Message.Kind.TEXT

    def require_no_timeout(self) -> None:
        """Raise TimedOut if the user is in one."""
        if self.is_timed_out:
            raise self.timeout_error()

    def log_moderation(self, action: str, **changes: Change) -> None:
        """Log what was done with the message: one statement, none in a conversation."""
        if self.space_id != self.channel_id:
            changes |= {
                "channel_id": (self.channel_id, self.channel_id),
                "author_id": (self.author_id, self.author_id),
            }
            self.log(action, self.id, reason="", **changes)


def member_authority(
    server: UUID, user: UUID, *, asked_for: tuple[str, UUID] | None = None
) -> MemberAuthority:
    """Return what a member may do in a server: one statement.

    Raises: NotVisible, when the user is no member of it. The error names what was `asked_for`,
    where the server was found by that, so that a stranger does not learn the server.
    """
    return _authorities(server, [user], actor=user, asked_for=asked_for)[user]


def authority_over_user(
    server: UUID, *, actor: UUID, target: UUID
) -> tuple[MemberAuthority, MemberAuthority | None]:
    """Return what the actor may do in a server, and the target, None if no member: one statement.

    Raises: NotVisible, when the actor is no member.
    """
    found = _authorities(server, [actor, target], actor=actor)
    return found[actor], found.get(target)


def authority_over_member(
    server: UUID, *, actor: UUID, target: UUID, asked_for: tuple[str, UUID] | None = None
) -> tuple[MemberAuthority, MemberAuthority]:
    """Return what two members may do in a server: one statement.

    Raises: NotVisible, for the actor as `member_authority`, or for the target.
    """
    found = _authorities(server, [actor, target], actor=actor, asked_for=asked_for)
    if target not in found:
        raise NotVisible("member", target, to=actor)
    return found[actor], found[target]


def channel_authority(
    member: MemberAuthority, channel: UUID, *, what: str = "channel"
) -> ServerChannelAuthority:
    """Return a channel of the member's server, and what they may do there: one statement.

    Raises: NotVisible, for a channel of another server, a deleted one, and one that the member
    cannot see.
    """
    access = ChannelAccess.objects.filter(
        user_id=member.user_id, space_id=member.space_id, channel_id=OuterRef("pk")
    )
    found = (
        Channel.objects.using(write_alias())
        .filter(space_id=member.space_id, pk=channel)
        .annotate(permissions=Subquery(access.values("permissions")))
        .first()
    )
    # An annotation of a QuerySet of ours is not known to the type.
    permissions: int | None = getattr(found, "permissions", None)
    if found is None or permissions is None:
        raise NotVisible(what, channel, to=member.user_id)
    return ServerChannelAuthority(
        space_id=member.space_id,
        user_id=member.user_id,
        permissions=permissions,
        is_timed_out=member.is_timed_out,
        channel_id=channel,
        channel=found,
        member=member,
    )


def message_authority(message: AnyMessage, *, user: UUID, lock: bool = False) -> MessageAuthority:
    """Return a message with what `user` may do with it: one statement.

    With `lock` its row is locked FOR NO KEY UPDATE.

    Raises: InvalidInput; NotVisible, when it is not for this user to see, deleted or none at all.
    """
    message_id = id_of("message", message, Message)
    statement = _LOCKED_MESSAGE if lock else _MESSAGE
    found = statement.first({"message": message_id, "user": user}, using=write_alias())
    if found is None:
        raise NotVisible("message", message_id, to=user)
    return found


class _Member(NamedTuple):
    space_id: UUID
    user_id: UUID
    is_owner: bool
    is_timed_out: bool
    role_permissions: int
    position: int | None
    role_id: UUID | None
    asked_at: datetime


def _authorities(
    server: UUID,
    users: list[UUID],
    *,
    actor: UUID,
    asked_for: tuple[str, UUID] | None = None,
) -> dict[UUID, MemberAuthority]:
    rows = _MEMBERS.rows({"server": server, "users": users}, using=write_alias())
    found = {row.user_id: _authority_of(row) for row in rows}
    if actor not in found:
        raise NotVisible(*(asked_for or ("server", server)), to=actor)
    return found


def _authority_of(member: _Member) -> MemberAuthority:
    def resolved(*, is_timed_out: bool) -> Permission:
        return resolve_in_server(
            is_owner=member.is_owner,
            everyone=member.role_permissions,
            roles=(),
            is_timed_out=is_timed_out,
        )

    role = _NO_ROLE
    if member.position is not None and member.role_id is not None:
        role = Rank(member.position, member.role_id)
    return MemberAuthority(
        space_id=member.space_id,
        user_id=member.user_id,
        permissions=resolved(is_timed_out=member.is_timed_out),
        is_timed_out=member.is_timed_out,
        is_owner=member.is_owner,
        before_timeout=resolved(is_timed_out=False),
        rank=highest_rank(is_owner=member.is_owner, roles=[role]),
        asked_at=member.asked_at,
    )


_MEMBERS = Statement(read_sql("services/sql/member_authority.sql"), _Member)
_MESSAGE = Statement(read_sql("services/sql/message_authority.sql"), MessageAuthority)
_LOCKED_MESSAGE = Statement(
    f"{_MESSAGE.sql.removesuffix(';')}\nFOR NO KEY UPDATE OF message", MessageAuthority
)
