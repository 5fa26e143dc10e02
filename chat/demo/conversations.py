"""Conversations of two and of small groups."""

from uuid import UUID

from django.db import transaction

from chat.db.ids import direct_pair_id
from chat.demo.histories import DemoChannel, Space
from chat.demo.people import People
from chat.demo.plan import Plan, id_at, shares, zipf
from chat.models import Channel, Participant
from chat.services.core.use_case import write_alias


def conversations(plan: Plan, people: People, *, messages: int) -> list[Space]:
    """Return all conversations, the longest first, having written those that are missing."""
    chance = plan.chance("conversations")
    ids = people.ids
    weights = zipf(len(ids), exponent=0.6)
    parties: dict[UUID, list[UUID]] = {}
    groups: set[UUID] = set()
    for number in range(max(1, min(len(ids), messages // 40))):
        is_group = number % 10 == 4 and len(ids) > 6
        wanted = chance.randint(3, 6) if is_group else 2
        chosen: dict[UUID, None] = {}
        while len(chosen) < wanted:
            chosen.update(dict.fromkeys(chance.choices(ids, cum_weights=weights, k=1)))
        party = list(chosen)
        conversation = id_at(plan.since, chance) if is_group else direct_pair_id(*party)
        parties.setdefault(conversation, party)
        if is_group:
            groups.add(conversation)
    _write(plan, parties, groups)
    return [
        Space(
            id=conversation,
            people=party,
            channels=[
                DemoChannel(
                    id=conversation,
                    writers=party,
                    language=people.languages[party[0]],
                    messages=size,
                )
            ],
        )
        for (conversation, party), size in zip(
            parties.items(), shares(messages, zipf(len(parties))), strict=True
        )
    ]


def _write(plan: Plan, parties: dict[UUID, list[UUID]], groups: set[UUID]) -> None:
    database = write_alias()
    there = set(
        Channel.objects.using(database).filter(id__in=list(parties)).values_list("id", flat=True)
    )
    missing = {key: party for key, party in parties.items() if key not in there}
    with transaction.atomic(using=database):
        Channel.objects.using(database).bulk_create(
            Channel(
                id=key,
                kind=Channel.Kind.GROUP,
                name="Planning",
                owner_id=party[0],
                created_at=plan.since,
            )
            if key in groups
            else Channel(
                id=key,
                kind=Channel.Kind.PAIR,
                pair_low_id=min(party),
                pair_high_id=max(party),
                created_at=plan.since,
            )
            for key, party in missing.items()
        )
        Participant.objects.using(database).bulk_create(
            Participant(channel_id=key, user_id=user, joined_at=plan.since)
            for key, party in missing.items()
            for user in party
        )
