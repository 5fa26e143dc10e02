"""A reply names an earlier message of its own channel or conversation."""

import pytest

from chat.models import Channel, Message
from tests.chat.sql import by_check, by_foreign_key, execute, refused, rows
from tests.factories import ChannelFactory, DirectConversationFactory, MessageFactory

pytestmark = pytest.mark.django_db

REPLY = (
    "INSERT INTO messages (space_id, channel_id, author_id, reply_to_seq) VALUES (%s, %s, %s, %s)"
)


@pytest.fixture
def first(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def test_reply_names_a_message_before_it(first: Message) -> None:
    execute(REPLY, first.space_id, first.channel_id, first.author_id, first.seq)

    assert rows("SELECT seq, reply_to_seq FROM messages ORDER BY seq") == [(1, None), (2, 1)]


def test_reply_into_another_channel_is_refused(first: Message) -> None:
    elsewhere = (
        ChannelFactory.create(server=first.channel.server)
        if first.channel.server_id
        else DirectConversationFactory.create(pair_low=first.author)
    )
    MessageFactory.create_batch(2, channel=elsewhere)
    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", first.id)

    # Number 1 is before number 2, and there is one: elsewhere.
    refusal = refused(REPLY, first.space_id, first.channel_id, first.author_id, 1)

    assert refusal == by_foreign_key("messages_reply_fk")


@pytest.mark.parametrize("seq", [pytest.param(2, id="itself"), pytest.param(3, id="later"), 0, -1])
def test_reply_does_not_name_itself_nor_a_later_message(seq: int) -> None:
    first = MessageFactory.create()

    refusal = refused(REPLY, first.space_id, first.channel_id, first.author_id, seq)

    assert refusal == by_check("messages_reply_ck")


def test_reply_is_not_turned_to_another_message() -> None:
    first = MessageFactory.create()
    later = MessageFactory.create(channel=first.channel)

    refusal = refused("UPDATE messages SET reply_to_seq = %s WHERE id = %s", later.seq, first.id)

    assert refusal == by_check("messages_place_fixed")
