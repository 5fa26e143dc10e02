"""How far somebody has read, and what they want to hear of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from chat.errors import InvalidInput, NotVisible
from chat.models import DirectParticipant, ReadState
from chat.permissions import Permission
from chat.services.direct import leave_group, open_group, send_direct_message
from chat.services.messages import send_message
from chat.services.read_states import (
    mark_all_read,
    mark_direct_read,
    mark_read,
    mute_channel,
    mute_conversation,
    set_notify,
)
from tests.factories import ChannelFactory, UserFactory
from tests.services.counting import statements_of
from tests.services.places import Harbour, make_harbour
from tests.services.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable

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


def _mark(harbour: Harbour, seq: int | None = None) -> int:
    return mark_read(user=harbour.member, channel=harbour.channel, seq=seq)


def test_a_mark_moves_forward_and_never_back(harbour: Harbour) -> None:
    assert [_mark(harbour, 2), _mark(harbour, 1), _mark(harbour), _mark(harbour, 2)] == [2, 2, 3, 3]
    assert ReadState.objects.get().last_read_seq == 3


def test_an_empty_channel_is_read_to_its_beginning(harbour: Harbour) -> None:
    empty = ChannelFactory.create(server=harbour.server)

    assert mark_read(user=harbour.member, channel=empty) == 0


def test_a_mark_past_the_newest_message_is_refused(harbour: Harbour) -> None:
    refused(InvalidInput, lambda: _mark(harbour, 4), match="seq is 4; it has to be at most 3")


def test_what_is_not_seen_is_not_marked(harbour: Harbour) -> None:
    stranger = UserFactory.create()

    refused(NotVisible, lambda: mark_read(user=stranger, channel=harbour.channel))
    refused(NotVisible, lambda: mark_read(user=harbour.member, channel=NOTHING))
    refused(NotVisible, lambda: mark_all_read(user=stranger, server=harbour.server))
    assert mark_all_read(user=stranger) == 0


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

    marks = ReadState.objects.values_list("channel_id", "last_read_seq")
    assert dict(marks) == {harbour.channel.id: 3, other.id: 1}


def test_one_server_is_marked_and_not_the_others(harbour: Harbour) -> None:
    elsewhere = make_harbour()
    elsewhere.server.members.create(user=harbour.member)
    send_message(author=elsewhere.member, channel=elsewhere.channel, content="ahoy")

    assert mark_all_read(user=harbour.member, server=harbour.server) == 1
    assert mark_all_read(user=harbour.member) == 1


def test_settings_leave_each_other_and_the_mark(harbour: Harbour) -> None:
    args: dict[str, Any] = {"user": harbour.member, "channel": harbour.channel}
    set_notify(**args, notify="mentions")
    _mark(harbour, 2)
    mute_channel(**args, until=TOMORROW)

    state = ReadState.objects.get()
    assert (state.notify, state.muted_until, state.last_read_seq) == ("mentions", TOMORROW, 2)

    set_notify(**args, notify=None)
    mute_channel(**args, until=None)

    state.refresh_from_db()
    assert (state.notify, state.muted_until, state.last_read_seq) == (None, None, 2)


def test_a_conversation_is_read_and_muted_by_who_takes_part() -> None:
    anne, bart = UserFactory.create(), UserFactory.create()
    group = open_group(owner=anne, others=[bart])
    for _ in range(3):
        send_direct_message(author=anne, conversation=group, content="ahoy")

    assert mark_direct_read(user=bart, conversation=group, seq=2) == 2
    assert mark_direct_read(user=bart, conversation=group, seq=1) == 2
    refused(
        InvalidInput, lambda: mark_direct_read(user=bart, conversation=group, seq=4), match="most 3"
    )
    assert mark_direct_read(user=bart, conversation=group) == 3
    mute_conversation(user=bart, conversation=group, until=TOMORROW)

    own = DirectParticipant.objects.get(user=bart)
    assert (own.last_read_seq, own.muted_until) == (3, TOMORROW)

    leave_group(user=bart, conversation=group)
    refused(NotVisible, lambda: mark_direct_read(user=bart, conversation=group))
    refused(NotVisible, lambda: mute_conversation(user=bart, conversation=group, until=TOMORROW))


def test_each_is_one_statement(harbour: Harbour) -> None:
    anne = UserFactory.create()
    group = open_group(owner=anne, others=[])
    args: dict[str, Any] = {"user": harbour.member, "channel": harbour.channel}
    calls: list[Callable[[], object]] = [
        lambda: mark_read(**args),
        lambda: mark_all_read(user=harbour.member),
        lambda: set_notify(**args, notify="all"),
        lambda: mute_channel(**args, until=TOMORROW),
        lambda: mark_direct_read(user=anne, conversation=group),
        lambda: mute_conversation(user=anne, conversation=group, until=None),
    ]

    assert [len(statements_of(call)) for call in calls] == [1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("call", "args", "match"),
    [
        (mark_read, {"user": 1}, "user is 1"),
        (mark_read, {"channel": "x"}, "channel is 'x'"),
        (mark_read, {"seq": 0}, "seq is 0"),
        (mark_read, {"seq": -1}, "seq is -1"),
        (mark_read, {"seq": 2**63}, "seq is 9223372036854775808"),
        (mark_read, {"seq": "1"}, "seq is '1'"),
        (set_notify, {"notify": "never"}, "notify is 'never'; it has to be one of all, mentions"),
        (set_notify, {"notify": 1}, "notify is 1"),
        (set_notify, {"user": 1, "notify": None}, "user is 1"),
        (mute_channel, {"until": datetime(2098, 1, 1)}, "until is"),  # noqa: DTZ001
        (mute_channel, {"until": "tomorrow"}, "until is 'tomorrow'"),
        (mute_channel, {"until": datetime(9999, 1, 1, tzinfo=UTC)}, "between the years"),
    ],
)
def test_bad_input_is_named(
    harbour: Harbour, call: Callable[..., object], args: dict[str, Any], match: str
) -> None:
    usual: dict[str, Any] = {"user": harbour.member, "channel": harbour.channel}

    refused(InvalidInput, lambda: call(**(usual | args)), match=match)


@pytest.mark.parametrize(
    ("call", "args", "match"),
    [
        (mark_all_read, {"server": 1}, "server is 1"),
        (mark_all_read, {"user": None}, "user is None"),
        (mark_direct_read, {"conversation": 1}, "conversation is 1"),
        (mark_direct_read, {"conversation": NOTHING, "seq": 0}, "seq is 0"),
        (mute_conversation, {"conversation": NOTHING, "until": 5}, "until is 5"),
    ],
)
def test_bad_input_elsewhere_is_named(
    call: Callable[..., object], args: dict[str, Any], match: str
) -> None:
    refused(InvalidInput, lambda: call(**({"user": NOTHING} | args)), match=match)
