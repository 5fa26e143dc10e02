"""A channel as one member sees it: what it is, and what they may do there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery

from chat.errors import MissingPermission, NotVisible, TimedOut
from chat.models import Channel, ChannelAccess
from chat.permissions import Permission, can_grant
from chat.services.use_case import alias

if TYPE_CHECKING:
    from uuid import UUID

    from chat.services.standing import Standing


@dataclass(frozen=True, slots=True)
class Place:
    """A channel, and what `actor` may do in it."""

    channel: Channel
    actor: Standing
    permissions: Permission

    def require(self, wanted: Permission) -> None:
        """Raise MissingPermission, or TimedOut, unless the actor holds all of `wanted` here."""
        if wanted in self.permissions:
            return
        if self.actor.is_timed_out:
            raise TimedOut(
                f"User {self.actor.user_id} is in a timeout in server {self.actor.server_id}."
            )
        self._refuse(wanted)

    def require_to_hold(self, wanted: Permission) -> None:
        """Raise MissingPermission unless the actor may allow or deny `wanted` here."""
        if not can_grant(own=self.permissions, wanted=wanted):
            self._refuse(wanted)

    def _refuse(self, wanted: Permission) -> None:
        missing = Permission(int(wanted) & ~int(self.permissions))
        raise MissingPermission(
            missing, user=self.actor.user_id, place=f"channel {self.channel.pk}"
        )


def place_in(server: UUID, channel: UUID, *, actor: Standing, what: str = "channel") -> Place:
    """Return a channel with what the actor may do there: one statement.

    Raises: NotVisible, for a channel of another server, a deleted one, and one that the actor
    cannot see.
    """
    access = ChannelAccess.objects.filter(
        user_id=actor.user_id, server_id=server, channel_id=OuterRef("pk")
    )
    found = (
        Channel.objects.using(alias())
        .filter(server_id=server, pk=channel)
        .annotate(granted=Subquery(access.values("permissions")))
        .first()
    )
    # An annotation of a QuerySet of ours is not known to the type.
    granted: int | None = getattr(found, "granted", None)
    if found is None or granted is None:
        raise NotVisible(what, channel, to=actor.user_id)
    return Place(channel=found, actor=actor, permissions=Permission(granted))
