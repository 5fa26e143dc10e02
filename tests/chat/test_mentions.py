"""Mentions: of a user, of a role or of everyone, each once."""

import pytest

from tests.chat.sql import by_check, by_unique_key, refused
from tests.factories import MentionFactory, MessageFactory, RoleFactory

pytestmark = pytest.mark.django_db


def test_mention_of_a_role_and_a_user_at_once_is_refused() -> None:
    message = MessageFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq, user_id, role_id)"
        " VALUES (%s, %s, %s, %s, %s)",
        message.server_id,
        message.channel_id,
        message.seq,
        message.author_id,
        RoleFactory.create(server=message.server).id,
    )

    assert refusal == by_check("mentions_target_ck")


@pytest.mark.parametrize(
    "assignment", ["user_id = uuidv7()", "seq = seq + 1", "created_at = now()"]
)
def test_mention_is_not_changed(assignment: str) -> None:
    mention = MentionFactory.create()

    refusal = refused(f"UPDATE mentions SET {assignment} WHERE id = %s", mention.id)

    assert refusal == by_check("mentions_tenant_fixed")


def test_everyone_is_mentioned_once() -> None:
    mention = MentionFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq) "
        "SELECT server_id, channel_id, seq FROM mentions WHERE id = %s",
        mention.id,
    )

    assert refusal == by_unique_key("mentions_uq")
