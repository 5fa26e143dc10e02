"""Counts equal those that counting message by message gives, after any history.

Hypothesis makes the histories, in a channel, its thread and a group: messages with mentions,
deletes, edits, purges, joins and leaves, roles given, taken and deleted, overwrites, timeouts,
bans, other owners, deleted channels, and moves of the read mark. Of who comes to read a channel,
what was there is read.
"""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chat.models import (
    Ban,
    Channel,
    ChannelAccess,
    ChannelCounter,
    ChannelPermission,
    MemberRole,
    Mention,
    Message,
    Participant,
    ReadState,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.queries.history import message_page
from chat.queries.unread import unread_overview
from chat.rules.permissions import Permission
from tests.chat.sql import purge
from tests.factories import (
    FAR_AWAY,
    ChannelFactory,
    DirectConversationFactory,
    MentionFactory,
    MessageFactory,
    ReadStateFactory,
    RoleFactory,
    ServerFactory,
    UserFactory,
    as_superuser,
)
from tests.services.places import READ

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)

people = st.integers(0, 2)
# A channel, its thread, and a group.
places = st.integers(0, 2)
channels = st.integers(0, 1)
ranks = st.integers(0, 1)


class Histories(RuleBasedStateMachine):
    """A server with a channel, its thread and two roles, a group, and three who come and go."""

    @initialize()
    def begin(self) -> None:
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.server = ServerFactory.create()
        self.everyone = RoleFactory.create(server=self.server, position=0, permissions=READ.value)
        self.roles: list[Role] = [
            RoleFactory.create(server=self.server, position=position) for position in (1, 2)
        ]
        pier = ChannelFactory.create(server=self.server)
        self.channels: list[Channel] = [
            pier,
            ChannelFactory.create(server=self.server, kind="thread", parent=pier),
        ]
        self.founder = self.server.owner
        self.channels.append(DirectConversationFactory.create(group=True, owner=self.founder))
        self.people: list[User] = UserFactory.create_batch(3)
        # Who could read where after the last step, and up to where it was not theirs to read.
        self.readers: set[tuple[UUID, UUID]] = set()
        self.hidden: dict[tuple[UUID, UUID], int] = {}
        self.set_back: dict[tuple[UUID, UUID], int] = {}
        self.join(person=0)

    def teardown(self) -> None:
        if hasattr(self, "transaction"):
            transaction.set_rollback(True)
            self.transaction.__exit__(None, None, None)

    @rule(person=people)
    def join(self, person: int) -> None:
        """Come into the server, with all that is there read, as the service does it."""
        Ban.objects.filter(server=self.server, user=self.people[person]).delete()
        _, is_new = ServerMember.objects.get_or_create(server=self.server, user=self.people[person])
        for place in (0, 1) if is_new else ():
            ReadStateFactory.create(
                channel=self.channels[place],
                user=self.people[person],
                last_read_seq=self.last_seq(place),
            )

    @rule(person=people)
    def leave(self, person: int) -> None:
        # The marks and the roles go with the member, by the database's cascade.
        if Server.objects.get(pk=self.server.pk).owner_id == self.people[person].pk:
            Server.objects.filter(pk=self.server.pk).update(owner=self.founder)
        ServerMember.objects.filter(server=self.server, user=self.people[person]).delete()

    @rule(person=people, left_at=st.sampled_from([None, NOON]))
    def take_part(self, person: int, left_at: datetime | None) -> None:
        """Come into the group, or leave it; the mark goes with who leaves."""
        own = {"channel": self.channels[2], "user": self.people[person]}
        if not Participant.objects.filter(**own).update(left_at=left_at):
            Participant.objects.create(**own, left_at=left_at)

    @rule(
        place=places,
        person=st.none() | people,
        rank=st.none() | ranks,
        calls_everyone=st.booleans(),
        calls_by_role=st.booleans(),
    )
    def send(
        self,
        place: int,
        person: int | None,
        rank: int | None,
        calls_everyone: bool,
        calls_by_role: bool,
    ) -> None:
        if not self.is_open(place):
            return
        message = MessageFactory.create(channel=self.channels[place], author=self.founder)
        message.refresh_from_db()
        if person is not None:
            MentionFactory.create(message=message, user=self.people[person])
        if rank is not None and place < 2:
            MentionFactory.create(message=message, role=self.roles[rank])
        if calls_everyone:
            MentionFactory.create(message=message)
        if calls_by_role and place < 2:
            MentionFactory.create(message=message, role=self.everyone)

    @rule(place=places, back=st.integers(0, 5))
    def delete(self, place: int, back: int) -> None:
        self.some_message(place, back).update(deleted_at=NOON)

    @rule(place=places, back=st.integers(0, 5))
    def purge(self, place: int, back: int) -> None:
        """Let the oldest go for good, all but the last `back`."""
        purge(
            "DELETE FROM messages WHERE channel_id = %s AND seq <= %s",
            self.channels[place].pk,
            self.last_seq(place) - back,
        )

    @rule(place=places, back=st.integers(0, 5))
    def purge_one(self, place: int, back: int) -> None:
        """Let one message go for good, also from the middle."""
        purge(
            "DELETE FROM messages WHERE channel_id = %s AND seq = %s",
            self.channels[place].pk,
            self.last_seq(place) - back,
        )

    @rule(place=places, back=st.integers(0, 5), person=people)
    def edit(self, place: int, back: int, person: int) -> None:
        """Change the content, and whom it names."""
        messages = self.some_message(place, back)
        messages.update(content="changed")
        for message in messages:
            Mention.objects.filter(channel=self.channels[place], seq=message.seq).delete()
            MentionFactory.create(message=message, user=self.people[person])

    @rule(person=people, rank=ranks)
    def give_role(self, person: int, rank: int) -> None:
        if self.is_member(person):
            MemberRole.objects.get_or_create(
                server=self.server, user=self.people[person], role=self.roles[rank]
            )

    @rule(person=people, rank=ranks)
    def take_role(self, person: int, rank: int) -> None:
        MemberRole.objects.filter(user=self.people[person], role=self.roles[rank]).delete()

    @rule(
        place=channels,
        rank=st.none() | ranks,
        deny=st.sampled_from([Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY]),
    )
    def close(self, place: int, rank: int | None, deny: Permission) -> None:
        ChannelPermission.objects.update_or_create(
            server=self.server,
            channel=self.channels[place],
            role=self.everyone if rank is None else self.roles[rank],
            defaults={"deny": deny.value},
        )

    @rule(place=channels)
    def open(self, place: int) -> None:
        ChannelPermission.objects.filter(channel=self.channels[place]).delete()

    @rule(
        place=channels,
        person=people,
        bits=st.sampled_from([(READ.value, 0), (0, Permission.VIEW_CHANNEL.value), (0, 0)]),
    )
    def overwrite(self, place: int, person: int, bits: tuple[int, int]) -> None:
        """Let the channel allow or deny to one person."""
        allow, deny = bits
        ChannelPermission.objects.update_or_create(
            server=self.server,
            channel=self.channels[place],
            user=self.people[person],
            defaults={"allow": allow, "deny": deny},
        )

    @rule(
        rank=st.none() | ranks,
        permissions=st.sampled_from([READ, Permission.ADMINISTRATOR, Permission.VIEW_CHANNEL]),
        is_given=st.booleans(),
    )
    def permit(self, rank: int | None, permissions: Permission, is_given: bool) -> None:
        """Change what a role may do."""
        role = self.everyone if rank is None else self.roles[rank]
        Role.objects.filter(pk=role.pk).update(permissions=permissions.value if is_given else 0)

    @rule(rank=ranks)
    def delete_role(self, rank: int) -> None:
        """Whom the role named is no longer named by it; a new one takes its place.

        It is taken from one member at a time: of one, it is kept what they could read by it.
        """
        for given in MemberRole.objects.filter(role=self.roles[rank]):
            given.delete()
        self.roles[rank].delete()
        self.roles[rank] = RoleFactory.create(server=self.server, position=rank + 1)

    @rule(place=places)
    def delete_channel(self, place: int) -> None:
        """Hide it, or bring it back as support does."""
        channel = Channel.objects.get(pk=self.channels[place].pk)
        Channel.objects.filter(pk=channel.pk).update(
            deleted_at=None if channel.deleted_at else NOON
        )

    @rule(person=people, until=st.sampled_from([NOON, FAR_AWAY, None]))
    def time_out(self, person: int, until: datetime | None) -> None:
        ServerMember.objects.filter(server=self.server, user=self.people[person]).update(
            timed_out_until=until
        )

    @rule(person=people)
    def ban(self, person: int) -> None:
        self.leave(person=person)
        if self.people[person].pk != Server.objects.get(pk=self.server.pk).owner_id:
            Ban.objects.get_or_create(server=self.server, user=self.people[person])

    @rule(person=people)
    def hand_over(self, person: int) -> None:
        if self.is_member(person):
            Server.objects.filter(pk=self.server.pk).update(owner=self.people[person])

    @rule(person=people, place=places, back=st.integers(0, 3))
    def read(self, person: int, place: int, back: int) -> None:
        """Move the mark to `back` before the newest, forward or back."""
        channel, user = self.channels[place], self.people[person]
        present = Participant.objects.filter(user=user, left_at=None)
        if not (present.exists() if place == 2 else self.is_member(person)):
            return
        seq, newest = max(0, self.last_seq(place) - back), self.last_seq(place)
        old = ReadState.objects.filter(channel=channel, user=user).first()
        with as_superuser():
            ReadState.objects.update_or_create(
                space_id=channel.space_id,
                channel=channel,
                user=user,
                defaults={"last_read_seq": seq},
            )
        if old is not None and seq < old.last_read_seq:
            self.hidden[user.pk, channel.pk] = 0
            self.set_back[user.pk, channel.pk] = newest

    @invariant()
    def counts_are_those_of_counting(self) -> None:
        if not hasattr(self, "people"):
            return
        self.notice_who_came()
        expected = counted(self.channels, self.hidden)
        for user in (*self.people, self.founder):
            overview = {
                at.channel_id: (at.unread, at.mentions) for at in unread_overview(user=user).entries
            }
            assert overview == expected[user.pk]

    def notice_who_came(self) -> None:
        """Hide what was there from who can read a channel now and could not after the last step.

        A channel that is deleted and brought back lets nobody in. A mark that was set back at the
        newest message counts until the next, but for who was let in alone.
        """
        with transaction.atomic():
            Channel.objects.filter(
                pk__in=[each.pk for each in self.channels], deleted_at__isnull=False
            ).update(deleted_at=None)
            readers = {
                (access.user_id, access.channel_id)
                for access in ChannelAccess.objects.filter(channel__in=self.channels)
                if access.permissions & Permission.READ_MESSAGE_HISTORY.value
            }
            transaction.set_rollback(True)
        for user, channel in readers - self.readers:
            newest = ChannelCounter.objects.get(channel=channel).last_seq
            mark = ReadState.objects.filter(user=user, channel=channel, last_read_seq=newest)
            if self.set_back.get((user, channel)) != newest or mark.exists():
                self.hidden[user, channel] = newest
        self.readers = readers

    def is_open(self, place: int) -> bool:
        """Tell whether anything can be sent there: a thread closes with its channel."""
        needed = {self.channels[place].pk, self.channels[2 if place == 2 else 0].pk}
        there = Channel.objects.filter(pk__in=needed, deleted_at__isnull=True)
        return there.count() == len(needed)

    def is_member(self, person: int) -> bool:
        return ServerMember.objects.filter(server=self.server, user=self.people[person]).exists()

    def some_message(self, place: int, back: int) -> Any:
        return Message.objects.filter(channel=self.channels[place], seq=self.last_seq(place) - back)

    def last_seq(self, place: int) -> int:
        return ChannelCounter.objects.get(channel=self.channels[place]).last_seq


