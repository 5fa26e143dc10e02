"""Where somebody stands in a server: what they may do there and whom they outrank.

Locks first, looks afterwards, in two statements: a statement that waits for a lock goes on with the
snapshot it came with, and would judge by roles that have been taken away meanwhile.

The order of locks, for all services: the user's row, the server's, the invite's, the rows of
channels by id, then what hangs on them. Whatever depends on who is a member, who has which role and
where roles and channels stand holds the server's row FOR NO KEY UPDATE, so one server's moderation
happens one after another; joining and leaving hold it FOR SHARE, so they wait for that and not for
each other. No insert of a row that only points at the server waits for either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.errors import MissingPermission, NotVisible, OwnerProtected, RankTooLow, TimedOut
from chat.rules.permissions import (
    Permission,
    Rank,
    can_grant,
    highest_rank,
    outranks,
    resolve_in_server,
)
from chat.services.core.use_case import alias

if TYPE_CHECKING:
    from datetime import datetime

# Below every role that there can be, for a server that somebody made without everyone's.
_NO_ROLE = Rank(position=0, id=UUID(int=2**128 - 1))


@dataclass(frozen=True, slots=True)
class Standing:
    """A member of a server, as the database had it at `asked_at`."""

    space_id: UUID
    user_id: UUID
    is_owner: bool
    is_timed_out: bool
    # What the roles give, before a timeout takes it.
    granted: Permission
    rank: Rank
    asked_at: datetime

    @property
    def is_administrator(self) -> bool:
        """Whether nothing is denied to the member: the owner, and whoever is ADMINISTRATOR."""
        return Permission.ADMINISTRATOR in self.granted

    @property
    def permissions(self) -> Permission:
        """What the member may do in the server, where no channel is concerned."""
        return resolve_in_server(
            is_owner=self.is_owner,
            everyone=self.granted,
            roles=(),
            is_timed_out=self.is_timed_out,
        )

    def may(self, wanted: Permission) -> bool:
        """Tell whether the member holds all of `wanted` in the server."""
        return wanted in self.permissions

    def require(self, wanted: Permission) -> None:
        """Raise MissingPermission, or TimedOut, unless the member holds all of `wanted`."""
        if self.may(wanted):
            return
        if wanted in self.granted:
            raise TimedOut(f"User {self.user_id} is in a timeout in server {self.space_id}.")
        missing = Permission(wanted & ~self.granted)
        raise MissingPermission(missing, user=self.user_id, place=f"server {self.space_id}")

    def require_to_hold(self, wanted: Permission) -> None:
        """Raise MissingPermission unless the member may give `wanted` to others."""
        if not can_grant(own=self.permissions, wanted=wanted):
            missing = Permission(int(wanted) & ~int(self.permissions))
            raise MissingPermission(missing, user=self.user_id, place=f"server {self.space_id}")

    def require_above(self, rank: Rank, *, what: str) -> None:
        """Raise RankTooLow unless the member stands above `rank`, which `what` has."""
        if not outranks(actor=self.rank, target=rank):
            raise RankTooLow(
                f"User {self.user_id} does not stand above {what} in server {self.space_id}."
            )

    def require_against(self, target: Standing) -> None:
        """Raise OwnerProtected or RankTooLow unless the member may act against `target`."""
        if target.is_owner:
            raise OwnerProtected(f"User {target.user_id} owns server {target.space_id}.")
        self.require_above(target.rank, what=f"user {target.user_id}")


def standing_in(server: UUID, user: UUID, *, asked_for: tuple[str, UUID] | None = None) -> Standing:
    """Return where a user stands in a server: one statement.

    Raises: NotVisible, when the user is no member of it; with what was `asked_for`, where that led
    to the server, so that a stranger learns nothing of what is there.
    """
    found = _STANDINGS.first({"server": server, "users": [user]}, using=alias())
    if found is None:
        raise NotVisible(*(asked_for or ("server", server)), to=user)
    return found


def standings_in(
    server: UUID, *, actor: UUID, target: UUID, asked_for: tuple[str, UUID] | None = None
) -> tuple[Standing, Standing | None]:
    """Return where two stand, None for a target that is no member: one statement.

    Raises: NotVisible, as `standing_in` does, when the actor is no member.
    """
    found = {
        each.user_id: each
        for each in _STANDINGS.rows({"server": server, "users": [actor, target]}, using=alias())
    }
    if actor not in found:
        raise NotVisible(*(asked_for or ("server", server)), to=actor)
    return found[actor], found.get(target)


def members_standing(
    server: UUID, *, actor: UUID, target: UUID, asked_for: tuple[str, UUID] | None = None
) -> tuple[Standing, Standing]:
    """Return where two members stand: one statement. Raises: NotVisible for either."""
    own, other = standings_in(server, actor=actor, target=target, asked_for=asked_for)
    if other is None:
        raise NotVisible("member", target, to=actor)
    return own, other


def _standing(  # noqa: PLR0917 — columns
    space_id: UUID,
    user_id: UUID,
    is_owner: bool,  # noqa: FBT001 — a column
    is_timed_out: bool,  # noqa: FBT001 — a column
    granted: int,
    position: int | None,
    role_id: UUID | None,
    asked_at: datetime,
) -> Standing:
    highest = _NO_ROLE if position is None or role_id is None else Rank(position, role_id)
    return Standing(
        space_id=space_id,
        user_id=user_id,
        is_owner=is_owner,
        is_timed_out=is_timed_out,
        granted=resolve_in_server(
            is_owner=is_owner, everyone=granted, roles=(), is_timed_out=False
        ),
        rank=highest_rank(is_owner=is_owner, roles=[highest]),
        asked_at=asked_at,
    )


_STANDINGS = Statement(read_sql("services/sql/member_authority.sql"), _standing)
