"""Search finds what has the words, where the viewer can read it, and says when it gave up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from chat.errors import InvalidInput, MissingPermission, NotVisible
from chat.models import Message
from chat.queries.search import search_messages
from chat.rules.permissions import Permission
from tests.chat.sql import execute
from tests.factories import MessageFactory, ServerMemberFactory, UserFactory, as_superuser
from tests.services.places import make_harbour, make_place

if TYPE_CHECKING:
    from typing import Any

    from chat.queries.search import SearchPage
    from tests.services.places import Harbour

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def ask(harbour: Harbour, text: str, **more: Any) -> SearchPage:
    known: dict[str, Any] = {"viewer": harbour.member, "server": harbour.server, "text": text}
    return search_messages(**(known | more))


def contents(page: SearchPage) -> list[str]:
    return [hit.content for hit in page.messages]


def test_messages_with_all_words_are_found_newest_first(harbour: Harbour) -> None:
    harbour.say("the red boat", created_at=NOON)
    harbour.say("a boat", created_at=NOON + timedelta(hours=1))
    harbour.say("Boat, RED!", created_at=NOON + timedelta(hours=2))

    page = ask(harbour, "red boat")

    assert contents(page) == ["Boat, RED!", "the red boat"]
    assert (page.next, page.complete) == (None, True)


def test_hit_says_where_it_is(harbour: Harbour) -> None:
    message = harbour.say("boat")

    (hit,) = ask(harbour, "boat").messages

    assert (hit.id, hit.space_id, hit.channel_id, hit.seq, hit.created_at) == (
        message.id,
        harbour.server.id,
        harbour.channel.id,
        1,
        message.created_at,
    )
    assert hit.author is not None
    assert (hit.author.id, hit.author.name) == (harbour.member.id, harbour.member.username)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"red boat"', ["red boat"]),
        ("boat -red", ["green boat"]),
        ("green or fish", ["fish", "green boat"]),
        ("nowhere", []),
        ("!!", []),
        ("' OR 1=1 --", []),
        ("%s %(text)s", []),
    ],
)
def test_text_is_read_as_from_a_search_box(
    harbour: Harbour, text: str, expected: list[str]
) -> None:
    for minute, content in enumerate(["red boat", "green boat", "fish"]):
        harbour.say(content, created_at=NOON + timedelta(minutes=minute))

    assert contents(ask(harbour, text)) == expected


def test_deleted_messages_are_not_found(harbour: Harbour) -> None:
    harbour.say("boat")
    Message.objects.update(deleted_at=NOON)

    assert ask(harbour, "boat").messages == ()


def test_only_channels_that_can_be_read_are_searched(harbour: Harbour) -> None:
    harbour.say("boat seen")
    without_history, hidden = harbour.dig(), harbour.dig()
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=without_history)
    harbour.deny(Permission.VIEW_CHANNEL, channel=hidden)
    harbour.say("boat not to be read", channel=without_history)
    harbour.say("boat not to be seen", channel=hidden)

    assert contents(ask(harbour, "boat")) == ["boat seen"]


def test_other_servers_are_not_searched(harbour: Harbour) -> None:
    other = make_harbour()
    ServerMemberFactory.create(server=other.server, user=harbour.member)
    other.say("boat")

    assert ask(harbour, "boat").messages == ()


def test_search_can_be_narrowed_to_a_channel_and_an_author(harbour: Harbour) -> None:
    quay, mate = harbour.dig(), harbour.join()
    harbour.say("boat one")
    harbour.say("boat two", author=mate)
    harbour.say("boat three", channel=quay)

    assert contents(ask(harbour, "boat", channel=quay)) == ["boat three"]
    assert contents(ask(harbour, "boat", author=mate)) == ["boat two"]
    assert contents(ask(harbour, "boat", channel=quay, author=mate)) == []


def test_pages_follow_each_other_without_repeats(harbour: Harbour) -> None:
    # Three of one moment, which only their ids tell apart.
    for number in range(7):
        at = NOON + timedelta(minutes=0 if number < 3 else number)
        harbour.say(f"boat {number}", created_at=at)

    found: list[str] = []
    page = ask(harbour, "boat", limit=2)
    found += contents(page)
    while page.next:
        page = ask(harbour, "boat", limit=2, before=page.next)
        found += contents(page)

    assert found[:4] == ["boat 6", "boat 5", "boat 4", "boat 3"]
    assert sorted(found[4:]) == ["boat 0", "boat 1", "boat 2"]


def test_stranger_searches_no_server(harbour: Harbour) -> None:
    with pytest.raises(NotVisible, match=f"no server {harbour.server.id}"):
        ask(harbour, "boat", viewer=harbour.stranger)


def test_hidden_channel_cannot_be_searched(harbour: Harbour) -> None:
    harbour.deny(Permission.VIEW_CHANNEL, channel=harbour.channel)

    with pytest.raises(NotVisible, match=f"no channel {harbour.channel.id}"):
        ask(harbour, "boat", channel=harbour.channel)


@pytest.mark.parametrize("kind", ["pair", "group"])
def test_conversation_is_searched_by_who_takes_part(kind: str) -> None:
    place = make_place(kind)
    found = MessageFactory.create(channel=place.channel, author=place.author, content="red boat")
    MessageFactory.create(channel=place.channel, author=place.author, content="fish")
    elsewhere = make_place(kind)
    MessageFactory.create(channel=elsewhere.channel, author=elsewhere.author, content="boat")

    page = search_messages(viewer=place.other, channel=place.channel, text="boat")
    by_other = search_messages(
        viewer=place.other, channel=place.channel.id, text="boat", author=place.other
    )

    assert [message.id for message in page.messages] == [found.id]
    assert by_other.messages == ()
    with pytest.raises(NotVisible, match=f"no channel {place.channel.id}"):
        search_messages(viewer=place.stranger, channel=place.channel, text="boat")
    with pytest.raises(NotVisible, match=f"no channel {place.channel.id}"):
        ask(make_harbour(), "boat", channel=place.channel)


def test_search_of_nowhere_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        search_messages(viewer=UUID(int=1), text="boat")

    assert caught.value.field == "server"


def test_channel_without_history_cannot_be_searched(harbour: Harbour) -> None:
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.channel)

    with pytest.raises(MissingPermission):
        ask(harbour, "boat", channel=harbour.channel)


class TestInALargeServer:
    """30,000 messages: "all" is in each, "tens" in every tenth, "old" in the first 3,000."""

    @pytest.fixture
    def busy(self, harbour: Harbour) -> Harbour:
        with as_superuser():
            execute("SET LOCAL session_replication_role = replica")
            execute(
                """
                INSERT INTO messages (space_id, channel_id, seq, author_id, content, created_at)
                SELECT
                    %s, %s, n, %s,
                    'all n' || n
                    || CASE WHEN n %% 10 = 0 THEN ' tens' ELSE '' END
                    || CASE WHEN n <= 3000 THEN ' old' ELSE '' END,
                    timestamptz '2025-01-01 00:00Z' + n * interval '1 second'
                FROM generate_series(1, 30000) AS n
                """,
                harbour.server.id,
                harbour.channel.id,
                harbour.member.id,
            )
            execute("SET LOCAL session_replication_role = DEFAULT")
        return harbour

    def test_word_of_every_message(self, busy: Harbour) -> None:
        page = ask(busy, "all", limit=3)

        assert contents(page) == ["all n30000 tens", "all n29999", "all n29998"]
        assert page.complete

    def test_word_of_many_messages(self, busy: Harbour) -> None:
        page = ask(busy, "tens", limit=100)

        assert len(page.messages) == 100
        assert page.messages[0].content == "all n30000 tens"
        assert page.messages[-1].content == "all n29010 tens"
        assert page.complete

    def test_rare_word(self, busy: Harbour) -> None:
        page = ask(busy, "n17")

        assert contents(page) == ["all n17 old"]
        assert (page.next, page.complete) == (None, True)

    def test_common_word_that_is_far_back_is_given_up_and_taken_up_again(
        self, busy: Harbour
    ) -> None:
        first = ask(busy, "old", limit=2)
        second = ask(busy, "old", limit=2, before=first.next)

        assert (first.messages, first.complete) == ((), False)
        assert contents(second) == ["all n3000 tens old", "all n2999 old"]
        assert second.complete

    def test_following_the_cursor_finds_every_message_once(self, busy: Harbour) -> None:
        found: list[int] = []
        page = ask(busy, "tens", limit=100)
        found += [hit.seq for hit in page.messages]
        while page.next:
            page = ask(busy, "tens", limit=100, before=page.next)
            found += [hit.seq for hit in page.messages]

        assert found == list(range(30000, 0, -10))

    def test_author_who_wrote_little_is_not_found_by_a_common_word_at_once(
        self, busy: Harbour
    ) -> None:
        mate = UserFactory.create()
        with as_superuser():
            execute("SET LOCAL session_replication_role = replica")
            execute("UPDATE messages SET author_id = %s WHERE seq = 5", mate.id)

        first = ask(busy, "all", author=mate)
        second = ask(busy, "all", author=mate, before=first.next)

        assert (first.messages, first.complete) == ((), False)
        assert [hit.seq for hit in second.messages] == [5]
        assert (second.next, second.complete) == (None, True)
