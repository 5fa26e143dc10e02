"""Numbers stay without gaps when several send at once, and order is the order of commits."""

import psycopg
import pytest

from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import rows, value
from tests.factories import ChannelFactory, UserFactory

SEND = "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s) RETURNING seq"


@pytest.fixture
def place(transactional_db: None) -> tuple[object, ...]:
    channel, author = ChannelFactory.create(), UserFactory.create()
    return channel.server_id, channel.id, author.id


def test_second_sender_waits_and_gets_the_next_number(
    connect: Connect, start_and_wait: StartAndWait, place: tuple[object, ...]
) -> None:
    first, second = connect(), connect()
    first.execute(SEND, place)

    late = start_and_wait(second, first, SEND, *place)
    first.commit()

    assert late.result(timeout=10).fetchone() == (2,)
    second.commit()
    assert rows("SELECT seq FROM messages ORDER BY seq") == [(1,), (2,)]


def test_number_of_a_sender_who_gives_up_goes_to_the_next(
    connect: Connect, start_and_wait: StartAndWait, place: tuple[object, ...]
) -> None:
    first, second = connect(), connect()
    first.execute(SEND, place)

    late = start_and_wait(second, first, SEND, *place)
    first.rollback()

    assert late.result(timeout=10).fetchone() == (1,)
    second.commit()
    assert value("SELECT last_seq FROM channels") == 1


def test_message_that_waited_for_the_channel_to_be_deleted_is_refused(
    connect: Connect, start_and_wait: StartAndWait, place: tuple[object, ...]
) -> None:
    deleting, sending = connect(), connect()
    deleting.execute("UPDATE channels SET deleted_at = now() WHERE id = %s", [place[1]])

    late = start_and_wait(sending, deleting, SEND, *place)
    deleting.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        late.result(timeout=10)
    assert refusal.value.diag.constraint_name == "messages_channel_open"
    assert rows("SELECT seq FROM messages") == []
