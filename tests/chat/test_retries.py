"""A send that is tried again comes with the same id, and takes no second number.

What two connections do at the same moment is in tests/concurrency.
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from chat.db.ids import uuid7
from chat.models import Channel, Message
from tests.chat.sql import by_unique_key, execute, refused, rows, value
from tests.factories import ChannelFactory, MessageFactory

pytestmark = pytest.mark.django_db

SEND = "INSERT INTO messages (id, space_id, channel_id, author_id) VALUES (%s, %s, %s, %s)"
# A client that expects a conflict, and one that does not.
WAYS = [SEND, f"{SEND} ON CONFLICT DO NOTHING", f"{SEND} ON CONFLICT (space_id, id) DO NOTHING"]


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def again(message: Message) -> tuple[Any, ...]:
    """Return the parameters with which `message` was sent."""
    return message.id, message.space_id, message.channel_id, message.author_id


def state() -> list[tuple[Any, ...]]:
    return [
        *rows("SELECT * FROM channel_counters ORDER BY channel_id"),
        *rows("SELECT id, seq, updated_at FROM messages ORDER BY id"),
        *rows("SELECT channel_id, updated_at, last_read_seq FROM read_states ORDER BY id"),
    ]


@pytest.mark.parametrize("way", WAYS)
def test_retried_send_changes_nothing_and_no_row_comes_back(message: Message, way: str) -> None:
    MessageFactory.create(channel=message.channel)
    before = state()

    assert rows(f"{way} RETURNING id", *again(message)) == []

    assert state() == before
    assert MessageFactory.create(channel=message.channel).seq == 3


@pytest.mark.one_machine("an id is no key without its space")
def test_retry_that_would_edit_changes_nothing(message: Message) -> None:
    before = state()

    execute(f"{SEND} ON CONFLICT (id) DO UPDATE SET content = 'avast'", *again(message))

    assert state() == before


def test_bulk_create_that_ignores_conflicts_changes_nothing(message: Message) -> None:
    before = state()

    Message.objects.bulk_create([message], ignore_conflicts=True)

    assert state() == before


def test_message_twice_in_one_statement_takes_one_number(message: Message) -> None:
    twice = (uuid7(), *again(message)[1:])

    assert execute(f"{SEND}, (%s, %s, %s, %s)", *twice, *twice) == 1

    assert value("SELECT last_seq FROM channel_counters") == 2


@pytest.mark.parametrize("way", WAYS)
def test_id_that_is_known_in_another_channel_of_the_space_is_known(way: str) -> None:
    message = MessageFactory.create()
    other = ChannelFactory.create(server=message.channel.server)
    before = state()

    assert execute(way, message.id, other.space_id, other.id, message.author_id) == 0

    assert state() == before


@pytest.mark.one_machine("an id is of one space: in another it is another message")
def test_id_that_is_known_in_another_space_is_refused(message: Message) -> None:
    elsewhere = MessageFactory.create()

    refusal = refused(SEND, message.id, *again(elsewhere)[1:])

    assert refusal == by_unique_key("messages_pkey")


@pytest.mark.one_machine("an id is of one space: in another it is another message")
@pytest.mark.django_db(transaction=True)
def test_id_that_is_known_in_another_space_leaves_no_gap_whoever_ignores_conflicts(
    message: Message,
) -> None:
    elsewhere = MessageFactory.create()

    # The number was taken before the conflict was seen: all of it is given back, at COMMIT.
    refusal = refused(f"{SEND} ON CONFLICT DO NOTHING", message.id, *again(elsewhere)[1:])

    assert (refusal.sqlstate, refusal.constraint) == ("40001", "channel_counters_no_gap")
    assert MessageFactory.create(channel=elsewhere.channel).seq == 2


@pytest.mark.parametrize("purged", [False, True])
def test_retry_after_a_message_out_of_an_archive_leaves_when_the_newest_was(
    message: Message, purged: bool
) -> None:
    imported = MessageFactory.create(
        channel=message.channel, created_at=datetime(2001, 2, 3, tzinfo=UTC)
    )
    if purged:
        # As if it had been committed: what is sent must be there at COMMIT.
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("SET CONSTRAINTS ALL DEFERRED")
        execute("SET LOCAL chat.purge = 'on'")
        execute("DELETE FROM messages WHERE id = %s", imported.id)
    before = state()

    execute(SEND, *again(message))

    assert state() == before