def counted(
    channels: list[Channel], hidden: dict[tuple[UUID, UUID], int]
) -> dict[UUID, dict[UUID, tuple[int, int]]]:
    """Count in Python, message by message, for each user in the channels of their view."""
    messages, mentions = defaultdict(list), defaultdict(list)
    for message in Message.objects.filter(channel__in=channels, deleted_at=None):
        messages[message.channel_id].append(message.seq)
    for mention in Mention.objects.filter(channel__in=channels).select_related("role"):
        mentions[mention.channel_id].append(mention)
    marks = {
        (mark.user_id, mark.channel_id): mark.last_read_seq
        for mark in ReadState.objects.filter(channel__in=channels)
    }
    roles = set(MemberRole.objects.values_list("user_id", "role_id"))
    counts: dict[UUID, dict[UUID, tuple[int, int]]] = defaultdict(dict)
    for access in ChannelAccess.objects.filter(channel__in=channels):
        user, channel = access.user_id, access.channel_id
        can_read = access.permissions & Permission.READ_MESSAGE_HISTORY.value
        read_upto = max(marks.get((user, channel), 0), hidden.get((user, channel), 0))
        unread = {seq for seq in messages[channel] if seq > read_upto}
        named = {
            mention.seq
            for mention in mentions[channel]
            if mention.user_id == user
            or (mention.role is not None and (user, mention.role_id) in roles)
            or (mention.role is not None and mention.role.position == 0)
            or (mention.user_id is None and mention.role_id is None)
        }
        counts[user][channel] = (len(unread), len(unread & named)) if can_read else (0, 0)
    return counts


class TestHistories(Histories.TestCase):  # type: ignore[misc, valid-type]
    settings = settings(
        max_examples=30,
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )


def test_unread_is_what_the_pages_show_after_the_mark() -> None:
    channel = ChannelFactory.create()
    assert channel.server is not None
    owner = channel.server.owner
    MessageFactory.create_batch(9, channel=channel)
    ReadStateFactory.create(space_id=channel.space_id, channel=channel, user=owner, last_read_seq=4)
    Message.objects.filter(seq__in=[2, 6]).update(deleted_at=NOON)

    page = message_page(viewer=owner, channel=channel, after=4)
    (only,) = unread_overview(user=owner).entries

    assert only.unread == 4
    assert only.unread == sum(message.deleted_at is None for message in page.messages)
