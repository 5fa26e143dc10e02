"""Direct conversations: one for each pair, no third in it, and only who takes part writes."""

from uuid import UUID

import pytest

from chat.ids import direct_pair_id
from chat.models import DirectConversation, User
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused, rows, value
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    DirectParticipantFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OPEN = "INSERT INTO direct_conversations (id, pair_low_id, pair_high_id) VALUES (%s, %s, %s)"
JOIN = "INSERT INTO direct_participants (conversation_id, user_id) VALUES (%s, %s)"
WRITE = "INSERT INTO direct_messages (conversation_id, author_id, content) VALUES (%s, %s, 'ahoy')"


@pytest.fixture
def pair() -> DirectConversation:
    return DirectConversationFactory.create()


@pytest.fixture
def stranger() -> User:
    return UserFactory.create()


def test_second_conversation_of_a_pair_is_refused(pair: DirectConversation) -> None:
    refusal = refused(OPEN, pair.id, pair.pair_low_id, pair.pair_high_id)

    assert refusal == by_unique_key("direct_conversations_pkey")


def test_pair_with_the_higher_id_first_is_refused(pair: DirectConversation) -> None:
    execute("DELETE FROM direct_conversations WHERE id = %s", pair.id)

    refusal = refused(OPEN, pair.id, pair.pair_high_id, pair.pair_low_id)

    assert refusal == by_check("direct_conversations_shape_ck")


def test_pair_asked_for_the_other_way_round_has_the_same_id(pair: DirectConversation) -> None:
    assert value("SELECT direct_pair_id(%s, %s)", pair.pair_high_id, pair.pair_low_id) == pair.id


def test_pair_with_an_id_of_its_own_is_refused(stranger: User) -> None:
    other = UserFactory.create()
    low, high = sorted((stranger.id, other.id))

    refusal = refused(
        "INSERT INTO direct_conversations (pair_low_id, pair_high_id) VALUES (%s, %s)", low, high
    )

    assert refusal == by_check("direct_conversations_pair_ck")


def test_group_does_not_take_the_id_of_a_pair(stranger: User) -> None:
    one, other = UserFactory.create_batch(2)

    refusal = refused(
        "INSERT INTO direct_conversations (id, kind, owner_id) VALUES (%s, 'group', %s)",
        direct_pair_id(one.id, other.id),
        stranger.id,
    )

    assert refusal == by_check("direct_conversations_pair_ck")


def test_pair_keeps_its_id(pair: DirectConversation) -> None:
    refusal = refused("UPDATE direct_conversations SET id = uuidv7() WHERE id = %s", pair.id)

    assert refusal == by_check("direct_conversations_pair_ck")


def test_pair_does_not_change_its_users(pair: DirectConversation, stranger: User) -> None:
    refusal = refused(
        "UPDATE direct_conversations SET pair_high_id = %s WHERE id = %s", stranger.id, pair.id
    )

    assert refusal == by_check("direct_conversations_pair_ck")


def test_pair_does_not_become_a_group(pair: DirectConversation) -> None:
    refusal = refused(
        "UPDATE direct_conversations SET kind = 'group', pair_low_id = NULL, pair_high_id = NULL "
        "WHERE id = %s",
        pair.id,
    )

    assert refusal == by_check("direct_conversations_kind_fixed")


@pytest.mark.parametrize(
    "assignment", ["name = 'crew'", "owner_id = pair_low_id", "pair_low_id = NULL"]
)
def test_pair_has_two_users_and_nothing_of_a_group(
    pair: DirectConversation, assignment: str
) -> None:
    refusal = refused(f"UPDATE direct_conversations SET {assignment} WHERE id = %s", pair.id)

    assert refusal == by_check("direct_conversations_shape_ck")


def test_group_has_no_pair(stranger: User) -> None:
    group = DirectConversationFactory.create(group=True)

    refusal = refused(
        "UPDATE direct_conversations SET pair_low_id = %s, pair_high_id = %s WHERE id = %s",
        stranger.id,
        stranger.id,
        group.id,
    )

    assert refusal == by_check("direct_conversations_shape_ck")


def test_somebody_can_write_to_themselves(stranger: User) -> None:
    execute(OPEN, direct_pair_id(stranger.id, stranger.id), stranger.id, stranger.id)

    assert value("SELECT kind FROM direct_conversations") == "pair"


def test_python_and_the_database_agree_on_the_id_of_a_pair() -> None:
    pairs = rows(
        "SELECT one, other, direct_pair_id(one, other), direct_pair_id(other, one) "
        "FROM (SELECT gen_random_uuid() AS one, gen_random_uuid() AS other "
        "FROM generate_series(1, 200)) AS pairs"
    )

    assert len(pairs) == 200
    assert [
        (one, other)
        for one, other, forth, back in pairs
        if not forth == back == direct_pair_id(one, other) == direct_pair_id(other, one)
    ] == []


