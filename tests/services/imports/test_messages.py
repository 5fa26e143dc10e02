"""Histories come in whole, numbered on, checked before they are written, or not at all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from chat.db.ids import uuid7
from chat.errors import (
    ChatError,
    DatabaseRefused,
    IdTaken,
    InvalidInput,
    LimitReached,
    NotVisible,
    OutOfOrder,
)
from chat.models import Channel, User
from chat.services.imports import (
    AttachmentRow,
    Imported,
    MentionRow,
    MessageRow,
    ReactionRow,
    import_messages,
)
from tests.chat.sql import execute, purge, rows, stored, value
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    UserFactory,
    admitted,
)
from tests.services.counting import statements_of
from tests.services.together import run_together, wait_until_blocked_by

pytestmark = pytest.mark.django_db

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)


everywhere = pytest.mark.parametrize("channel", ["channel", "pair", "group"], indirect=True)
in_conversations = pytest.mark.parametrize("channel", ["pair", "group"], indirect=True)


@pytest.fixture
def channel(request: pytest.FixtureRequest) -> Channel:
    kind = getattr(request, "param", "channel")
    if kind == "channel":
        return ChannelFactory.create()
    return DirectConversationFactory.create(group=kind == "group")


@pytest.fixture
def author(channel: Channel) -> User:
    """Somebody of the conversation, or anybody: an import brings who has left a server, too."""
    return channel.owner or channel.pair_low or UserFactory.create()


def texts(author: User, *contents: str, **fields: Any) -> list[MessageRow]:
    return [
        MessageRow(uuid7(), author.id, NOON + timedelta(minutes=minute), content, **fields)
        for minute, content in enumerate(contents)
    ]


@everywhere
def test_messages_are_numbered_in_the_order_they_come(channel: Channel, author: User) -> None:
    done = import_messages(channel=channel, messages=texts(author, "one", "two", "three"))

    assert done == Imported(messages=3)
    assert rows("SELECT seq, content, created_at FROM messages ORDER BY seq") == [
        (1, "one", NOON),
        (2, "two", NOON + timedelta(minutes=1)),
        (3, "three", NOON + timedelta(minutes=2)),
    ]
    assert rows("SELECT channel_id, last_seq, last_message_at FROM channel_counters") == [
        (channel.id, 3, NOON + timedelta(minutes=2))
    ]
    # What one sends oneself is read; nobody sends here.
    assert value("SELECT count(*) FROM read_states") == 0


@everywhere
def test_messages_follow_on_those_that_are_there(channel: Channel, author: User) -> None:
    MessageFactory.create(channel=channel, author=author, created_at=NOON)

    import_messages(channel=channel, messages=texts(author, "one", "two"))

    assert rows("SELECT seq FROM messages ORDER BY seq") == [(1,), (2,), (3,)]
    assert MessageFactory.create(channel=channel, author=author).seq == 4


@everywhere
def test_import_twice_writes_once(channel: Channel, author: User) -> None:
    given = texts(author, "one", "two")
    import_messages(channel=channel, messages=given)
    before = stored()

    done = import_messages(channel=channel, messages=given)

    assert done == Imported(already_there=2)
    assert stored() == before


def test_longer_import_adds_only_what_is_new(channel: Channel, author: User) -> None:
    given = texts(author, "one", "two", "three")
    import_messages(channel=channel, messages=given[:2])

    done = import_messages(channel=channel, messages=given)

    assert done == Imported(messages=1, already_there=2)
    assert value("SELECT last_seq FROM channel_counters") == 3


@everywhere
@pytest.mark.parametrize("batches", [1, 2])
def test_message_older_than_the_newest_is_refused(
    channel: Channel, author: User, batches: int
) -> None:
    given = texts(author, *(["ahoy"] * 10_000 * (batches - 1)), "one", "two")
    early = MessageRow(uuid7(), author.id, NOON - timedelta(seconds=1), "early")
    import_messages(channel=channel, messages=given[1:])
    before = stored()

    with pytest.raises(OutOfOrder, match=rf"created_at is .*{early.id}; .* no earlier than"):
        import_messages(channel=channel, messages=[*given[1:], early])

    assert stored() == before


def test_messages_that_are_not_oldest_first_are_refused(channel: Channel, author: User) -> None:
    one, two = texts(author, "one", "two")

    with pytest.raises(OutOfOrder, match=r"messages\[1\]\.created_at is 2024-05-06 12:00:00"):
        import_messages(channel=channel, messages=[two, one])

    assert value("SELECT count(*) FROM messages") == 0


@pytest.mark.one_machine("of two keys that a row breaks, another is named first")
@pytest.mark.parametrize("distance", [1, 10_000])
def test_id_of_a_file_that_is_there_is_named(channel: Channel, author: User, distance: int) -> None:
    file = AttachmentRow(uuid7(), "chart.png", "image/png", 12, bytes(32), "charts/1")
    given = texts(author, *["ahoy"] * (distance + 1))
    given[0] = given[0]._replace(attachments=[file])
    given[-1] = given[-1]._replace(attachments=[file])

    with pytest.raises(IdTaken, match=f"The id of a file is taken already.*{file.id}"):
        import_messages(channel=channel, messages=given)

    assert value("SELECT count(*) FROM messages") == 0


def test_send_in_the_same_transaction_is_numbered_as_ever(channel: Channel, author: User) -> None:
    with transaction.atomic():
        import_messages(channel=channel, messages=texts(author, "one"))

        assert MessageFactory.create(channel=channel).seq == 2


def test_more_than_one_batch_is_one_import(channel: Channel, author: User) -> None:
    read: list[int] = []
    given = texts(author, *(["ahoy"] * 10_001))
    given[-1] = given[-1]._replace(reply_to=given[0].id)

    done = import_messages(channel=channel, messages=iter(given), on_progress=read.append)

    assert done.messages == 10_001
    assert read == [10_000, 1]
    assert value("SELECT reply_to_seq FROM messages WHERE seq = 10001") == 1


def test_mistake_in_the_second_batch_leaves_nothing(channel: Channel, author: User) -> None:
    given = texts(author, *(["ahoy"] * 10_001))
    given[-1] = given[-1]._replace(content="\0")

    with pytest.raises(InvalidInput, match=r"messages\[10000\]\.content is a text with a NUL"):
        import_messages(channel=channel, messages=given)

    assert value("SELECT count(*) FROM messages") == 0
    assert value("SELECT last_seq FROM channel_counters") == 0


def test_source_that_breaks_off_leaves_nothing(channel: Channel, author: User) -> None:
    def broken() -> Iterator[MessageRow]:
        yield from texts(author, *(["ahoy"] * 10_000))
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        import_messages(channel=channel, messages=broken())

    assert value("SELECT count(*) FROM messages") == 0


@everywhere
def test_replies_find_what_they_answer(channel: Channel, author: User) -> None:
    earlier = MessageFactory.create(channel=channel, author=author, created_at=NOON)
    first, second, third = texts(author, "one", "two", "three")

    import_messages(
        channel=channel,
        messages=[
            first._replace(reply_to=earlier.id),
            second._replace(reply_to=first.id),
            third._replace(reply_to=first.id),
        ],
    )

    assert rows("SELECT seq, reply_to_seq FROM messages ORDER BY seq") == [
        (1, None),
        (2, 1),
        (3, 2),
        (4, 2),
    ]


def test_reply_to_what_is_not_there_is_refused(channel: Channel, author: User) -> None:
    given = texts(author, "one", "two")
    given[1] = given[1]._replace(reply_to=UUID(int=7))

    with pytest.raises(InvalidInput, match=r"messages\[1\]\.reply_to is 00000000-"):
        import_messages(channel=channel, messages=given)

    assert value("SELECT count(*) FROM messages") == 0


@pytest.mark.parametrize("what", ["later", "itself", "another channel", "nothing"])
def test_reply_to_what_is_not_before_it_can_be_let_go(
    channel: Channel, author: User, what: str
) -> None:
    one, two = texts(author, "one", "two")
    answered = {
        "later": two.id,
        "itself": one.id,
        "another channel": MessageFactory.create(
            channel=ChannelFactory.create(server=channel.server)
        ).id,
        "nothing": UUID(int=7),
    }[what]

    done = import_messages(
        channel=channel,
        messages=[one._replace(reply_to=answered), two],
        allow_missing_replies=True,
    )

    assert done == Imported(messages=2, replies_to_nothing=1)
    assert rows("SELECT reply_to_seq FROM messages WHERE channel_id = %s", channel.id) == [
        (None,),
        (None,),
    ]


@everywhere
def test_what_hangs_on_a_message_comes_with_it(channel: Channel, author: User) -> None:
    (message,) = texts(
        author,
        "look",
        mentions=[MentionRow(user=author.id), MentionRow()] * 2,
        reactions=[ReactionRow(author.id, "⚓"), ReactionRow(author.id, "🐟", NOON)] * 2,
        attachments=[
            AttachmentRow(uuid7(), "chart.png", "image/png", 12, bytes(32), "charts/1", 640, 480),
            AttachmentRow(uuid7(), "log.txt", "text/plain", 1, bytes(32), "charts/2"),
        ],
    )

    done = import_messages(channel=channel, messages=[message])

    assert done == Imported(messages=1, mentions=2, reactions=2, attachments=2)
    assert rows(
        "SELECT space_id, channel_id, seq, user_id, role_id FROM mentions ORDER BY user_id"
    ) == [
        (channel.space_id, channel.id, 1, author.id, None),
        (channel.space_id, channel.id, 1, None, None),
    ]
    assert rows("SELECT space_id, emoji, created_at FROM reactions ORDER BY emoji") == [
        (channel.space_id, "⚓", NOON),
        (channel.space_id, "🐟", NOON),
    ]
    assert rows(
        "SELECT space_id, position, filename, width, uploader_id FROM message_attachments"
        " WHERE message_id IS NOT NULL ORDER BY position"
    ) == [
        (channel.space_id, 0, "chart.png", 640, author.id),
        (channel.space_id, 1, "log.txt", None, author.id),
    ]


def test_mention_of_a_role_comes_in_once(channel: Channel, author: User) -> None:
    role = RoleFactory.create(server=channel.server)
    (message,) = texts(author, "ahoy", mentions=[MentionRow(role=role.id)] * 2)

    import_messages(channel=channel, messages=[message])

    assert rows("SELECT seq, user_id, role_id FROM mentions") == [(1, None, role.id)]


@in_conversations
def test_conversation_has_no_roles_to_mention(channel: Channel, author: User) -> None:
    given = texts(author, "ahoy", mentions=[MentionRow(role=RoleFactory.create().id)])

    with pytest.raises(DatabaseRefused) as refusal, transaction.atomic():
        import_messages(channel=channel, messages=given)

    assert refusal.value.constraint == "mentions_role_fk"


@everywhere
def test_edits_pins_and_deletions_keep_their_moments(channel: Channel, author: User) -> None:
    later = NOON + timedelta(days=1)
    (message,) = texts(
        author,
        "ahoy",
        edited_at=later,
        pinned_at=later,
        pinned_by=author.id,
        deleted_at=later,
        deleted_by=author.id,
    )

    import_messages(channel=channel, messages=[message])

    assert rows(
        "SELECT edited_at, pinned_at, pinned_by_id, deleted_at, deleted_by_id, version"
        " FROM messages"
    ) == [(later, later, author.id, later, author.id, 1)]


def test_system_message_needs_no_author(channel: Channel, author: User) -> None:
    messages = [MessageRow(uuid7(), who, NOON, "", "join") for who in (None, author.pk)]

    import_messages(channel=channel, messages=messages)

    assert rows("SELECT kind, author_id FROM messages ORDER BY seq") == [
        ("join", None),
        ("join", author.pk),
    ]


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "id": ({"id": "7"}, r"messages\[1\]\.id is '7'"),
    "author": ({"author": 7}, r"messages\[1\]\.author is 7"),
    "content": ({"content": None}, r"messages\[1\]\.content is None"),
    "long content": ({"content": "x" * 4001}, r"messages\[1\]\.content is 4001 characters"),
    "NUL": ({"content": "a\0b"}, r"messages\[1\]\.content is a text with a NUL at 1"),
    "surrogate": ({"content": "a\ud800"}, r"messages\[1\]\.content is a text with half"),
    "no moment": ({"created_at": None}, r"messages\[1\]\.created_at is None"),
    "naive": ({"created_at": datetime(2024, 1, 1)}, r"messages\[1\]\.created_at is datetime"),  # noqa: DTZ001
    "ancient": (
        {"created_at": datetime(1969, 1, 1, tzinfo=UTC)},
        r"messages\[1\]\.created_at .* 1970",
    ),
    "naive edit": ({"edited_at": datetime(2024, 1, 1)}, r"messages\[1\]\.edited_at"),  # noqa: DTZ001
    "mention": ({"mentions": [MentionRow(user="7")]}, r"messages\[1\]\.mentions\[0\]\.user"),  # type: ignore[arg-type]
    "emoji": (
        {"reactions": [ReactionRow(UUID(int=1), "")]},
        r"messages\[1\]\.reactions\[0\]\.emoji is 0 characters",
    ),
    "word for an emoji": (
        {"reactions": [ReactionRow(UUID(int=1), "heart")]},
        r"messages\[1\]\.reactions\[0\]\.emoji is 'heart'; it has to be an emoji of Unicode",
    ),
    "twenty-five emoji": (
        {"reactions": [ReactionRow(UUID(int=1), f":e{n}:") for n in range(25)]},
        r"messages\[1\]\.reactions is 25 different emoji; it has to be at most 20",
    ),
    "file": (
        {"attachments": [AttachmentRow(UUID(int=1), "a", "b", 1, b"short", "k")]},
        r"messages\[1\]\.attachments\[0\]\.sha256",
    ),
    "blank file name": (
        {"attachments": [AttachmentRow(UUID(int=1), "\u2060", "b", 1, bytes(32), "k")]},
        r"messages\[1\]\.attachments\[0\]\.filename is blank",
    ),
    "eleven files": (
        {"attachments": [AttachmentRow(UUID(int=1), "a", "b", 1, bytes(32), "k")] * 11},
        r"messages\[1\]\.attachments is 11 files",
    ),
    "a reaction that is a number": ({"reactions": [1]}, r"messages\[1\]\.reactions\[0\] is 1"),
    "a mention that is a text": ({"mentions": ["@a"]}, r"messages\[1\]\.mentions\[0\] is '@a'"),
    "files that are one text": ({"attachments": "x"}, r"messages\[1\]\.attachments is 'x'"),
}


@pytest.mark.parametrize("what", WRONG)
def test_mistake_is_named_by_its_place(channel: Channel, author: User, what: str) -> None:
    fields, expected = WRONG[what]
    one, two = texts(author, "one", "two")

    with pytest.raises(InvalidInput, match=expected):
        import_messages(channel=channel, messages=[one, two._replace(**fields)])

    assert value("SELECT count(*) FROM messages") == 0


def test_id_twice_is_named_by_its_place(channel: Channel, author: User) -> None:
    one, two = texts(author, "one", "two")

    with pytest.raises(InvalidInput, match=r"messages\[1\]\.id is UUID.* for the second time"):
        import_messages(channel=channel, messages=[one, two._replace(id=one.id)])


def test_id_twice_far_apart_is_named(channel: Channel, author: User) -> None:
    given = texts(author, *["ahoy"] * 10_001)
    again = given[-1]._replace(id=given[0].id)

    with pytest.raises(IdTaken, match=f"The id of a message is taken already.*{again.id}"):
        import_messages(channel=channel, messages=[*given[:-1], again])


def test_what_has_no_rows_at_all_is_refused(channel: Channel) -> None:
    with pytest.raises(InvalidInput, match="messages is None; it has to be rows, each a MessageR"):
        import_messages(channel=channel, messages=None)  # type: ignore[arg-type]


def test_something_else_than_a_row_is_refused(channel: Channel) -> None:
    with pytest.raises(InvalidInput, match=r"messages\[0\] is 'ahoy'"):
        import_messages(channel=channel, messages=["ahoy"])  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"author": UUID(int=7)}, "messages_author_fk"),
        ({"author": None}, "messages_author_ck"),
        ({"kind": "party"}, "messages_author_ck"),
        ({"created_at": datetime(2999, 1, 1, tzinfo=UTC)}, "messages_import_new"),
        ({"reactions": [ReactionRow(UUID(int=7), "⚓")]}, "reactions_user_fk"),
    ],
)
def test_what_only_the_database_knows_is_refused_by_name(
    channel: Channel, author: User, fields: dict[str, Any], constraint: str
) -> None:
    (message,) = texts(author, "ahoy")

    with pytest.raises(DatabaseRefused) as refusal, transaction.atomic():
        import_messages(channel=channel, messages=[message._replace(**fields)])

    assert refusal.value.constraint == constraint
    assert value("SELECT count(*) FROM messages") == 0


def test_emoji_in_two_forms_is_one_reaction(channel: Channel, author: User) -> None:
    reactions = [ReactionRow(author.id, emoji) for emoji in ("❤", "❤\ufe0f")]

    done = import_messages(channel=channel, messages=texts(author, "ahoy", reactions=reactions))

    assert done.reactions == 1
    assert value("SELECT emoji FROM reactions") == "❤\ufe0f"


def test_twenty_emoji_of_many_are_as_many_as_there_may_be(channel: Channel) -> None:
    crowd = UserFactory.create_batch(2)
    (message,) = texts(
        crowd[0],
        "ahoy",
        reactions=[ReactionRow(user.id, f":e{n}:") for user in crowd for n in range(20)],
    )

    assert import_messages(channel=channel, messages=[message]).reactions == 40


@everywhere
def test_251st_pin_leaves_nothing(channel: Channel, author: User) -> None:
    with pytest.raises(LimitReached, match="250 pins in the channel") as refusal:
        import_messages(channel=channel, messages=texts(author, *["ahoy"] * 251, pinned_at=NOON))

    assert refusal.value.limit == 250
    assert value("SELECT count(*) FROM messages") == 0


@pytest.mark.parametrize(
    ("channel", "where"),
    [
        ("channel", "the same server"),
        *(
            pytest.param(
                kind,
                "another space",
                marks=pytest.mark.one_machine(
                    "an id is of one space: in another it is another message"
                ),
            )
            for kind in ("channel", "pair", "group")
        ),
    ],
    indirect=["channel"],
)
def test_message_that_is_in_another_channel_is_refused(
    channel: Channel, author: User, where: str
) -> None:
    MessageFactory.create(channel=channel, author=author, created_at=NOON)
    server = channel.server if where == "the same server" else ServerFactory.create()
    other = MessageFactory.create(channel=ChannelFactory.create(server=server))

    with pytest.raises(IdTaken), transaction.atomic():
        import_messages(channel=channel, messages=[MessageRow(other.id, author.id, NOON)])

    assert value("SELECT count(*) FROM messages") == 2


def test_unknown_channel_is_refused(author: User) -> None:
    with pytest.raises(NotVisible):
        import_messages(channel=UUID(int=7), messages=texts(author, "ahoy"))


def test_deleted_channel_is_refused(channel: Channel, author: User) -> None:
    execute("UPDATE channels SET deleted_at = now()")

    with pytest.raises(ChatError, match="takes no messages"), transaction.atomic():
        import_messages(channel=channel, messages=texts(author, "ahoy"))


def test_import_of_nothing_writes_nothing(channel: Channel) -> None:
    before = stored()

    assert import_messages(channel=channel, messages=[]) == Imported()

    assert stored() == before


@in_conversations
@pytest.mark.parametrize("who", ["stranger", "left"])
def test_conversation_takes_messages_of_those_who_take_part(
    channel: Channel, author: User, who: str
) -> None:
    purge("UPDATE participants SET left_at = now() WHERE user_id = %s", author.id)
    writer = author if who == "left" else UserFactory.create()

    with pytest.raises(DatabaseRefused) as refusal, transaction.atomic():
        import_messages(channel=channel, messages=texts(writer, "ahoy"))

    assert refusal.value.constraint == "messages_participant"
    assert value("SELECT last_seq FROM channel_counters") == 0


@everywhere
def test_import_does_not_leave_the_setting_on(channel: Channel, author: User) -> None:
    with transaction.atomic():
        import_messages(channel=channel, messages=texts(author, "ahoy"))

        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('chat.import')")
            assert cursor.fetchone() == ("off",)


# How many statements it takes


@everywhere
def test_plain_history_takes_one_statement_and_three(channel: Channel, author: User) -> None:
    given = texts(author, *(["ahoy"] * 50))

    sent = statements_of(lambda: import_messages(channel=channel, messages=given))

    assert len(sent) == 1 + 3


@everywhere
def test_history_with_everything_takes_one_statement_and_eight(
    channel: Channel, author: User
) -> None:
    earlier = MessageFactory.create(channel=channel, author=author, created_at=NOON)
    given = texts(
        author,
        *(["ahoy"] * 50),
        reply_to=earlier.id,
        mentions=[MentionRow()],
        reactions=[ReactionRow(author.id, "⚓")],
    )
    file = AttachmentRow(uuid7(), "chart.png", "image/png", 12, bytes(32), "charts/1")
    given[0] = given[0]._replace(attachments=[file])

    sent = statements_of(lambda: import_messages(channel=channel, messages=given))

    assert len(sent) == 1 + 8


# At the same moment


@pytest.mark.django_db(transaction=True)
@everywhere
def test_import_that_waits_for_a_pin_lets_its_event_be_sent(channel: Channel, author: User) -> None:
    admitted(author, channel)
    pinning = psycopg.connect(**connection.get_connection_params())
    pinning.execute(
        "SELECT FROM channels WHERE space_id = %s AND id = %s FOR NO KEY UPDATE",
        [channel.space_id, channel.id],
    )

    def finish_the_pin() -> None:
        wait_until_blocked_by(pinning)
        pinning.execute("SET LOCAL lock_timeout = '5s'")
        pinning.execute(
            "INSERT INTO messages (space_id, channel_id, author_id, kind, created_at)"
            " VALUES (%s, %s, %s, 'pin', %s)",
            [channel.space_id, channel.id, author.id, NOON],
        )
        pinning.commit()

    with pinning:
        run_together(
            [
                lambda: import_messages(channel=channel, messages=texts(author, "ahoy")),
                finish_the_pin,
            ]
        )

    assert rows("SELECT seq, kind FROM messages ORDER BY seq") == [(1, "pin"), (2, "text")]
