"""What somebody may do in a channel, and which channels there are for them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from chat.models import Channel, Message
from chat.queries.access import VisibleChannel, permissions_in, visible_channels
from chat.rules.permissions import ALL, IN_CONVERSATION, NONE, Permission
from tests.factories import ChannelPermissionFactory, ServerMemberFactory
from tests.services.places import READ, Harbour, make_harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def test_member_has_what_everyone_has(harbour: Harbour) -> None:
    assert permissions_in(user=harbour.member, channel=harbour.channel) == READ


def test_owner_has_everything(harbour: Harbour) -> None:
    assert permissions_in(user=harbour.server.owner, channel=harbour.channel) == ALL


def test_stranger_has_nothing(harbour: Harbour) -> None:
    assert permissions_in(user=harbour.stranger, channel=harbour.channel) == NONE


def test_nobody_has_anything_in_a_channel_that_is_not_there(harbour: Harbour) -> None:
    assert permissions_in(user=harbour.member, channel=UUID(int=1)) == NONE


@pytest.mark.parametrize("kind", ["pair", "group"])
def test_who_takes_part_in_a_conversation_has_what_all_have_there(kind: str) -> None:
    place = make_place(kind)

    assert permissions_in(user=place.author, channel=place.channel) == IN_CONVERSATION
    assert permissions_in(user=place.other.id, channel=place.channel.id) == IN_CONVERSATION
    assert permissions_in(user=place.stranger, channel=place.channel) == NONE


def test_who_left_a_group_has_nothing_there() -> None:
    place = make_place("group")
    place.channel.participants.filter(user=place.other).update(left_at=NOON)

    assert permissions_in(user=place.other, channel=place.channel) == NONE
    assert list(Channel.objects.visible_to(place.other)) == []
    assert list(Channel.objects.visible_to(place.author)) == [place.channel]


def test_overwrite_of_a_member_counts(harbour: Harbour) -> None:
    ChannelPermissionFactory.create(
        channel=harbour.channel,
        role=None,
        user=harbour.member,
        allow=Permission.ADD_REACTIONS.value,
        deny=Permission.READ_MESSAGE_HISTORY.value,
    )

    assert permissions_in(user=harbour.member, channel=harbour.channel) == (
        Permission.VIEW_CHANNEL | Permission.ADD_REACTIONS
    )


def test_visible_channels_have_what_a_list_shows(harbour: Harbour) -> None:
    category = harbour.dig(category=True, name="docks", position=2)
    Channel.objects.filter(pk=harbour.channel.pk).update(parent=category, name="pier", position=1)
    message = harbour.say()

    assert visible_channels(user=harbour.member).channels == (
        VisibleChannel(
            server_id=harbour.server.id,
            id=harbour.channel.id,
            parent_id=category.id,
            kind="text",
            name="pier",
            position=1,
            permissions=READ.value,
            last_seq=1,
            last_message_at=message.created_at,
        ),
        VisibleChannel(
            server_id=harbour.server.id,
            id=category.id,
            parent_id=None,
            kind="category",
            name="docks",
            position=2,
            permissions=READ.value,
            last_seq=0,
            last_message_at=None,
        ),
    )


def test_visible_channels_of_one_server_leave_out_the_others(harbour: Harbour) -> None:
    other = make_harbour()
    ServerMemberFactory.create(server=other.server, user=harbour.member)

    everywhere = visible_channels(user=harbour.member).channels
    there = visible_channels(user=harbour.member.id, server=other.server.id).channels

    assert {channel.id for channel in everywhere} == {harbour.channel.id, other.channel.id}
    assert [channel.id for channel in there] == [other.channel.id]


def test_visible_channels_are_paged_by_server(harbour: Harbour) -> None:
    places = [harbour, make_harbour(), make_harbour()]
    for other in places[1:]:
        ServerMemberFactory.create(server=other.server, user=harbour.member)
        other.dig()

    page = visible_channels(user=harbour.member, limit=2)
    rest = visible_channels(user=harbour.member, limit=2, after=page.next)

    servers = sorted(other.server.id for other in places)
    assert {channel.server_id for channel in page.channels} == set(servers[:2])
    assert {channel.server_id for channel in rest.channels} == {servers[2]}
    assert (len(page.channels) + len(rest.channels), rest.next) == (5, None)


def test_archived_threads_are_in_no_list_but_their_own(harbour: Harbour) -> None:
    harbour.dig(kind="thread", parent=harbour.channel, archived_at=NOON)
    closed = harbour.dig(archived_at=NOON)

    page = visible_channels(user=harbour.member)

    assert {channel.id for channel in page.channels} == {harbour.channel.id, closed.id}


def test_conversations_are_no_channels_of_a_list() -> None:
    place = make_place("pair")

    assert visible_channels(user=place.author).channels == ()
    assert visible_channels(user=place.author, server=place.channel.id).channels == ()


def test_server_that_one_is_not_in_has_no_visible_channels(harbour: Harbour) -> None:
    assert visible_channels(user=harbour.stranger, server=harbour.server).channels == ()


def test_channels_visible_to_a_member_leave_out_hidden_ones(harbour: Harbour) -> None:
    hidden = harbour.dig()
    harbour.deny(Permission.VIEW_CHANNEL, channel=hidden)
    make_harbour()

    found = Channel.objects.filter(kind="text").visible_to(harbour.member)

    assert list(found) == [harbour.channel]
    assert list(Channel.objects.visible_to(harbour.member.id)) == [harbour.channel]
    assert list(Channel.objects.visible_to(harbour.stranger)) == []


def test_messages_visible_to_a_member_can_be_read_and_are_there(harbour: Harbour) -> None:
    seen = harbour.say("seen")
    harbour.say("deleted")
    Message.objects.filter(content="deleted").update(deleted_at=NOON)
    without_history, hidden = harbour.dig(), harbour.dig()
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=without_history)
    harbour.deny(Permission.VIEW_CHANNEL, channel=hidden)
    harbour.say("not to be read", channel=without_history)
    harbour.say("not to be seen", channel=hidden)
    make_harbour().say("elsewhere")

    found = Message.objects.visible_to(harbour.member)

    assert list(found.order_by("seq")) == [seen]
    assert not Message.objects.visible_to(harbour.stranger).exists()
