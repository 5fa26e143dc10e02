"""A send that is tried again comes with the same id, and takes no second number."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import psycopg
import pytest

from chat.ids import uuid7
from chat.models import DirectMessage, Message
from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import by_unique_key, execute, refused, rows, value
from tests.factories import ChannelFactory, DirectMessageFactory, MessageFactory

pytestmark = pytest.mark.django_db


class Place(NamedTuple):
    """Where messages of one kind are stored and counted, and how one is sent."""

    table: str
    counter: str
    send: str
    factory: type[MessageFactory | DirectMessageFactory]

    def send_again(self, message: Message | DirectMessage) -> tuple[Any, ...]:
        """Return the parameters with which `message` was sent."""
        if isinstance(message, Message):
            return message.id, message.server_id, message.channel_id, message.author_id
        return message.id, message.conversation_id, message.author_id

    def state(self) -> list[tuple[Any, ...]]:
        return rows(
            f"SELECT id, last_seq, last_message_at, updated_at FROM {self.counter} ORDER BY id"
        )


CHANNEL = Place(
    "messages",
    "channels",
    "INSERT INTO messages (id, server_id, channel_id, author_id) VALUES (%s, %s, %s, %s)",
    MessageFactory,
)
CONVERSATION = Place(
    "direct_messages",
    "direct_conversations",
    "INSERT INTO direct_messages (id, conversation_id, author_id) VALUES (%s, %s, %s)",
    DirectMessageFactory,
)


@pytest.fixture(params=[CHANNEL, CONVERSATION], ids=lambda place: place.table)
def place(request: pytest.FixtureRequest) -> Place:
    chosen: Place = request.param
    return chosen


@pytest.fixture
def message(place: Place) -> Message | DirectMessage:
    return place.factory.create()


def test_retried_send_changes_nothing(place: Place, message: Message | DirectMessage) -> None:
    before = place.state()

    count = execute(f"{place.send} ON CONFLICT DO NOTHING", *place.send_again(message))

    assert count == 0
    assert place.state() == before
    assert rows(f"SELECT id, seq FROM {place.table}") == [(message.id, 1)]


def test_retry_of_an_earlier_send_takes_no_number(
    place: Place, message: Message | DirectMessage
) -> None:
    beside = (
        {"channel": message.channel}
        if isinstance(message, Message)
        else {"conversation": message.conversation}
    )
    place.factory.create(**beside)
    before = place.state()

    execute(f"{place.send} ON CONFLICT DO NOTHING", *place.send_again(message))

    assert place.state() == before
    assert place.factory.create(**beside).seq == 3


def test_retry_that_does_not_expect_a_conflict_is_refused(
    place: Place, message: Message | DirectMessage
) -> None:
    refusal = refused(place.send, *place.send_again(message))

    assert refusal == by_unique_key(f"{place.table}_pkey")


def test_retry_that_edits_takes_no_number(place: Place, message: Message | DirectMessage) -> None:
    execute(
        f"{place.send} ON CONFLICT (id) DO UPDATE SET seq = EXCLUDED.seq, content = 'avast'",
        *place.send_again(message),
    )

    assert rows(f"SELECT seq, version, content FROM {place.table}") == [(1, 2, "avast")]
    assert value(f"SELECT last_seq FROM {place.counter}") == 1


def test_bulk_create_that_ignores_conflicts_takes_no_number(place: Place, message: Any) -> None:
    type(message).objects.bulk_create([message], ignore_conflicts=True)

    assert value(f"SELECT last_seq FROM {place.counter}") == 1


def test_message_twice_in_one_statement_takes_one_number(
    place: Place, message: Message | DirectMessage
) -> None:
    again = (uuid7(), *place.send_again(message)[1:])
    values = place.send[place.send.index("(%s") :]

    execute(f"{place.send}, {values} ON CONFLICT DO NOTHING", *again, *again)

    assert value(f"SELECT last_seq FROM {place.counter}") == 2


def test_retry_in_another_channel_takes_no_number_there() -> None:
    message = MessageFactory.create()
    other = ChannelFactory.create(server=message.server)

    execute(
        f"{CHANNEL.send} ON CONFLICT DO NOTHING",
        message.id,
        other.server_id,
        other.id,
        message.author_id,
    )

    assert rows("SELECT last_seq, last_message_at FROM channels WHERE id = %s", other.id) == [
        (0, None)
    ]


@pytest.mark.parametrize("purged", [False, True])
def test_retry_after_a_message_out_of_an_archive_leaves_when_the_newest_was(
    place: Place, message: Message | DirectMessage, purged: bool
) -> None:
    beside = (
        {"channel": message.channel}
        if isinstance(message, Message)
        else {"conversation": message.conversation}
    )
    imported = place.factory.create(**beside, created_at=datetime(2001, 2, 3, tzinfo=UTC))
    if purged:
        execute("SET LOCAL chat.purge = 'on'")
        execute(f"DELETE FROM {place.table} WHERE id = %s", imported.id)
    before = place.state()

    execute(f"{place.send} ON CONFLICT DO NOTHING", *place.send_again(message))

    assert place.state() == before


def test_send_with_an_id_of_another_tenant_takes_no_number(
    place: Place, message: Message | DirectMessage
) -> None:
    elsewhere = place.send_again(place.factory.create())
    before = place.state()

    execute(f"{place.send} ON CONFLICT DO NOTHING", message.id, *elsewhere[1:])

    assert place.state() == before


def test_retry_that_waits_for_the_first_send_takes_no_number(
    connect: Connect, start_and_wait: StartAndWait, place: Place
) -> None:
    params = (uuid7(), *place.send_again(place.factory.create())[1:])
    first, retry = connect(), connect()
    send = f"{place.send} ON CONFLICT DO NOTHING"
    first.execute(send, params)

    late = start_and_wait(retry, first, send, *params)
    first.commit()

    assert late.result(timeout=10).rowcount == 0
    retry.commit()
    assert value(f"SELECT last_seq FROM {place.counter}") == 2
    assert rows(f"SELECT seq FROM {place.table} ORDER BY seq") == [(1,), (2,)]


def test_retry_that_waits_for_a_send_that_fails_takes_its_number(
    connect: Connect, start_and_wait: StartAndWait, place: Place
) -> None:
    params = (uuid7(), *place.send_again(place.factory.create())[1:])
    first, retry = connect(), connect()
    send = f"{place.send} ON CONFLICT DO NOTHING"
    first.execute(send, params)

    late = start_and_wait(retry, first, send, *params)
    first.rollback()

    assert late.result(timeout=10).rowcount == 1
    retry.commit()
    assert rows(f"SELECT id, seq FROM {place.table} WHERE seq > 1") == [(params[0], 2)]


def test_retry_that_waits_and_does_not_expect_a_conflict_is_refused(
    connect: Connect, start_and_wait: StartAndWait, place: Place
) -> None:
    params = (uuid7(), *place.send_again(place.factory.create())[1:])
    first, retry = connect(), connect()
    first.execute(place.send, params)

    late = start_and_wait(retry, first, place.send, *params)
    first.commit()

    with pytest.raises(psycopg.errors.UniqueViolation):
        late.result(timeout=10)
    retry.rollback()
    assert value(f"SELECT last_seq FROM {place.counter}") == 2
