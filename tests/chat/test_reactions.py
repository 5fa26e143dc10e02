"""Reactions: each under one message, by a member of the server or who takes part."""

import pytest

from chat.models import Channel, Message
from tests.chat.sql import by_check, by_unique_key, execute, refused, value
from tests.factories import DirectConversationFactory, MessageFactory, ReactionFactory, UserFactory

pytestmark = pytest.mark.django_db

REACT = "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')"


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def test_reaction_is_under_a_message() -> None:
    message = MessageFactory.create()

    refusal = refused(REACT, message.space_id, None, message.author_id)

    assert refusal.sqlstate == "23502"


@pytest.mark.parametrize("column", ["message_id", "user_id"])
def test_reaction_stays_under_its_message_and_whose_it_is(message: Message, column: str) -> None:
    reaction = ReactionFactory.create(message=message)
    other = ReactionFactory.create(message__channel=message.channel)

    refusal = refused(
        f"UPDATE reactions SET {column} = %s WHERE id = %s",
        other.message_id if column == "message_id" else UserFactory.create().id,
        reaction.id,
    )

    assert refusal == by_check("reactions_tenant_fixed")


def test_only_who_is_a_member_or_takes_part_reacts(message: Message) -> None:
    stranger = UserFactory.create()

    assert refused(REACT, message.space_id, message.id, stranger.id) == by_check(
        "reactions_participant"
    )

    assert execute(REACT, message.space_id, message.id, message.author_id) == 1


def test_who_left_a_group_reacts_no_more() -> None:
    message = MessageFactory.create(channel=DirectConversationFactory.create(group=True))
    execute("UPDATE participants SET left_at = now()")

    refusal = refused(REACT, message.space_id, message.id, message.author_id)

    assert refusal == by_check("reactions_participant")


def test_emoji_is_put_once_by_each_user(message: Message) -> None:
    reaction = ReactionFactory.create(message=message)

    refusal = refused(REACT, reaction.space_id, reaction.message_id, reaction.user_id)

    assert refusal == by_unique_key("reactions_uq")
    assert value("SELECT count(*) FROM reactions") == 1


def test_reaction_has_an_emoji() -> None:
    reaction = ReactionFactory.create()

    refusal = refused("UPDATE reactions SET emoji = '' WHERE id = %s", reaction.id)

    assert refusal == by_check("reactions_emoji_ck")
