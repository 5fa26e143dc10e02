"""A reply names an earlier message of its own channel."""

import pytest

from tests.chat.sql import (
    by_check,
    by_foreign_key,
    execute,
    refused,
    rows,
)
from tests.factories import (
    ChannelFactory,
    MessageFactory,
)

pytestmark = pytest.mark.django_db

REPLY = (
    "INSERT INTO messages (server_id, channel_id, author_id, reply_to_seq) VALUES (%s, %s, %s, %s)"
)


def test_reply_names_a_message_before_it() -> None:
    first = MessageFactory.create()

    execute(REPLY, first.server_id, first.channel_id, first.author_id, first.seq)

    assert rows("SELECT seq, reply_to_seq FROM messages ORDER BY seq") == [(1, None), (2, 1)]


def test_reply_into_another_channel_is_refused() -> None:
    channel = ChannelFactory.create()
    MessageFactory.create(channel=channel)
    elsewhere = ChannelFactory.create(server=channel.server)
    MessageFactory.create_batch(2, channel=elsewhere)
    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE channel_id = %s", channel.id)

    # Number 1 is before number 2, and there is one: elsewhere.
    refusal = refused(REPLY, channel.server_id, channel.id, channel.server.owner_id, 1)

    assert refusal == by_foreign_key("messages_reply_fk")


@pytest.mark.parametrize("seq", [pytest.param(2, id="itself"), pytest.param(3, id="later"), 0, -1])
def test_reply_does_not_name_itself_nor_a_later_message(seq: int) -> None:
    first = MessageFactory.create()

    refusal = refused(REPLY, first.server_id, first.channel_id, first.author_id, seq)

    assert refusal == by_check("messages_reply_ck")


def test_reply_is_not_turned_to_another_message() -> None:
    first = MessageFactory.create()
    later = MessageFactory.create(channel=first.channel)

    refusal = refused("UPDATE messages SET reply_to_seq = %s WHERE id = %s", later.seq, first.id)

    assert refusal == by_check("messages_place_fixed")


def test_reply_to_a_message_that_is_gone_is_refused() -> None:
    first = MessageFactory.create()
    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", first.id)

    refusal = refused(REPLY, first.server_id, first.channel_id, first.author_id, first.seq)

    assert refusal == by_foreign_key("messages_reply_fk")
