"""What a message of either kind is made of, and what of it stays."""

import pytest

from tests.chat.sql import by_check, by_length, execute, refused, rows, value
from tests.factories import (
    DirectMessageFactory,
    MessageFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

# A second message beside the one that is there, with values of its own.
INSERT = {
    "messages": (
        "INSERT INTO messages (server_id, channel_id, {columns}) "
        "SELECT server_id, channel_id, {values} FROM messages WHERE id = %s"
    ),
    "direct_messages": (
        "INSERT INTO direct_messages (conversation_id, {columns}) "
        "SELECT conversation_id, {values} FROM direct_messages WHERE id = %s"
    ),
}


@pytest.mark.parametrize(
    ("author", "kind", "content", "constraint"),
    [
        ("NULL", "'text'", "'ahoy'", "author_ck"),
        ("NULL", "'text'", "''", "author_ck"),
        ("NULL", "'notice'", "'ahoy'", "author_ck"),
        ("author_id", "'join'", "'ahoy'", "author_ck"),
        ("NULL", "'poem'", "''", "kind_ck"),
    ],
)
@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_words_that_are_nobodys_are_refused(
    factory: type[MessageFactory | DirectMessageFactory],
    table: str,
    author: str,
    kind: str,
    content: str,
    constraint: str,
) -> None:
    message = factory.create()

    refusal = refused(
        INSERT[table].format(
            columns="author_id, kind, content", values=f"{author}, {kind}, {content}"
        ),
        message.id,
    )

    assert refusal == by_check(f"{table}_{constraint}")


@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_event_has_no_words_and_says_whose_it_is_or_not(
    factory: type[MessageFactory | DirectMessageFactory], table: str
) -> None:
    message = factory.create()
    for author in ("author_id", "NULL"):
        execute(
            INSERT[table].format(columns="author_id, kind", values=f"{author}, 'join'"), message.id
        )

    assert refused(
        f"UPDATE {table} SET content = 'ahoy' WHERE kind = 'join' AND author_id IS NOT NULL"
    ) == by_check(f"{table}_author_ck")
    assert value(f"SELECT count(*) FROM {table} WHERE kind = 'join'") == 2


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("pinned_by_id = author_id", "pinned_ck"),
        ("deleted_by_id = author_id", "deleted_ck"),
    ],
)
@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_message_that_contradicts_itself_is_refused(
    factory: type[MessageFactory | DirectMessageFactory],
    table: str,
    assignment: str,
    constraint: str,
) -> None:
    message = factory.create()

    refusal = refused(f"UPDATE {table} SET {assignment} WHERE id = %s", message.id)

    assert refusal == by_check(f"{table}_{constraint}")


@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_message_has_4000_characters_at_most(
    factory: type[MessageFactory | DirectMessageFactory], table: str
) -> None:
    message = factory.create(content="ß" * 4000)

    refusal = refused(f"UPDATE {table} SET content = content || '!' WHERE id = %s", message.id)

    assert refusal == by_length()


@pytest.mark.parametrize(
    "assignment",
    [
        "id = uuidv7()",
        "seq = 9",
        "seq = 0",
        "author_id = NULL",
        "kind = 'notice'",
        "kind = 'notice', author_id = NULL",
        "created_at = '2000-01-01'",
        "created_at = created_at + interval '1 microsecond'",
    ],
)
@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_message_keeps_its_place_its_author_and_its_time(
    factory: type[MessageFactory | DirectMessageFactory], table: str, assignment: str
) -> None:
    message = factory.create()

    refusal = refused(f"UPDATE {table} SET {assignment} WHERE id = %s", message.id)

    assert refusal == by_check(f"{table}_place_fixed")


def test_message_is_not_put_into_the_mouth_of_another() -> None:
    message, victim = MessageFactory.create(), UserFactory.create()

    refusal = refused("UPDATE messages SET author_id = %s WHERE id = %s", victim.id, message.id)

    assert refusal == by_check("messages_place_fixed")


def test_direct_message_is_not_put_into_the_mouth_of_the_other() -> None:
    post = DirectMessageFactory.create()

    refusal = refused(
        "UPDATE direct_messages SET author_id = %s WHERE id = %s",
        post.conversation.pair_high_id,
        post.id,
    )

    assert refusal == by_check("direct_messages_place_fixed")


@pytest.mark.parametrize(
    ("factory", "table"), [(MessageFactory, "messages"), (DirectMessageFactory, "direct_messages")]
)
def test_message_that_an_orm_saves_whole_stays_as_it_was(
    factory: type[MessageFactory | DirectMessageFactory], table: str
) -> None:
    message = factory.create()
    message.refresh_from_db()
    before = rows(f"SELECT id, seq, author_id, kind, created_at FROM {table}")

    message.content = "avast"
    message.save()

    assert rows(f"SELECT id, seq, author_id, kind, created_at FROM {table}") == before
    assert value(f"SELECT content FROM {table}") == "avast"


@pytest.mark.parametrize("moment", ["infinity", "12000-01-01", "9998-12-31", "tomorrow"])
@pytest.mark.parametrize(
    ("factory", "table", "place"),
    [
        (MessageFactory, "messages", "channels"),
        (DirectMessageFactory, "direct_messages", "direct_conversations"),
    ],
)
def test_message_from_the_future_is_one_of_now(
    factory: type[MessageFactory | DirectMessageFactory], table: str, place: str, moment: str
) -> None:
    message = factory.create()

    execute(
        INSERT[table].format(columns="author_id, created_at", values=f"author_id, '{moment}'"),
        message.id,
    )

    (sent_at,) = rows(
        f"SELECT created_at FROM {table} "
        "WHERE seq = 2 AND created_at BETWEEN now() AND clock_timestamp()"
    )
    assert rows(f"SELECT last_message_at FROM {place}") == [sent_at]


@pytest.mark.parametrize(
    ("factory", "table", "place"),
    [
        (MessageFactory, "messages", "channels"),
        (DirectMessageFactory, "direct_messages", "direct_conversations"),
    ],
)
def test_message_out_of_an_archive_keeps_its_time_and_is_not_the_newest(
    factory: type[MessageFactory | DirectMessageFactory], table: str, place: str
) -> None:
    message = factory.create()
    newest = rows(f"SELECT last_message_at FROM {place}")

    execute(
        INSERT[table].format(
            columns="author_id, created_at", values="author_id, '2001-02-03 04:05Z'"
        ),
        message.id,
    )

    assert value(f"SELECT created_at = '2001-02-03 04:05Z' FROM {table} WHERE seq = 2")
    assert rows(f"SELECT last_message_at FROM {place}") == newest
