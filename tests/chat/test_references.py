"""Whoever a row names exists."""

from uuid import UUID, uuid4

import pytest
from django.db.models import Model

from chat.db.ids import direct_pair_id
from chat.models import User
from tests.chat.sql import by_foreign_key, execute, refused
from tests.chat.test_factories import FACTORIES
from tests.factories import (
    DirectConversationFactory,
    MessageAttachmentFactory,
    MessageFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

# What has to change along, lest a CHECK speaks first.
ALONG: dict[str | tuple[str, str], str] = {
    ("channel_permissions", "user_id"): ", role_id = NULL",
    "pinned_by_id": ", pinned_at = now()",
    "deleted_by_id": ", deleted_at = now()",
}
# Columns that refuse every change, or this one for another reason; they are tried below, or where
# that is what a test is about.
NEVER_CHANGED = {
    ("admin_access_log", "actor_id"),
    ("audit_log", "actor_id"),
    ("bans", "user_id"),
    ("channels", "owner_id"),
    ("channels", "pair_high_id"),
    ("channels", "pair_low_id"),
    ("mentions", "user_id"),
    ("message_attachments", "uploader_id"),
    ("message_revisions", "editor_id"),
    ("messages", "author_id"),
    ("participants", "user_id"),
    ("reactions", "user_id"),
    ("read_states", "user_id"),
    ("server_members", "user_id"),
    ("servers", "owner_id"),
}
REFERENCES = [
    (model, field.column)
    for model in FACTORIES
    for field in model._meta.concrete_fields
    if field.related_model is User
    and not model._meta.proxy
    and (model._meta.db_table, field.column) not in NEVER_CHANGED
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


def test_nobody_who_does_not_exist_is_named_where_it_cannot_be_changed_either() -> None:
    message = MessageFactory.create()
    channel, server = message.channel, message.channel.server
    group = DirectConversationFactory.create(group=True)
    upload = MessageAttachmentFactory.create(message=None, space_id=server.id)
    # Else who does not exist is refused as a stranger.
    execute("SET LOCAL chat.import = 'on'")

    for key, statement, *params in (
        (
            "mentions_user_fk",
            "INSERT INTO mentions (space_id, channel_id, seq, user_id) VALUES (%s, %s, 1, %s)",
            server.id,
            channel.id,
        ),
        (
            "message_attachments_uploader_fk",
            "UPDATE message_attachments SET uploader_id = %s WHERE id = %s",
            uuid4(),
            upload.id,
        ),
        (
            "audit_log_actor_fk",
            "INSERT INTO audit_log (space_id, actor_id, action) VALUES (%s, %s, 'role.update')",
            server.id,
        ),
        (
            "admin_access_log_actor_fk",
            "INSERT INTO admin_access_log (actor_id, action) VALUES (%s, 'direct_message.read')",
        ),
        (
            "messages_author_fk",
            "INSERT INTO messages (space_id, channel_id, seq, author_id) VALUES (%s, %s, 2, %s)",
            server.id,
            channel.id,
        ),
        (
            "reactions_user_fk",
            (
                "INSERT INTO reactions (space_id, message_id, emoji, user_id)"
                " VALUES (%s, %s, '⚓', %s)"
            ),
            server.id,
            message.id,
        ),
        (
            "server_members_user_fk",
            "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)",
            server.id,
        ),
        ("bans_user_fk", "INSERT INTO bans (space_id, user_id) VALUES (%s, %s)", server.id),
        (
            "participants_user_fk",
            "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)",
            group.id,
        ),
        (
            "channels_owner_fk",
            "UPDATE channels SET owner_id = %s WHERE id = %s",
            uuid4(),
            group.id,
        ),
    ):
        nobody = [] if "UPDATE" in statement else [uuid4()]
        assert refused(statement, *params, *nobody) == by_foreign_key(key)


@pytest.mark.parametrize("end", ["low", "high"])
def test_pair_is_not_opened_with_somebody_who_does_not_exist(end: str) -> None:
    somebody = UserFactory.create().id
    nobody = UUID(int=0) if end == "low" else UUID(int=2**128 - 1)
    pair = direct_pair_id(somebody, nobody)

    refusal = refused(
        "INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id) "
        "VALUES (%s, %s, 'pair', '', %s, %s)",
        pair,
        pair,
        min(somebody, nobody),
        max(somebody, nobody),
    )

    assert refusal == by_foreign_key(f"channels_pair_{end}_fk")


def test_nobody_is_banned_or_takes_part_where_nothing_is() -> None:
    user = UserFactory.create().id

    for table, key in (("bans", "bans_server_fk"), ("participants", "participants_channel_fk")):
        assert refused(
            f"INSERT INTO {table} (space_id, user_id) VALUES (%s, %s)", uuid4(), user
        ) == by_foreign_key(key)
