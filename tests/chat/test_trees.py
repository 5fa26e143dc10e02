"""Channels form a tree of three levels: categories, channels, threads."""

import pytest

from chat.models import Channel
from tests.chat.sql import by_check, by_foreign_key, execute, refused, value
from tests.factories import ChannelFactory, MessageFactory, ServerFactory

pytestmark = pytest.mark.django_db

INSERT = (
    "INSERT INTO channels (space_id, server_id, parent_id, kind, name) "
    "SELECT server, server, parent, kind, 'pier' "
    "FROM (SELECT %s::uuid AS server, %s::uuid AS parent, %s AS kind) AS given"
)


@pytest.fixture
def category() -> Channel:
    return ChannelFactory.create(category=True)


@pytest.fixture
def channel(category: Channel) -> Channel:
    return ChannelFactory.create(server=category.server, parent=category)


@pytest.fixture
def thread(channel: Channel) -> Channel:
    return ChannelFactory.create(server=channel.server, parent=channel, kind="thread")


def test_three_levels_stand(thread: Channel) -> None:
    levels = (thread.level, thread.parent.level, thread.parent.parent.level)

    assert levels == (2, 1, 0)


def test_category_has_no_parent(category: Channel) -> None:
    assert refused(INSERT, category.server_id, category.id, "category") == by_check(
        "channels_parent_ck"
    )


def test_thread_has_a_parent(category: Channel) -> None:
    assert refused(INSERT, category.server_id, None, "thread") == by_check("channels_parent_ck")


@pytest.mark.parametrize("kind", ["text", "voice", "announcement"])
def test_channel_does_not_stand_under_a_channel(channel: Channel, kind: str) -> None:
    assert refused(INSERT, channel.server_id, channel.id, kind) == by_foreign_key(
        "channels_parent_fk"
    )


def test_channel_does_not_stand_under_a_thread(thread: Channel) -> None:
    assert refused(INSERT, thread.server_id, thread.id, "text") == by_foreign_key(
        "channels_parent_fk"
    )


def test_thread_does_not_hang_on_a_thread(thread: Channel) -> None:
    assert refused(INSERT, thread.server_id, thread.id, "thread") == by_foreign_key(
        "channels_parent_fk"
    )


def test_thread_does_not_hang_on_a_category(category: Channel) -> None:
    assert refused(INSERT, category.server_id, category.id, "thread") == by_foreign_key(
        "channels_parent_fk"
    )


def test_parent_is_of_the_same_server(category: Channel) -> None:
    assert refused(INSERT, ServerFactory.create().id, category.id, "text") == by_foreign_key(
        "channels_parent_fk"
    )


def test_channel_is_not_its_own_parent(channel: Channel) -> None:
    refusal = refused("UPDATE channels SET parent_id = id WHERE id = %s", channel.id)

    assert refusal == by_foreign_key("channels_parent_fk")


def test_two_channels_are_not_each_others_parents(channel: Channel) -> None:
    other = ChannelFactory.create(server=channel.server)

    refusal = refused(
        "UPDATE channels SET parent_id = CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s)",
        channel.id,
        other.id,
        channel.id,
        channel.id,
        other.id,
    )

    assert refusal == by_foreign_key("channels_parent_fk")


def test_two_threads_are_not_each_others_parents(thread: Channel) -> None:
    other = ChannelFactory.create(server=thread.server, parent=thread.parent, kind="thread")

    refusal = refused(
        "UPDATE channels SET parent_id = CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s)",
        thread.id,
        other.id,
        thread.id,
        thread.id,
        other.id,
    )

    assert refusal == by_foreign_key("channels_parent_fk")


@pytest.mark.parametrize("kind", ["text", "thread"])
def test_category_with_channels_stays_one(channel: Channel, kind: str) -> None:
    parent = channel if kind == "thread" else None

    refusal = refused(
        "UPDATE channels SET kind = %s, parent_id = %s WHERE id = %s",
        kind,
        parent and parent.id,
        channel.parent_id,
    )

    assert refusal == by_foreign_key("channels_parent_fk")


def test_channel_with_threads_does_not_become_a_category(thread: Channel) -> None:
    refusal = refused(
        "UPDATE channels SET kind = 'category', parent_id = NULL WHERE id = %s", thread.parent_id
    )

    assert refusal == by_foreign_key("channels_parent_fk")


def test_channel_with_messages_does_not_become_a_category() -> None:
    message = MessageFactory.create()

    refusal = refused("UPDATE channels SET kind = 'category' WHERE id = %s", message.channel_id)

    assert refusal == by_check("channels_category_empty")


def test_channel_without_messages_may_become_a_category() -> None:
    channel = ChannelFactory.create()

    execute("UPDATE channels SET kind = 'category' WHERE id = %s", channel.id)

    assert value("SELECT level FROM channels") == 0


def test_channel_in_a_category_does_not_become_a_thread(channel: Channel) -> None:
    refusal = refused("UPDATE channels SET kind = 'thread' WHERE id = %s", channel.id)

    assert refusal == by_foreign_key("channels_parent_fk")


def test_thread_does_not_become_a_channel_where_it_hangs(thread: Channel) -> None:
    refusal = refused("UPDATE channels SET kind = 'text' WHERE id = %s", thread.id)

    assert refusal == by_foreign_key("channels_parent_fk")


def test_thread_does_not_lose_its_parent(thread: Channel) -> None:
    refusal = refused("UPDATE channels SET parent_id = NULL WHERE id = %s", thread.id)

    assert refusal == by_check("channels_parent_ck")


def test_category_with_channels_cannot_be_deleted(channel: Channel) -> None:
    refusal = refused("DELETE FROM channels WHERE id = %s", channel.parent_id)

    assert refusal == by_foreign_key("channels_parent_fk")


def test_level_is_not_for_a_client_to_write(channel: Channel) -> None:
    refusal = refused("UPDATE channels SET level = 0 WHERE id = %s", channel.id)

    assert refusal.sqlstate == "428C9"


def test_text_channel_may_become_an_announcement_channel(thread: Channel) -> None:
    execute("UPDATE channels SET kind = 'announcement' WHERE id = %s", thread.parent_id)

    assert value("SELECT kind FROM channels WHERE id = %s", thread.parent_id) == "announcement"


@pytest.mark.parametrize(
    ("column", "wrong", "constraint"),
    [
        ("kind", "'forum'", "channels_kind_ck"),
        ("name", "''", "channels_name_ck"),
        ("position", "-1", "channels_position_ck"),
        ("slowmode_seconds", "-1", "channels_slowmode_seconds_ck"),
        ("slowmode_seconds", "21601", "channels_slowmode_seconds_ck"),
    ],
)
def test_channel_keeps_its_limits(column: str, wrong: str, constraint: str) -> None:
    channel = ChannelFactory.create()

    refusal = refused(f"UPDATE channels SET {column} = {wrong} WHERE id = %s", channel.id)

    assert refusal == by_check(constraint)


@pytest.mark.parametrize(("column", "length"), [("name", 101), ("topic", 1025)])
def test_channel_keeps_its_lengths(column: str, length: int) -> None:
    channel = ChannelFactory.create()

    refusal = refused(
        f"UPDATE channels SET {column} = repeat('x', %s) WHERE id = %s", length, channel.id
    )

    assert refusal.sqlstate == "22001"