def test_id_of_a_pair_is_the_one_that_other_clients_compute() -> None:
    low, high = UUID(int=1), UUID(int=2)

    # The first 16 bytes of SHA-256 over both, with version 8 and its variant put in.
    assert direct_pair_id(high, low) == UUID("78d68721-debb-823c-b880-232869a63e25")


def test_third_in_a_pair_is_refused(pair: DirectConversation, stranger: User) -> None:
    assert refused(JOIN, pair.id, stranger.id) == by_check("direct_participants_pair")


def test_participation_is_not_handed_to_another(pair: DirectConversation, stranger: User) -> None:
    refusal = refused(
        "UPDATE direct_participants SET user_id = %s WHERE conversation_id = %s AND user_id = %s",
        stranger.id,
        pair.id,
        pair.pair_low_id,
    )

    assert refusal == by_check("direct_participants_tenant_fixed")


def test_user_takes_part_once(pair: DirectConversation) -> None:
    assert refused(JOIN, pair.id, pair.pair_low_id) == by_unique_key("direct_participants_uq")


def test_group_takes_a_third(stranger: User) -> None:
    group = DirectParticipantFactory.create().conversation

    execute(JOIN, group.id, stranger.id)

    assert value("SELECT count(*) FROM direct_participants") == 3


def test_stranger_cannot_write(pair: DirectConversation, stranger: User) -> None:
    assert refused(WRITE, pair.id, stranger.id) == by_foreign_key("direct_messages_author_fk")


def test_who_left_writes_no_more(pair: DirectConversation) -> None:
    execute(
        "UPDATE direct_participants SET left_at = now() "
        "WHERE conversation_id = %s AND user_id = %s",
        pair.id,
        pair.pair_low_id,
    )

    refusal = refused(WRITE, pair.id, pair.pair_low_id)

    assert refusal == by_check("direct_messages_participant")
    assert execute(WRITE, pair.id, pair.pair_high_id) == 1


def test_who_wrote_cannot_be_struck_from_the_conversation() -> None:
    post = DirectMessageFactory.create()

    refusal = refused("DELETE FROM direct_participants WHERE user_id = %s", post.author_id)

    assert refusal == by_foreign_key("direct_messages_author_fk")


def test_message_in_no_conversation_is_refused(stranger: User) -> None:
    assert refused(WRITE, stranger.id, stranger.id) == by_foreign_key(
        "direct_messages_conversation_fk"
    )


def test_direct_messages_are_numbered_by_conversation(pair: DirectConversation) -> None:
    DirectMessageFactory.create()

    execute(WRITE, pair.id, pair.pair_low_id)
    execute(WRITE, pair.id, pair.pair_high_id)

    assert rows(
        "SELECT seq FROM direct_messages WHERE conversation_id = %s ORDER BY seq", pair.id
    ) == [(1,), (2,)]


def test_direct_message_is_not_deleted_without_a_purge() -> None:
    post = DirectMessageFactory.create()

    refusal = refused("DELETE FROM direct_messages WHERE id = %s", post.id)

    assert refusal == by_check("direct_messages_place_kept")


def test_direct_reply_into_another_conversation_is_refused(pair: DirectConversation) -> None:
    DirectMessageFactory.create(conversation=pair)
    DirectMessageFactory.create_batch(2)
    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM direct_messages WHERE conversation_id = %s", pair.id)

    refusal = refused(
        "INSERT INTO direct_messages (conversation_id, author_id, reply_to_seq) VALUES (%s, %s, 1)",
        pair.id,
        pair.pair_low_id,
    )

    assert refusal == by_foreign_key("direct_messages_reply_fk")


def test_conversation_counter_that_a_client_writes_is_ignored() -> None:
    DirectMessageFactory.create()
    before = rows("SELECT last_seq, last_message_at FROM direct_conversations")

    execute("UPDATE direct_conversations SET last_seq = 99, last_message_at = NULL")

    assert rows("SELECT last_seq, last_message_at FROM direct_conversations") == before


def test_conversation_starts_at_zero_whatever_a_client_writes() -> None:
    execute("INSERT INTO direct_conversations (kind, last_seq) VALUES ('group', 41)")

    assert value("SELECT last_seq FROM direct_conversations") == 0


def test_conversation_with_messages_cannot_be_deleted() -> None:
    post = DirectMessageFactory.create()

    refusal = refused("DELETE FROM direct_conversations WHERE id = %s", post.conversation_id)

    assert refusal.sqlstate == "23503"
    assert refusal.constraint in {"direct_messages_conversation_fk", "direct_messages_author_fk"}


@pytest.mark.parametrize("seq", [2, 3, 0, -1])
def test_direct_reply_names_a_message_before_it(seq: int) -> None:
    post = DirectMessageFactory.create()

    refusal = refused(
        "INSERT INTO direct_messages (conversation_id, author_id, reply_to_seq) "
        "VALUES (%s, %s, %s)",
        post.conversation_id,
        post.author_id,
        seq,
    )

    assert refusal == by_check("direct_messages_reply_ck")
