"""Reactions: each under one message, and under a direct message by who takes part."""

import pytest

from tests.chat.sql import (
    by_check,
    by_unique_key,
    execute,
    refused,
    rows,
)
from tests.factories import (
    DirectMessageFactory,
    MessageFactory,
    ReactionFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

REACT = "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')"
REACT_DIRECTLY = (
    "INSERT INTO reactions (space_id, direct_message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')"
)


def test_reaction_under_both_kinds_of_message_is_refused() -> None:
    message, post = MessageFactory.create(), DirectMessageFactory.create()

    refusal = refused(
        "INSERT INTO reactions (space_id, message_id, direct_message_id, user_id, emoji) "
        "VALUES (%s, %s, %s, %s, '⚓')",
        post.conversation_id,
        message.id,
        post.id,
        post.author_id,
    )

    assert refusal == by_check("reactions_target_ck")


def test_reaction_under_no_message_is_refused() -> None:
    message = MessageFactory.create()

    refusal = refused(REACT, message.server_id, None, message.author_id)

    assert refusal == by_check("reactions_target_ck")


def test_reaction_stays_under_its_message() -> None:
    reaction = ReactionFactory.create()
    other = MessageFactory.create(channel=reaction.message.channel)

    refusal = refused("UPDATE reactions SET message_id = %s WHERE id = %s", other.id, reaction.id)

    assert refusal == by_check("reactions_tenant_fixed")


def test_reaction_stays_under_its_direct_message() -> None:
    reaction = ReactionFactory.create(direct=True)
    other = DirectMessageFactory.create(conversation=reaction.direct_message.conversation)

    refusal = refused(
        "UPDATE reactions SET direct_message_id = %s WHERE id = %s", other.id, reaction.id
    )

    assert refusal == by_check("reactions_tenant_fixed")


def test_reaction_is_not_put_down_to_another() -> None:
    reaction, victim = ReactionFactory.create(), UserFactory.create()

    refusal = refused("UPDATE reactions SET user_id = %s WHERE id = %s", victim.id, reaction.id)

    assert refusal == by_check("reactions_tenant_fixed")


def test_stranger_does_not_react_to_a_direct_message() -> None:
    post, stranger = DirectMessageFactory.create(), UserFactory.create()

    refusal = refused(REACT_DIRECTLY, post.conversation_id, post.id, stranger.id)

    assert refusal == by_check("reactions_participant")


def test_who_left_reacts_no_more() -> None:
    post = DirectMessageFactory.create()
    execute("UPDATE direct_participants SET left_at = now() WHERE user_id = %s", post.author_id)

    refusal = refused(REACT_DIRECTLY, post.conversation_id, post.id, post.author_id)

    assert refusal == by_check("reactions_participant")


def test_the_other_of_a_pair_reacts() -> None:
    post = DirectMessageFactory.create()
    other = post.conversation.pair_high_id

    execute(REACT_DIRECTLY, post.conversation_id, post.id, other)

    assert rows("SELECT user_id FROM reactions") == [(other,)]


@pytest.mark.parametrize(("direct", "key"), [(False, "message_uq"), (True, "direct_uq")])
def test_emoji_is_put_once_by_each_user(direct: bool, key: str) -> None:
    reaction = ReactionFactory.create(direct=direct)

    refusal = refused(
        "INSERT INTO reactions (space_id, message_id, direct_message_id, user_id, emoji) "
        "SELECT space_id, message_id, direct_message_id, user_id, emoji FROM reactions "
        "WHERE id = %s",
        reaction.id,
    )

    assert refusal == by_unique_key(f"reactions_{key}")


def test_reaction_has_an_emoji() -> None:
    reaction = ReactionFactory.create()

    refusal = refused("UPDATE reactions SET emoji = '' WHERE id = %s", reaction.id)

    assert refusal == by_check("reactions_emoji_ck")
