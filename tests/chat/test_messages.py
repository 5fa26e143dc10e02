"""Messages are numbered by the database, without gaps, and each keeps its place."""

import pytest

from chat.models import Channel
from tests.chat.sql import (
    by_check,
    by_foreign_key,
    execute,
    refused,
    rows,
    value,
)
from tests.factories import (
    ChannelFactory,
    MentionFactory,
    MessageFactory,
    ReactionFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_numbers_count_up_without_a_gap() -> None:
    channel, author = ChannelFactory.create(), UserFactory.create()
    insert = "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)"

    for _ in range(3):
        execute(insert, channel.server_id, channel.id, author.id)

    assert rows("SELECT seq FROM messages ORDER BY seq") == [(1,), (2,), (3,)]
    assert value("SELECT last_seq FROM channels WHERE id = %s", channel.id) == 3


def test_number_of_a_refused_message_is_used_again() -> None:
    message = MessageFactory.create()
    refused(
        "INSERT INTO messages (server_id, channel_id) VALUES (%s, %s)",
        message.server_id,
        message.channel_id,
    )

    second = MessageFactory.create(channel=message.channel)

    assert second.seq == 2


def test_number_that_a_client_writes_is_ignored() -> None:
    channel, author = ChannelFactory.create(), UserFactory.create()

    seq = value(
        "INSERT INTO messages (server_id, channel_id, author_id, seq) VALUES (%s, %s, %s, 77) "
        "RETURNING seq",
        channel.server_id,
        channel.id,
        author.id,
    )

    assert seq == 1


def test_message_keeps_its_channel() -> None:
    message = MessageFactory.create()
    other = ChannelFactory.create(server=message.server)

    refusal = refused("UPDATE messages SET channel_id = %s WHERE id = %s", other.id, message.id)

    assert refusal == by_check("messages_place_fixed")


def test_message_in_a_category_is_refused() -> None:
    category = ChannelFactory.create(category=True)

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)",
        category.server_id,
        category.id,
        category.server.owner_id,
    )

    assert refusal == by_check("messages_channel_open")


def test_message_in_a_deleted_channel_is_refused() -> None:
    channel = ChannelFactory.create()
    execute("UPDATE channels SET deleted_at = now() WHERE id = %s", channel.id)

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)",
        channel.server_id,
        channel.id,
        channel.server.owner_id,
    )

    assert refusal == by_check("messages_channel_open")


def test_message_in_a_thread_of_a_deleted_channel_is_refused() -> None:
    thread = ChannelFactory.create(thread=True)
    execute("UPDATE channels SET deleted_at = now() WHERE id = %s", thread.parent_id)

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)",
        thread.server_id,
        thread.id,
        thread.server.owner_id,
    )

    assert refusal == by_check("messages_channel_open")


def test_thread_takes_messages() -> None:
    thread = ChannelFactory.create(thread=True)

    assert MessageFactory.create(channel=thread).seq == 1


def test_message_is_not_deleted_without_a_purge() -> None:
    message = MessageFactory.create()

    refusal = refused("DELETE FROM messages WHERE id = %s", message.id)

    assert refusal == by_check("messages_place_kept")


@pytest.mark.parametrize("setting", ["off", "", "true"])
def test_purge_wants_exactly_on(setting: str) -> None:
    message = MessageFactory.create()
    execute("SELECT set_config('chat.purge', %s, true)", setting)

    refusal = refused("DELETE FROM messages WHERE id = %s", message.id)

    assert refusal == by_check("messages_place_kept")


def test_purge_deletes_a_message_with_what_hangs_on_it() -> None:
    message = MessageFactory.create()
    ReactionFactory.create(message=message)
    MentionFactory.create(message=message)

    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", message.id)

    assert value("SELECT count(*) FROM messages") == 0
    assert value("SELECT count(*) FROM reactions") == 0
    assert value("SELECT count(*) FROM mentions") == 0


def test_purge_leaves_the_counter() -> None:
    message = MessageFactory.create()

    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", message.id)

    assert MessageFactory.create(channel=message.channel).seq == 2


def test_purge_does_not_take_a_message_that_was_answered() -> None:
    message = MessageFactory.create()
    MessageFactory.create(channel=message.channel, reply_to_seq=message.seq)
    execute("SET LOCAL chat.purge = 'on'")

    refusal = refused("DELETE FROM messages WHERE id = %s", message.id)

    assert refusal == by_foreign_key("messages_reply_fk")


# The counter


def test_channel_starts_at_zero_whatever_a_client_writes() -> None:
    server = ServerFactory.create()

    execute(
        "INSERT INTO channels (server_id, name, last_seq, last_message_at) "
        "VALUES (%s, 'pier', 41, now())",
        server.id,
    )

    assert rows("SELECT last_seq, last_message_at FROM channels") == [(0, None)]


@pytest.mark.parametrize("seq", [0, 99, -1])
def test_counter_that_a_client_writes_is_ignored(seq: int) -> None:
    message = MessageFactory.create()
    before = rows("SELECT last_seq, last_message_at FROM channels")

    execute(
        "UPDATE channels SET last_seq = %s, last_message_at = '2000-01-01', topic = 'tides'", seq
    )

    assert message.seq == 1
    assert rows("SELECT last_seq, last_message_at FROM channels") == before
    assert value("SELECT topic FROM channels") == "tides"


def test_stale_channel_that_the_orm_saves_does_not_set_the_counter_back() -> None:
    stale = Channel.objects.get(pk=ChannelFactory.create().pk)
    MessageFactory.create(channel=stale)

    stale.topic = "tides"
    stale.save()

    assert rows("SELECT last_seq, topic FROM channels") == [(1, "tides")]
    assert MessageFactory.create(channel=stale).seq == 2
