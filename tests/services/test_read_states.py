"""How far somebody has read, and what they want to hear of."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from chat.errors import InvalidInput, NotVisible
from chat.models import DirectConversation, ReadState, User
from chat.rules.permissions import Permission
from chat.services.direct import add_to_group, leave_group, open_conversation
from chat.services.messages import send_message
from chat.services.read_states import (
    mark_all_read,
    mark_read,
    mark_unread,
    mute_channel,
    set_notify,
)
from tests.factories import ChannelFactory, UserFactory
from tests.services.places import PLACES, Harbour, Place, make_harbour, make_place
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db

NOTHING = UUID("01990000-0000-7000-8000-000000000001")
TOMORROW = datetime(2098, 1, 1, tzinfo=UTC)


@pytest.fixture
def harbour() -> Harbour:
    """Three messages in the one channel."""
    harbour = make_harbour()
    for _ in range(3):
        send_message(author=harbour.server.owner, channel=harbour.channel, content="ahoy")
    return harbour


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    """Three messages of the author."""
    place = make_place(request.param)
    for _ in range(3):
        send_message(author=place.author, channel=place.channel, content="ahoy")
    return place


def _mark(harbour: Harbour, seq: int | None = None) -> int:
    return mark_read(user=harbour.member, channel=harbour.channel, seq=seq)


def _mark_of(user: User) -> int:
    return ReadState.objects.get(user=user).last_read_seq


def test_a_mark_that_comes_late_moves_none_back(place: Place) -> None:
    mark = partial(mark_read, user=place.other, channel=place.channel)

    assert [mark(seq=2), mark(seq=1), mark(), mark(seq=2)] == [2, 2, 3, 3]
    assert _mark_of(place.other) == 3


def test_what_is_marked_as_unread_is_it_with_all_after_it(place: Place) -> None:
    unmark = partial(mark_unread, user=place.author, channel=place.channel)
    assert _mark_of(place.author) == 3

    assert [unmark(seq=2), unmark(seq=3), unmark(seq=1), unmark(seq=2)] == [1, 2, 0, 1]
    assert _mark_of(place.author) == 1
    assert mark_unread(user=place.other, channel=place.channel, seq=2) == 1
    assert mark_read(user=place.author, channel=place.channel) == 3


def test_an_empty_channel_is_read_to_its_beginning(harbour: Harbour) -> None:
    empty = ChannelFactory.create(server=harbour.server)

    assert mark_read(user=harbour.member, channel=empty) == 0


def test_a_mark_past_the_newest_message_is_refused(place: Place) -> None:
    for call in (mark_read, mark_unread):
        refused(
            InvalidInput,
            partial(call, user=place.other, channel=place.channel, seq=4),
            match="seq is 4; it has to be at most 3",
        )


def test_a_server_of_which_nothing_is_seen_is_not_marked(harbour: Harbour) -> None:
    stranger = UserFactory.create()

    refused(NotVisible, lambda: mark_all_read(user=stranger, server=harbour.server))


def test_who_has_left_a_group_marks_nothing_there_and_has_read_all_when_they_come_back() -> None:
    place = make_place("group")
    group = DirectConversation.objects.get()
    for _ in range(3):
        send_message(author=place.author, channel=group, content="ahoy")
    mark_read(user=place.other, channel=group, seq=2)

    leave_group(user=place.other, conversation=group)
    refused(NotVisible, lambda: mark_read(user=place.other, channel=group))
    assert mark_all_read(user=place.other) == 0

    add_to_group(actor=place.author, conversation=group, user=place.other)
    assert mark_read(user=place.other, channel=group, seq=1) == 3


def test_all_that_is_seen_is_marked(harbour: Harbour) -> None:
    other = ChannelFactory.create(server=harbour.server)
    hidden = ChannelFactory.create(server=harbour.server)
    ChannelFactory.create(server=harbour.server, name="empty")
    for channel in (other, hidden):
        send_message(author=harbour.server.owner, channel=channel, content="ahoy")
    hidden.overwrites.create(
        server=harbour.server, role=harbour.everyone, deny=Permission.VIEW_CHANNEL.value
    )
    _mark(harbour, 1)

    assert mark_all_read(user=harbour.member, server=harbour.server) == 2
    assert mark_all_read(user=harbour.member) == 0

    marks = ReadState.objects.filter(user=harbour.member).values_list("channel_id", "last_read_seq")
    assert dict(marks) == {harbour.channel.id: 3, other.id: 1}


def test_one_server_is_marked_or_all_and_the_conversations(harbour: Harbour) -> None:
    elsewhere = make_harbour()
    elsewhere.server.members.create(user=harbour.member)
    pair = open_conversation(user=elsewhere.member, other=harbour.member)
    for channel in (elsewhere.channel, pair):
        send_message(author=elsewhere.member, channel=channel, content="ahoy")

    assert mark_all_read(user=harbour.member, server=harbour.server) == 1
    assert mark_all_read(user=harbour.member) == 2
    assert mark_all_read(user=harbour.member) == 0


def test_settings_leave_each_other_and_the_mark(place: Place) -> None:
    args: dict[str, Any] = {"user": place.other, "channel": place.channel}
    set_notify(**args, notify="mentions")
    mark_read(**args, seq=2)
    mute_channel(**args, until=TOMORROW)

    state = ReadState.objects.get(user=place.other)
    assert (state.notify, state.muted_until, state.last_read_seq) == ("mentions", TOMORROW, 2)

    set_notify(**args, notify=None)
    mute_channel(**args, until=None)

    state.refresh_from_db()
    assert (state.notify, state.muted_until, state.last_read_seq) == (None, None, 2)
