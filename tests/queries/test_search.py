"""Search finds what has the words, where the viewer can read it, and says when it gave up."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat.errors import MissingPermission, NotVisible
from chat.models import Message
from chat.queries.search import SearchPage, search_messages
from chat.rules.permissions import Permission
from tests.chat.sql import execute
from tests.factories import (
    DirectConversationFactory,
    MentionFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerMemberFactory,
    UserFactory,
    as_superuser,
)
from tests.services.places import Harbour, make_harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)

# A message, and what finds it.
FOUND = [
    # Scripts without spaces: any two characters, or one.
    ("今日は天気がいいから図書館に行く", "天気"),
    ("今日は天気がいいから図書館に行く", "図書館"),
    ("今日は天気がいいから図書館に行く", "館"),
    ("今日は天気がいいから図書館に行く", "図書館 天気"),
    ("我们明天去图书馆看书", "图书馆"),
    ("我们明天去图书馆看书", "书"),
    ("我们明天去图书馆看书", '"去图书馆"'),
    ("내일 도서관에서 만나요", "도서관"),
    ("내일 도서관에서 만나요", "도서관에서 만나요"),
    ("วันนี้อากาศดีมาก", "อากาศ"),
    ("ຂ້ອຍໄປຕະຫຼາດ", "ຕະຫຼາດ"),
    ("ខ្ញុំទៅផ្សារ", "ផ្សារ"),
    ("ဈေးသို့သွားသည်", "သွား"),
    ("PDF文件在这里", "文件"),
    ("PDF文件在这里", "pdf"),
    ("コーヒーとバナナ", "ﾊﾞﾅﾅ"),
    ("ｶﾞﾗｽの窓", "ガラス"),
    ("株式会社", "㍿"),
    # Accents, in whatever form they are typed.
    ("un café noir", "cafe"),
    ("a cafe here", "café"),
    ("un cafe\u0301 noir", "café"),
    ("un café noir", "cafe\u0301"),
    ("naïve Ångström", "NAIVE angstrom"),
    ("Tiếng Việt ở Đà Nẵng", "tieng viet da nang"),
    ("smørrebrød på Øen", "smorrebrod oen"),
    ("Łódź", "lodz"),
    ("Ёлка и йод", "елка иод"),
    ("Άνθρωπος", "ΑΝΘΡΩΠΟΣ"),
    ("κόσμος", "κοσμοσ"),
    ("السَّلَامُ عَلَيْكُم", "السلام عليكم"),
    ("أحمد", "احمد"),
    ("שָׁלוֹם עולם", "שלום"),
    ("हिन्दी में लिखो", "हिन्दी"),
    ("क\u093cलम", "\u0958लम"),
    # Case that depends on the language elsewhere.
    ("ISTANBUL", "istanbul"),
    ("İstanbul", "istanbul"),
    ("ıstanbul", "ISTANBUL"),
    ("Große STRASSE", "straße"),
    ("große Straße", "STRASSE"),
    ("ﬁne ligature", "fine"),
    ("ДОКТОР Живаго", "доктор живаго"),
    ("Ｆｕｌｌ　ｗｉｄｔｈ", "full width"),
    ("Ærø ŒUVRE", "aero oeuvre"),
    ("x² + ½", "x2"),
    # What has parts: whole, and by them.
    ("see report.pdf", "report"),
    ("see report.pdf", "pdf"),
    ("see report.pdf", "report.pdf"),
    ("the client/server model", "server"),
    ("we use node.js here", "node"),
    ("we use node.js here", "node.js"),
    ("https://example.org/wiki/Boats?page=2#red", "boats"),
    ("https://example.org/wiki/Boats?page=2#red", "example.org"),
    ("https://example.org/wiki/Boats?page=2#red", "https://example.org/wiki/Boats?page=2#red"),
    ("part ABC-1234 is gone", "1234"),
    ("part ABC-1234 is gone", "abc-1234"),
    ("call_me_maybe(now)", "maybe"),
    ("call_me_maybe(now)", "call_me"),
    ("version v1.10.2-rc1", "10.2"),
    ("version v1.10.2-rc1", "v1.10.2-rc1"),
    ("version v1.10.2-rc1", "1.10"),
    ("version v1.10.2-rc1", "1.10 version"),
    ("version 1.10.2024", "1.10.2024"),
    ("+49 (30) 1234-567", "1234-567"),
    ("+49 (30) 1234-567", "+49 (30) 1234-567"),
    ("ann@example.org wrote", "ann@example.org"),
    ("ann@example.org wrote", "example"),
    ("/usr/local/bin/melo", "local/bin"),
    (r"C:\Users\ann", r"Users\ann"),
    ("if (a != b) return x->y;", "x->y"),
    ("<b>bold</b>", "bold"),
    ("the well-known dog", "well-known"),
    ("the well-known dog", "known"),
    ("1e5abc and 0x1F", "1e5abc 0x1f"),
    ("don't", "don’t"),
    ("don’t", "don't"),
    # What touches a word.
    ("he said “curly quotes”", "curly quotes"),
    ("wait…what", "wait"),
    ("¿dónde está?", "donde"),
    ("«Bonjour»", "bonjour"),
    ("好，boat！", "boat"),
    ("100€", "100"),
    ("100€", "100 €"),
    ("ship it🚀now", "now"),
    ("ship it🚀now", "🚀"),
    ("great 👍🏽", "👍"),
    ("❤️", "❤"),
    ("soft\u00adware", "software"),
    ("zero\u200bwidth", "zerowidth"),
    # The query language.
    ("deploying today", "deploy"),
    ("deploying today", "dep*"),
    ("deploying today", "deploy* today"),
    ("the host.example.org", "host.exa* the"),
    ("a **bold** word", "**bold** word"),
    ("the red boat", '"red boat"'),
    ("the red boat", "“red boat”"),
    ("the red boat", "boat -green"),
    ("the red boat", 'red -"green boat"'),
    ("the red boat", "boat -#fish"),
    ("the red boat", "boat -@ann"),
    ("the red boat", "boat -<@01a22cbf-134d-722f-b0b0-ab11ffe6ce10>"),
    ("the red boat", "boat -:smile:"),
    ("the red boat", "boat -😀"),
    ("the red boat", "boat -redd*"),
    ("the red boat", "fish or boat"),
    ("run rm -rf /tmp", "rm -rf"),
    ("run rm -rf /tmp", "rm -rf /tmp"),
    ("run rm -rf /tmp", "rf"),
    ("run rm -rf /tmp", "-rf"),
    ("git push --force", "git push --force"),
    ("a - b", "a - b"),
    ("either or neither", "or"),
    ("boat or", "boat or"),
]
# A message, and what does not find it.
NOT_FOUND = [
    ("今日は天気がいいから図書館に行く", "天館"),
    ("我们明天去图书馆看书", "图馆"),
    ("내일 도서관에서 만나요", "관도"),
    ("かがみ", "かか"),
    ("the red boat", "bo"),
    ("the red boat", "oat"),
    ("the red boat", '"boat red"'),
    ("the red boat", "boat -red"),
    ("the red boat", 'boat -"red boat"'),
    ("the boat #fish", "boat -#fish"),
    ("the boat, @ann", "boat -@ann"),
    ("the boat :smile:", "boat -:smile:"),
    ("the boat 😀", "boat -😀"),
    ("the reddish boat", "boat -red*"),
    ("deploying today", '"deploy"'),
    ("deploying today", "deploy today"),
    ("deploying today", "de*"),
    ("version v1.10.2-rc1", "2.10"),
    ("version v1.10.2-rc1", "1.11"),
    ("version v1.10.2-rc1", '"1.10"'),
    ("version v1.10", "version -v1.10"),
    ("the red boat", "green or red -boat"),
    ("see report.pdf", "report.doc"),
    ("see report.pdf", "pdf.report"),
    ("part ABC-1234 is gone", "abc-12"),
    ("天気 がいい", "天気が"),
    ("the red boat", "!!"),
    ("the red boat", '""'),
    ("👍", "👎"),
    ("rm rf", "rm -rf"),
]


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


def test_what_people_type_finds_what_they_mean_in_every_script(harbour: Harbour) -> None:
    for content in dict(FOUND + NOT_FOUND):
        harbour.say(content)

    wrong = [
        pair
        for pairs, is_found in ((FOUND, True), (NOT_FOUND, False))
        for pair in pairs
        if (pair[0] in contents(ask(harbour, pair[1], limit=100))) != is_found
    ]

    assert wrong == []


def test_hit_says_where_in_its_content_the_words_are(harbour: Harbour) -> None:
    harbour.say("💩 The réd boat", created_at=NOON)
    harbour.say("图书馆 boat", created_at=NOON + timedelta(hours=1))

    page = ask(harbour, "red boat or 图书馆")

    assert page.spans() == (((0, 3), (4, 8)), ((6, 9), (10, 14)))


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


@pytest.mark.parametrize("is_everywhere", [False, True], ids=["server", "everywhere"])
def test_search_can_be_narrowed_by_what_a_message_is_and_has(
    harbour: Harbour, is_everywhere: bool
) -> None:
    said = {
        name: harbour.say(f"boat {content}", created_at=NOON + timedelta(minutes=minute))
        for minute, (name, content) in enumerate(
            {"plain": "", "link": "HTTPS://a.b", "file": "", "mention": "", "pin": ""}.items()
        )
    }
    place = {"space_id": harbour.server.id, "channel": harbour.channel}
    MessageAttachmentFactory.create(message=said["file"], space_id=harbour.server.id)
    MentionFactory.create(**place, seq=said["mention"].seq, user=harbour.member)
    MentionFactory.create(**place, seq=said["link"].seq, user=None)
    Message.objects.filter(pk=said["pin"].pk).update(pinned_at=NOON)

    def found(**narrow: Any) -> list[str]:
        server = None if is_everywhere else harbour.server
        page = ask(harbour, "boat", server=server, **narrow)
        return [name for hit in page.messages for name in said if said[name].id == hit.id]

    assert found(has_link=True) == ["link"]
    assert found(has_file=True) == ["file"]
    assert found(mentions_viewer=True) == ["mention"]
    assert found(is_pinned=True) == ["pin"]
    assert found(is_pinned=True, has_link=True) == []
    assert found(author=harbour.member) == ["pin", "mention", "file", "link", "plain"]
    assert found(author=harbour.stranger) == []
    assert found(since=NOON + timedelta(minutes=2)) == ["pin", "mention", "file"]
    assert found(until=NOON + timedelta(minutes=2)) == ["link", "plain"]
    assert found(
        since=NOON + timedelta(minutes=1), until=NOON + timedelta(minutes=2), has_link=True
    ) == ["link"]


def test_everything_that_can_be_read_is_searched_at_once(harbour: Harbour) -> None:
    other, foreign = make_harbour(), make_harbour()
    ServerMemberFactory.create(server=other.server, user=harbour.member)
    hidden = harbour.dig()
    harbour.deny(Permission.VIEW_CHANNEL, channel=hidden)
    talk = DirectConversationFactory.create(pair_low=harbour.member, pair_high=harbour.stranger)
    harbour.say("boat here", created_at=NOON)
    other.say("boat there", created_at=NOON + timedelta(minutes=2))
    MessageFactory.create(
        channel=talk,
        author=harbour.stranger,
        content="boat between us",
        created_at=NOON + timedelta(minutes=1),
    )
    harbour.say("boat hidden", channel=hidden)
    foreign.say("boat elsewhere")
    harbour.say("boat deleted")
    Message.objects.filter(content="boat deleted").update(deleted_at=NOON)

    def everywhere(**more: Any) -> SearchPage:
        return ask(harbour, "boat", server=None, **more)

    assert contents(everywhere()) == ["boat there", "boat between us", "boat here"]
    assert everywhere().complete
    first = everywhere(limit=2)
    assert contents(first) == ["boat there", "boat between us"]
    assert contents(everywhere(before=first.next)) == ["boat here"]
    assert everywhere(viewer=foreign.stranger).messages == ()


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


def test_channel_without_history_cannot_be_searched(harbour: Harbour) -> None:
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.channel)

    with pytest.raises(MissingPermission):
        ask(harbour, "boat", channel=harbour.channel)


def fill(place: Harbour, *, count: int, content: str, every: int = 1) -> None:
    """Write messages from the same moment on, one in `every` seconds; `content` is SQL over n."""
    with as_superuser():
        execute("SET LOCAL session_replication_role = replica")
        execute(
            f"""
            INSERT INTO messages (space_id, channel_id, seq, author_id, content, created_at)
            SELECT
                %s, %s, n, %s, {content},
                timestamptz '2025-01-01 00:00Z' + n * %s * interval '1 second'
            FROM generate_series(1, %s) AS n
            """,
            *(place.server.id, place.channel.id, place.member.id, every, count),
        )
        execute("SET LOCAL session_replication_role = DEFAULT")


def test_search_everywhere_misses_and_repeats_nothing_page_after_page(harbour: Harbour) -> None:
    # Where the word is in each message, in many of them, far back, in few, and nowhere.
    content_of = {
        "'all'": 700,
        "CASE WHEN n %% 15 = 0 THEN 'all' ELSE 'fish' END": 9000,
        "CASE WHEN n < 9 THEN 'all' ELSE 'fish' END": 300,
        "'all or fish'": 20,
        "'fish'": 60,
    }
    expected: list[Message] = []
    for every, (content, count) in enumerate(content_of.items(), 1):
        place = make_harbour()
        ServerMemberFactory.create(server=place.server, user=harbour.member)
        fill(place, count=count, content=content, every=every)
        expected += Message.objects.filter(space_id=place.server.id, content__startswith="all")

    page = ask(harbour, "all", server=None, limit=100)
    pages = [page]
    while page.next:
        page = ask(harbour, "all", server=None, limit=100, before=page.next)
        pages.append(page)
    found = [hit.id for page in pages for hit in page.messages]

    in_order = sorted(expected, key=lambda hit: (hit.created_at, hit.id), reverse=True)
    assert found == [hit.id for hit in in_order]
    assert {page.complete for page in pages} == {True, False}


class TestInALargeServer:
    """30,000 messages: "all" is in each, "tens" in every tenth, "old" in the first 3,000."""

    @pytest.fixture
    def busy(self, harbour: Harbour) -> Harbour:
        fill(
            harbour,
            count=30000,
            content="""
                'all n' || n
                || CASE WHEN n %% 10 = 0 THEN ' tens' ELSE '' END
                || CASE WHEN n <= 3000 THEN ' old' ELSE '' END
            """,
        )
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
