"""Mentions: of a user, of a role or of everyone, each once."""

import pytest

from chat.models import Channel, Message
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused
from tests.factories import DirectConversationFactory, MentionFactory, MessageFactory, RoleFactory

pytestmark = pytest.mark.django_db

INSERT = (
    "INSERT INTO mentions (space_id, channel_id, seq, user_id, role_id) VALUES (%s, %s, %s, %s, %s)"
)


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def test_mention_of_a_role_and_a_user_at_once_is_refused() -> None:
    message = MessageFactory.create()
    role = RoleFactory.create(server=message.channel.server)

    refusal = refused(
        INSERT, message.space_id, message.channel_id, message.seq, message.author_id, role.id
    )

    assert refusal == by_check("mentions_target_ck")


def test_in_a_conversation_no_role_is_mentioned() -> None:
    message = MessageFactory.create(channel=DirectConversationFactory.create())
    role = RoleFactory.create()

    refusal = refused(INSERT, message.space_id, message.channel_id, message.seq, None, role.id)

    assert refusal == by_foreign_key("mentions_role_fk")


@pytest.mark.parametrize(
    "assignment", ["user_id = uuidv7()", "seq = seq + 1", "created_at = now()"]
)
def test_mention_is_not_changed(assignment: str) -> None:
    mention = MentionFactory.create()

    refusal = refused(f"UPDATE mentions SET {assignment} WHERE id = %s", mention.id)

    assert refusal == by_check("mentions_tenant_fixed")


def test_everybody_and_each_user_is_mentioned_once(message: Message) -> None:
    place = message.space_id, message.channel_id, message.seq
    for user in (None, message.author_id):
        execute(INSERT, *place, user, None)

        assert refused(INSERT, *place, user, None) == by_unique_key("mentions_uq")
