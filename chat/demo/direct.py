"""Conversations outside any server: of two, and in small groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction

from chat.demo.histories import Room
from chat.demo.plan import id_at, shares, zipf
from chat.ids import direct_pair_id
from chat.models import DirectConversation, DirectParticipant
from chat.services.use_case import alias

if TYPE_CHECKING:
    from uuid import UUID

    from chat.demo.people import People
    from chat.demo.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, and what is to be said in it."""

    id: UUID
    room: Room


def conversations(plan: Plan, people: People, *, messages: int) -> list[Talk]:
    """Return all conversations, the longest first, written where they are not there yet."""
    chance = plan.chance("conversations")
    ids = people.ids
    weights = zipf(len(ids), exponent=0.6)
    parties: dict[UUID, tuple[list[UUID], bool]] = {}
    for number in range(max(1, min(len(ids), messages // 40))):
        is_group = number % 10 == 9 and len(ids) > 6
        wanted = chance.randint(3, 6) if is_group else 2
        chosen: dict[UUID, None] = {}
        while len(chosen) < wanted:
            chosen.update(dict.fromkeys(chance.choices(ids, cum_weights=weights, k=1)))
        party = list(chosen)
        conversation = id_at(plan.since, chance) if is_group else direct_pair_id(*party)
        parties.setdefault(conversation, (party, is_group))
    sizes = shares(messages, zipf(len(parties)))
    _write(parties)
    return [
        Talk(
            id=conversation,
            room=Room(
                name=str(conversation),
                writers=party,
                language=people.languages[party[0]],
                messages=size,
                is_direct=True,
            ),
        )
        for (conversation, (party, _)), size in zip(parties.items(), sizes, strict=True)
    ]


def _write(parties: dict[UUID, tuple[list[UUID], bool]]) -> None:
    database = alias()
    there = set(
        DirectConversation.objects.using(database)
        .filter(id__in=list(parties))
        .values_list("id", flat=True)
    )
    missing = {key: value for key, value in parties.items() if key not in there}
    with transaction.atomic(using=database):
        DirectConversation.objects.using(database).bulk_create(
            DirectConversation(id=key, kind="group", name="Planning", owner_id=party[0])
            if is_group
            else DirectConversation(
                id=key, kind="pair", pair_low_id=min(party), pair_high_id=max(party)
            )
            for key, (party, is_group) in missing.items()
        )
        DirectParticipant.objects.using(database).bulk_create(
            DirectParticipant(conversation_id=key, user_id=user)
            for key, (party, _) in missing.items()
            for user in party
        )
