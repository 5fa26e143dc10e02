"""Whoever a row names exists."""

from uuid import UUID, uuid4

import pytest
from django.db.models import Model

from chat.ids import direct_pair_id
from chat.models import User
from tests.chat.sql import by_foreign_key, refused
from tests.chat.test_factories import FACTORIES
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

# What has to change along, lest a CHECK speaks first.
ALONG: dict[str | tuple[str, str], str] = {
    ("channel_permissions", "user_id"): ", role_id = NULL",
    "pinned_by_id": ", pinned_at = now()",
    "deleted_by_id": ", deleted_at = now()",
}
# Columns that refuse every change, this one for another reason, or this one at COMMIT; they are
# tried below, or where that is what a test is about.
NEVER_CHANGED = {
    ("admin_access_log", "actor_id"),
    ("audit_log", "actor_id"),
    ("bans", "user_id"),
    ("direct_conversations", "owner_id"),
    ("direct_conversations", "pair_high_id"),
    ("direct_conversations", "pair_low_id"),
    ("direct_messages", "author_id"),
    ("direct_participants", "user_id"),
    ("mentions", "user_id"),
    ("message_attachments", "uploader_id"),
    ("message_revisions", "editor_id"),
    ("messages", "author_id"),
    ("reactions", "user_id"),
    ("read_states", "user_id"),
    ("server_members", "user_id"),
    ("servers", "owner_id"),
}
REFERENCES = [
    (model, field.column)
    for model in FACTORIES
    for field in model._meta.concrete_fields
    if field.related_model is User and (model._meta.db_table, field.column) not in NEVER_CHANGED
]


@pytest.mark.parametrize(
    ("model", "column"),
    REFERENCES,
    ids=[f"{model._meta.db_table}.{column}" for model, column in REFERENCES],
)
def test_row_does_not_name_somebody_who_does_not_exist(model: type[Model], column: str) -> None:
    table = model._meta.db_table
    row = FACTORIES[model].create()
    along = ALONG.get((table, column)) or ALONG.get(column, "")

    refusal = refused(
        f"UPDATE {table} SET {column} = %s{along} WHERE {model._meta.pk.column} = %s",
        uuid4(),
        row.pk,
    )

    # A role is given to a member, and a member is somebody.
    name = "member" if table == "member_roles" else column.removesuffix("_id")
    assert refusal == by_foreign_key(f"{table}_{name}_fk")


def test_mention_does_not_name_a_user_who_does_not_exist() -> None:
    message = MessageFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq, user_id) VALUES (%s, %s, %s, %s)",
        message.server_id,
        message.channel_id,
        message.seq,
        uuid4(),
    )

    assert refusal == by_foreign_key("mentions_user_fk")


def test_file_does_not_name_an_uploader_who_does_not_exist() -> None:
    attachment = MessageAttachmentFactory.create(message=None, space_id=uuid4())

    refusal = refused(
        "UPDATE message_attachments SET uploader_id = %s WHERE id = %s", uuid4(), attachment.id
    )

    assert refusal == by_foreign_key("message_attachments_uploader_fk")


def test_log_does_not_name_an_actor_who_does_not_exist() -> None:
    refusal = refused(
        "INSERT INTO audit_log (server_id, actor_id, action) VALUES (%s, %s, 'role.update')",
        ServerFactory.create().id,
        uuid4(),
    )

    assert refusal == by_foreign_key("audit_log_actor_fk")


def test_somebody_who_does_not_exist_did_not_look() -> None:
    refusal = refused(
        "INSERT INTO admin_access_log (actor_id, action) VALUES (%s, 'direct_message.read')",
        uuid4(),
    )

    assert refusal == by_foreign_key("admin_access_log_actor_fk")


def test_somebody_who_does_not_exist_does_not_write() -> None:
    channel = ChannelFactory.create()

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)",
        channel.server_id,
        channel.id,
        uuid4(),
    )

    assert refusal == by_foreign_key("messages_author_fk")


def test_somebody_who_does_not_exist_does_not_write_in_a_conversation() -> None:
    refusal = refused(
        "INSERT INTO direct_messages (conversation_id, author_id) VALUES (%s, %s)",
        DirectConversationFactory.create().id,
        uuid4(),
    )

    assert refusal == by_foreign_key("direct_messages_author_fk")


def test_somebody_who_does_not_exist_does_not_react() -> None:
    message = MessageFactory.create()

    refusal = refused(
        "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')",
        message.server_id,
        message.id,
        uuid4(),
    )

    assert refusal == by_foreign_key("reactions_user_fk")


def test_somebody_who_does_not_exist_does_not_join() -> None:
    refusal = refused(
        "INSERT INTO server_members (server_id, user_id) VALUES (%s, %s)",
        ServerFactory.create().id,
        uuid4(),
    )

    assert refusal == by_foreign_key("server_members_user_fk")


def test_somebody_who_does_not_exist_is_not_banned() -> None:
    refusal = refused(
        "INSERT INTO bans (server_id, user_id) VALUES (%s, %s)", ServerFactory.create().id, uuid4()
    )

    assert refusal == by_foreign_key("bans_user_fk")


def test_somebody_who_does_not_exist_takes_no_part_in_a_group() -> None:
    refusal = refused(
        "INSERT INTO direct_participants (conversation_id, user_id) VALUES (%s, %s)",
        DirectConversationFactory.create(group=True).id,
        uuid4(),
    )

    assert refusal == by_foreign_key("direct_participants_user_fk")


def test_group_is_not_owned_by_somebody_who_does_not_exist() -> None:
    group = DirectConversationFactory.create(group=True)

    refusal = refused(
        "UPDATE direct_conversations SET owner_id = %s WHERE id = %s", uuid4(), group.id
    )

    assert refusal == by_foreign_key("direct_conversations_owner_fk")


@pytest.mark.parametrize("end", ["low", "high"])
def test_pair_is_not_opened_with_somebody_who_does_not_exist(end: str) -> None:
    somebody = UserFactory.create().id
    nobody = UUID(int=0) if end == "low" else UUID(int=2**128 - 1)

    refusal = refused(
        "INSERT INTO direct_conversations (id, pair_low_id, pair_high_id) VALUES (%s, %s, %s)",
        direct_pair_id(somebody, nobody),
        min(somebody, nobody),
        max(somebody, nobody),
    )

    assert refusal == by_foreign_key(f"direct_conversations_pair_{end}_fk")


def test_nobody_is_banned_from_a_server_that_does_not_exist() -> None:
    refusal = refused(
        "INSERT INTO bans (server_id, user_id) VALUES (%s, %s)", uuid4(), UserFactory.create().id
    )

    assert refusal == by_foreign_key("bans_server_fk")


def test_nobody_takes_part_in_a_conversation_that_does_not_exist() -> None:
    refusal = refused(
        "INSERT INTO direct_participants (conversation_id, user_id) VALUES (%s, %s)",
        uuid4(),
        UserFactory.create().id,
    )

    assert refusal == by_foreign_key("direct_participants_conversation_fk")
