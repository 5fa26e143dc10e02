"""Writes a community: users, servers, conversations, messages and read states."""

from collections.abc import Callable
from dataclasses import dataclass

from django.db import connections, transaction

from chat.demo.conversations import conversations
from chat.demo.histories import DemoChannel, MessageGenerator, Space
from chat.demo.people import People
from chat.demo.plan import Plan
from chat.demo.rhythm import Rhythm
from chat.demo.servers import servers
from chat.models import ChannelCounter, Participant, ReadState, ServerMember
from chat.services.core.use_case import write_alias
from chat.services.imports import (
    ReadStateRow,
    import_messages,
    import_read_states,
    import_users,
)

# The share of messages in conversations.
DIRECT_SHARE = 1 / 12
# Only the most active members have read states.
_READERS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """What exists of a plan now, written by this run or an earlier one."""

    users: int
    servers: int
    conversations: int
    most_active: str
    largest_server: str


def seed(plan: Plan, *, on_progress: Callable[[int], object]) -> Seeded:
    """Write the community of `plan`; what exists of it stays.

    One transaction for each server and for each channel's messages. `on_progress` is called with
    the number of messages that were written since its last call.
    """
    people = People(plan)
    import_users(users=people.rows)
    direct = round(plan.messages * DIRECT_SHARE)
    communities = servers(plan, people, messages=plan.messages - direct)
    talks = conversations(plan, people, messages=direct)
    generator = MessageGenerator(plan, Rhythm(plan.since))
    for space in [*communities, *talks]:
        for channel in space.channels:
            _write_history(space, channel, generator, on_progress)
        _write_read_states(plan, space)
    return Seeded(
        users=len(people.rows),
        servers=len(communities),
        conversations=len(talks),
        most_active=people.rows[0].username,
        largest_server=str(communities[0].id),
    )


def _write_history(
    space: Space,
    channel: DemoChannel,
    generator: MessageGenerator,
    on_progress: Callable[[int], object],
) -> None:
    with transaction.atomic(using=write_alias()):
        done = import_messages(
            channel=channel.id, messages=generator.history(channel), on_progress=on_progress
        )
        if done.messages:
            _edit_some(space, channel)


def _edit_some(space: Space, channel: DemoChannel) -> None:
    """Really edit some of the messages that are marked as edited, so that there are revisions."""
    with connections[write_alias()].cursor() as cursor:
        cursor.execute(
            "UPDATE messages SET content = left(content, 3990) || ' (edited)'"
            " WHERE space_id = %s AND channel_id = %s"
            " AND edited_at IS NOT NULL AND deleted_at IS NULL AND seq %% 100 = 1",
            [space.id, channel.id],
        )


def _write_read_states(plan: Plan, space: Space) -> None:
    """Write how far users have read, unless the space has read states already."""
    database = write_alias()
    if ReadState.objects.using(database).filter(space_id=space.id).exists():
        return
    chance = plan.chance("marks", space.id)
    newest = dict(
        ChannelCounter.objects.using(database)
        .filter(space_id=space.id, last_seq__gt=0)
        .values_list("channel_id", "last_seq")
    )
    # Without those whom `servers` has banned.
    members = ServerMember.objects.using(database).filter(server=space.id)
    participants = Participant.objects.using(database).filter(channel=space.id)
    here = set(members.values_list("user", flat=True).union(participants.values_list("user")))
    import_read_states(
        states=[
            ReadStateRow(
                user, channel.id, max(0, newest[channel.id] - int(chance.expovariate(0.05)))
            )
            for user in space.people[:_READERS]
            if user in here
            for channel in space.channels
            if channel.id in newest and chance.random() < 0.6
        ]
    )
