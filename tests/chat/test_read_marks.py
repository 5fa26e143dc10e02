"""A read mark moves forward only and never passes the newest message."""

from __future__ import annotations

import pytest

from chat.models import DirectParticipant, ReadState
from tests.chat.sql import by_check, by_unique_key, execute, refused, value
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MessageFactory,
    ReadStateFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

TABLES = ["read_states", "direct_participants"]


@pytest.fixture(params=TABLES)
def table(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def mark(table: str) -> ReadState | DirectParticipant:
    """Somebody who has read two of three messages."""
    if table == "read_states":
        channel = ChannelFactory.create()
        MessageFactory.create_batch(3, channel=channel)
        return ReadStateFactory.create(channel=channel, last_read_seq=2)
    conversation = DirectConversationFactory.create()
    DirectMessageFactory.create_batch(3, conversation=conversation)
    execute("UPDATE direct_participants SET last_read_seq = 2")
    return DirectParticipant.objects.get(user=conversation.pair_high)


@pytest.mark.parametrize("seq", [1, 0, -1])
def test_mark_does_not_move_back(table: str, mark: ReadState | DirectParticipant, seq: int) -> None:
    refusal = refused(f"UPDATE {table} SET last_read_seq = %s WHERE id = %s", seq, mark.id)

    assert refusal == by_check(f"{table}_mark_moves")


def test_mark_does_not_pass_the_newest_message(
    table: str, mark: ReadState | DirectParticipant
) -> None:
    refusal = refused(f"UPDATE {table} SET last_read_seq = 4 WHERE id = %s", mark.id)

    assert refusal == by_check(f"{table}_mark_moves")


def test_mark_moves_to_the_newest_message(table: str, mark: ReadState | DirectParticipant) -> None:
    execute(f"UPDATE {table} SET last_read_seq = 3 WHERE id = %s", mark.id)

    assert value(f"SELECT last_read_seq FROM {table} WHERE id = %s", mark.id) == 3


def test_mark_stays_where_it_is_when_something_else_changes(
    table: str, mark: ReadState | DirectParticipant
) -> None:
    execute(f"UPDATE {table} SET last_read_seq = 2, muted_until = now() WHERE id = %s", mark.id)

    assert value(f"SELECT last_read_seq FROM {table} WHERE id = %s", mark.id) == 2


def test_mark_in_a_channel_does_not_start_past_the_newest_message() -> None:
    channel = MessageFactory.create().channel
    reader = ServerMemberFactory.create(server=channel.server)

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id, last_read_seq) "
        "VALUES (%s, %s, %s, 2)",
        channel.server_id,
        reader.user_id,
        channel.id,
    )

    assert refusal == by_check("read_states_mark_starts")


def test_mark_in_a_conversation_does_not_start_past_the_newest_message() -> None:
    group, reader = DirectConversationFactory.create(group=True), UserFactory.create()

    refusal = refused(
        "INSERT INTO direct_participants (conversation_id, user_id, last_read_seq) "
        "VALUES (%s, %s, 1)",
        group.id,
        reader.id,
    )

    assert refusal == by_check("direct_participants_mark_starts")


def test_upsert_does_not_move_a_mark_back() -> None:
    channel = ChannelFactory.create()
    MessageFactory.create_batch(2, channel=channel)
    state = ReadStateFactory.create(channel=channel, last_read_seq=2)

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id, last_read_seq) "
        "VALUES (%s, %s, %s, 1) ON CONFLICT (server_id, user_id, channel_id) "
        "DO UPDATE SET last_read_seq = EXCLUDED.last_read_seq",
        state.server_id,
        state.user_id,
        state.channel_id,
    )

    assert refusal == by_check("read_states_mark_moves")


def test_mark_does_not_start_below_zero() -> None:
    state = ReadStateFactory.create()
    execute("DELETE FROM read_states WHERE id = %s", state.id)

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id, last_read_seq) "
        "VALUES (%s, %s, %s, -1)",
        state.server_id,
        state.user_id,
        state.channel_id,
    )

    assert refusal == by_check("read_states_last_read_seq_ck")


def test_mark_in_a_conversation_does_not_start_below_zero() -> None:
    refusal = refused(
        "INSERT INTO direct_participants (conversation_id, user_id, last_read_seq) "
        "VALUES (%s, %s, -1)",
        DirectConversationFactory.create(group=True).id,
        UserFactory.create().id,
    )

    assert refusal == by_check("direct_participants_last_read_seq_ck")


def test_member_has_one_mark_in_a_channel() -> None:
    state = ReadStateFactory.create()

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id) VALUES (%s, %s, %s)",
        state.server_id,
        state.user_id,
        state.channel_id,
    )

    assert refusal == by_unique_key("read_states_uq")


@pytest.mark.parametrize("column", ["user_id", "channel_id"])
def test_mark_is_not_moved_to_another_member_or_channel(column: str) -> None:
    state = ReadStateFactory.create()
    other = ReadStateFactory.create(channel=ChannelFactory.create(server=state.server))

    refusal = refused(
        f"UPDATE read_states SET {column} = %s WHERE id = %s", getattr(other, column), state.id
    )

    assert refusal == by_check("read_states_tenant_fixed")


def test_member_is_notified_in_one_of_three_ways() -> None:
    state = ReadStateFactory.create()

    refusal = refused("UPDATE read_states SET notify = 'loudly' WHERE id = %s", state.id)

    assert refusal == by_check("read_states_notify_ck")
