"""Writes a community, from the people to the last read mark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connections, transaction

from chat.demo.direct import conversations
from chat.demo.histories import Historian, Room
from chat.demo.people import People
from chat.demo.rhythm import Rhythm
from chat.demo.servers import communities
from chat.models import Channel, ReadState, ServerMember
from chat.services.imports import (
    Imported,
    ReadStateRow,
    import_direct_messages,
    import_messages,
    import_read_states,
    import_users,
)
from chat.services.use_case import alias

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from chat.demo.plan import Plan
    from chat.demo.servers import Community

# One in twelve is said between two, or in a small group.
DIRECT_SHARE = 1 / 12
# Whoever is further down the list of members reads so little that no mark is kept.
_READERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What is there now of a plan, whether this run wrote it or an earlier one."""

    users: int
    servers: int
    conversations: int
    most_active: str
    largest_server: str


def seed(plan: Plan, *, on_progress: Callable[[int], object]) -> Seeded:
    """Write the community of `plan`; what of it is there already stays.

    A transaction for each server and each history. `on_progress` is called with the number of
    messages since the last time.
    """
    people = People(plan)
    import_users(users=people.rows)
    historian = Historian(plan, Rhythm(plan.since))
    direct = round(plan.messages * DIRECT_SHARE)
    written = communities(plan, people, messages=plan.messages - direct)
    for community in written:
        _tell(plan, community, historian, on_progress)
    talks = conversations(plan, people, messages=direct)
    for talk in talks:
        import_direct_messages(
            conversation=talk.id,
            messages=historian.history(talk.room),
            on_progress=on_progress,
        )
    return Seeded(
        users=len(people.rows),
        servers=len(written),
        conversations=len(talks),
        most_active=people.rows[0].username,
        largest_server=str(written[0].id),
    )


def _tell(
    plan: Plan,
    community: Community,
    historian: Historian,
    on_progress: Callable[[int], object],
) -> None:
    for place in community.places:
        room = Room(
            name=str(place.id),
            writers=place.writers,
            language=place.language,
            messages=place.messages,
            roles=place.roles,
        )
        with transaction.atomic(using=alias()):
            done: Imported = import_messages(
                channel=place.id, messages=historian.history(room), on_progress=on_progress
            )
            if done.messages:
                _edit_some(place.id)
    if not ReadState.objects.using(alias()).filter(server_id=community.id).exists():
        import_read_states(server=community.id, states=_marks(plan, community))


def _edit_some(channel: UUID) -> None:
    """Edit every hundredth message that says it was edited, so that there are revisions."""
    with connections[alias()].cursor() as cursor:
        cursor.execute(
            "UPDATE messages SET content = left(content, 3990) || ' (edited)'"
            " WHERE channel_id = %s AND server_id = (SELECT server_id FROM channels WHERE id = %s)"
            " AND edited_at IS NOT NULL AND deleted_at IS NULL AND seq %% 100 = 1",
            [channel, channel],
        )


def _marks(plan: Plan, community: Community) -> list[ReadStateRow]:
    chance = plan.chance("marks", community.id)
    newest = dict(
        Channel.objects.using(alias())
        .filter(server_id=community.id, last_seq__gt=0)
        .values_list("id", "last_seq")
    )
    # Without those who were banned in the meantime.
    here = set(
        ServerMember.objects.using(alias())
        .filter(server_id=community.id)
        .values_list("user_id", flat=True)
    )
    readers = [user for user in community.members[:_READERS] if user in here]
    return [
        ReadStateRow(user, place.id, max(0, newest[place.id] - int(chance.expovariate(0.05))))
        for user in readers
        for place in community.places
        if place.id in newest and chance.random() < 0.6
    ]
