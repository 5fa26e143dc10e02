"""Pages of messages: which ones, in which order, and who gets them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chat.errors import MissingPermission, NotVisible
from chat.models import Channel, Message
from chat.queries.history import MessagePage, message_page, message_pins
from chat.rules.permissions import Permission
from tests.chat.sql import purge
from tests.factories import MessageFactory, ServerMemberFactory
from tests.services.places import Harbour, make_harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def seqs(page: MessagePage) -> list[int]:
    return [message.seq for message in page.messages]


@pytest.fixture
def talk(harbour: Harbour) -> Harbour:
    """Seven messages on the pier."""
    for number in range(1, 8):
        harbour.say(f"message {number}")
    return harbour


def test_newest_come_first(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, limit=3)

    assert [(m.seq, m.content) for m in page.messages] == [
        (7, "message 7"),
        (6, "message 6"),
        (5, "message 5"),
    ]
    assert (page.last_seq, page.older, page.newer) == (7, 5, None)


def test_page_can_be_asked_with_ids(talk: Harbour) -> None:
    page = message_page(viewer=talk.member.id, channel=talk.channel.id, limit=1)

    assert seqs(page) == [7]


def test_before_gives_the_next_older_ones(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, before=5, limit=3)

    assert seqs(page) == [4, 3, 2]
    assert (page.older, page.newer) == (2, 4)


def test_after_gives_the_next_newer_ones(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, after=2, limit=3)

    assert seqs(page) == [5, 4, 3]
    assert (page.older, page.newer) == (3, 5)


def test_after_zero_begins_at_the_beginning(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, after=0, limit=2)

    assert seqs(page) == [2, 1]
    assert (page.older, page.newer) == (None, 2)


@pytest.mark.parametrize(
    ("around", "limit", "expected"),
    [
        (4, 3, [5, 4, 3]),
        (4, 4, [5, 4, 3, 2]),
        (4, 1, [4]),
        (4, 100, [7, 6, 5, 4, 3, 2, 1]),
        (1, 5, [3, 2, 1]),
        (7, 5, [7, 6, 5]),
        (20, 3, [7, 6]),
    ],
)
def test_around_gives_both_sides(
    talk: Harbour, around: int, limit: int, expected: list[int]
) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, around=around, limit=limit)

    assert seqs(page) == expected


def test_nothing_is_before_the_first(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, before=1)

    assert (seqs(page), page.older, page.newer) == ([], None, 0)


def test_nothing_is_after_the_last(talk: Harbour) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, after=7)

    assert (seqs(page), page.older, page.newer) == ([], 8, None)


def test_empty_channel_has_an_empty_page(harbour: Harbour) -> None:
    page = message_page(viewer=harbour.member, channel=harbour.channel)

    assert (page.messages, page.last_seq, page.older, page.newer) == ((), 0, None, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_following_older_shows_everything_once(talk: Harbour, limit: int) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, limit=limit)
    found = seqs(page)
    while page.older is not None:
        page = message_page(
            viewer=talk.member, channel=talk.channel, before=page.older, limit=limit
        )
        found += seqs(page)

    assert found == [7, 6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_following_newer_shows_everything_once(talk: Harbour, limit: int) -> None:
    page = message_page(viewer=talk.member, channel=talk.channel, after=0, limit=limit)
    found = seqs(page)[::-1]
    while page.newer is not None:
        page = message_page(viewer=talk.member, channel=talk.channel, after=page.newer, limit=limit)
        found += seqs(page)[::-1]

    assert found == [1, 2, 3, 4, 5, 6, 7]


def test_messages_of_other_channels_stay_out(talk: Harbour) -> None:
    talk.say("elsewhere", channel=talk.dig())

    page = message_page(viewer=talk.member, channel=talk.channel, limit=100)

    assert seqs(page) == [7, 6, 5, 4, 3, 2, 1]


def test_deleted_message_keeps_its_place_without_content(talk: Harbour) -> None:
    Message.objects.filter(seq=6).update(deleted_at=NOON)

    page = message_page(viewer=talk.member, channel=talk.channel, limit=3)

    assert [(m.seq, m.content, m.deleted_at) for m in page.messages] == [
        (7, "message 7", None),
        (6, "", NOON),
        (5, "message 5", None),
    ]


def test_stranger_sees_no_channel(talk: Harbour) -> None:
    with pytest.raises(NotVisible, match=f"no channel {talk.channel.id} that user"):
        message_page(viewer=talk.stranger, channel=talk.channel)


def test_channel_of_another_server_is_not_to_be_seen(talk: Harbour) -> None:
    other = make_harbour()

    with pytest.raises(NotVisible):
        message_page(viewer=other.member, channel=talk.channel)


def test_hidden_channel_looks_as_if_there_were_none(talk: Harbour) -> None:
    talk.deny(Permission.VIEW_CHANNEL, channel=talk.channel)

    with pytest.raises(NotVisible):
        message_page(viewer=talk.member, channel=talk.channel)


@pytest.mark.parametrize("is_empty", [True, False])
def test_channel_without_history_is_refused_and_not_empty(harbour: Harbour, is_empty: bool) -> None:
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.channel)
    if not is_empty:
        harbour.say()

    with pytest.raises(MissingPermission) as caught:
        message_page(viewer=harbour.member, channel=harbour.channel)

    assert caught.value.missing == Permission.READ_MESSAGE_HISTORY


def test_member_in_a_timeout_still_reads(talk: Harbour) -> None:
    late = talk.join(timed_out_until=datetime(2099, 1, 1, tzinfo=UTC))

    assert len(message_page(viewer=late, channel=talk.channel).messages) == 7


def test_deleted_channel_is_gone(talk: Harbour) -> None:
    talk.channel.deleted_at = NOON
    talk.channel.save()

    with pytest.raises(NotVisible):
        message_page(viewer=talk.server.owner, channel=talk.channel)


def test_thread_is_read_by_the_rules_of_its_channel(talk: Harbour) -> None:
    thread = talk.dig(kind="thread", parent=talk.channel)
    talk.say("in the thread", channel=thread)

    before = message_page(viewer=talk.member, channel=thread)
    talk.deny(Permission.VIEW_CHANNEL, channel=talk.channel)

    assert [m.content for m in before.messages] == ["in the thread"]
    with pytest.raises(NotVisible):
        message_page(viewer=talk.member, channel=thread)


@pytest.mark.parametrize("kind", ["pair", "group"])
def test_conversation_is_paged_as_a_channel(kind: str) -> None:
    place = make_place(kind)
    empty = message_page(viewer=place.other.id, channel=place.channel.id)
    for number in range(1, 6):
        MessageFactory.create(
            channel=place.channel, author=place.author, content=f"message {number}"
        )

    page = message_page(viewer=place.other, channel=place.channel, around=3, limit=3)

    assert (empty.messages, empty.last_seq, empty.older, empty.newer) == ((), 0, None, None)
    assert [(m.seq, m.content) for m in page.messages] == [
        (4, "message 4"),
        (3, "message 3"),
        (2, "message 2"),
    ]
    assert (page.last_seq, page.older, page.newer) == (5, 2, 4)


@pytest.mark.parametrize("read", [message_page, message_pins])
@pytest.mark.parametrize("kind", ["pair", "group"])
def test_only_participants_read_a_conversation(kind: str, read: Callable[..., object]) -> None:
    place = make_place(kind)

    with pytest.raises(NotVisible, match=f"no channel {place.channel.id}"):
        read(viewer=place.stranger, channel=place.channel)


@pytest.mark.parametrize("read", [message_page, message_pins])
def test_who_left_a_group_reads_it_no_more(read: Callable[..., object]) -> None:
    place = make_place("group")
    place.channel.participants.filter(user=place.other).update(left_at=NOON)

    with pytest.raises(NotVisible):
        read(viewer=place.other, channel=place.channel)


def test_deleted_conversation_is_gone() -> None:
    place = make_place("group")
    Channel.objects.filter(pk=place.channel.pk).update(deleted_at=NOON)

    with pytest.raises(NotVisible):
        message_page(viewer=place.author, channel=place.channel)


def test_archived_channel_is_read_on(talk: Harbour) -> None:
    Channel.objects.filter(pk=talk.channel.pk).update(archived_at=NOON)

    assert seqs(message_page(viewer=talk.member, channel=talk.channel)) == [7, 6, 5, 4, 3, 2, 1]


def test_what_was_purged_has_no_older_page(talk: Harbour) -> None:
    purge("DELETE FROM messages WHERE seq <= 4")

    page = message_page(viewer=talk.member, channel=talk.channel, limit=3)
    before = message_page(viewer=talk.member, channel=talk.channel, before=5)
    purge("DELETE FROM messages")
    empty = message_page(viewer=talk.member, channel=talk.channel)
    after = message_page(viewer=talk.member, channel=talk.channel, after=7)

    assert (seqs(page), page.older, page.newer) == ([7, 6, 5], None, None)
    assert (seqs(before), before.older, before.newer) == ([], None, 4)
    assert (empty.messages, empty.last_seq, empty.older, empty.newer) == ((), 7, None, None)
    assert (after.older, after.newer) == (None, None)


def test_member_who_left_reads_no_more(talk: Harbour) -> None:
    ServerMemberFactory._meta.model.objects.filter(user=talk.member).delete()

    with pytest.raises(NotVisible):
        message_page(viewer=talk.member, channel=talk.channel)
