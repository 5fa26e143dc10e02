"""No row crosses from one server or conversation into another, at its birth or later."""

from uuid import uuid4

import pytest
from django.db.models import Model

from tests.chat.sql import by_foreign_key, refused, rows
from tests.chat.test_factories import FACTORIES
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MemberRoleFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

TENANT_COLUMNS = [
    (model, column)
    for model in FACTORIES
    for column in ("server_id", "conversation_id", "space_id")
    if column in {field.attname for field in model._meta.concrete_fields}
]


def test_role_of_another_server_cannot_be_given() -> None:
    member, foreign_role = ServerMemberFactory.create(), RoleFactory.create()

    refusal = refused(
        "INSERT INTO member_roles (server_id, user_id, role_id) VALUES (%s, %s, %s)",
        member.server_id,
        member.user_id,
        foreign_role.id,
    )

    assert refusal == by_foreign_key("member_roles_role_fk")


def test_role_cannot_be_given_to_a_stranger() -> None:
    role, stranger = RoleFactory.create(), UserFactory.create()

    refusal = refused(
        "INSERT INTO member_roles (server_id, user_id, role_id) VALUES (%s, %s, %s)",
        role.server_id,
        stranger.id,
        role.id,
    )

    assert refusal == by_foreign_key("member_roles_member_fk")


def test_given_role_cannot_be_exchanged_for_one_of_another_server() -> None:
    given, foreign_role = MemberRoleFactory.create(), RoleFactory.create()

    refusal = refused(
        "UPDATE member_roles SET role_id = %s WHERE id = %s", foreign_role.id, given.id
    )

    assert refusal == by_foreign_key("member_roles_role_fk")


def test_overwrite_cannot_name_a_channel_of_another_server() -> None:
    role, foreign_channel = RoleFactory.create(), ChannelFactory.create()

    refusal = refused(
        "INSERT INTO channel_permissions (server_id, channel_id, role_id) VALUES (%s, %s, %s)",
        role.server_id,
        foreign_channel.id,
        role.id,
    )

    assert refusal == by_foreign_key("channel_permissions_channel_fk")


def test_overwrite_cannot_name_a_role_of_another_server() -> None:
    channel, foreign_role = ChannelFactory.create(), RoleFactory.create()

    refusal = refused(
        "INSERT INTO channel_permissions (server_id, channel_id, role_id) VALUES (%s, %s, %s)",
        channel.server_id,
        channel.id,
        foreign_role.id,
    )

    assert refusal == by_foreign_key("channel_permissions_role_fk")


def test_message_cannot_stand_in_a_channel_of_another_server() -> None:
    server, foreign_channel, author = (
        ServerFactory.create(),
        ChannelFactory.create(),
        UserFactory.create(),
    )

    refusal = refused(
        "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)",
        server.id,
        foreign_channel.id,
        author.id,
    )

    assert refusal == by_foreign_key("messages_channel_fk")


def test_mention_cannot_claim_another_server() -> None:
    message, foreign_server = MessageFactory.create(), ServerFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq) VALUES (%s, %s, %s)",
        foreign_server.id,
        message.channel_id,
        message.seq,
    )

    assert refusal == by_foreign_key("mentions_message_fk")


def test_mention_cannot_name_a_role_of_another_server() -> None:
    message, foreign_role = MessageFactory.create(), RoleFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq, role_id) VALUES (%s, %s, %s, %s)",
        message.server_id,
        message.channel_id,
        message.seq,
        foreign_role.id,
    )

    assert refusal == by_foreign_key("mentions_role_fk")


def test_mention_cannot_claim_a_channel_of_another_server() -> None:
    message, foreign_message = MessageFactory.create(), MessageFactory.create()

    refusal = refused(
        "INSERT INTO mentions (server_id, channel_id, seq) VALUES (%s, %s, 1)",
        message.server_id,
        foreign_message.channel_id,
    )

    assert refusal == by_foreign_key("mentions_message_fk")


def test_reaction_cannot_claim_another_server() -> None:
    message, foreign_server = MessageFactory.create(), ServerFactory.create()

    refusal = refused(
        "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, '⚓')",
        foreign_server.id,
        message.id,
        foreign_server.owner_id,
    )

    assert refusal == by_foreign_key("reactions_message_fk")


def test_reaction_cannot_claim_another_conversation() -> None:
    post = DirectMessageFactory.create()
    # One in which the same user takes part, lest they are refused as a stranger.
    elsewhere = DirectConversationFactory.create(pair_low=post.author)

    refusal = refused(
        "INSERT INTO reactions (space_id, direct_message_id, user_id, emoji) "
        "VALUES (%s, %s, %s, '⚓')",
        elsewhere.id,
        post.id,
        post.author_id,
    )

    assert refusal == by_foreign_key("reactions_direct_fk")


def test_read_state_cannot_name_a_channel_of_another_server() -> None:
    member, foreign_channel = ServerMemberFactory.create(), ChannelFactory.create()

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id) VALUES (%s, %s, %s)",
        member.server_id,
        member.user_id,
        foreign_channel.id,
    )

    assert refusal == by_foreign_key("read_states_channel_fk")


def test_read_state_cannot_belong_to_a_stranger() -> None:
    channel, stranger = ChannelFactory.create(), UserFactory.create()

    refusal = refused(
        "INSERT INTO read_states (server_id, user_id, channel_id) VALUES (%s, %s, %s)",
        channel.server_id,
        stranger.id,
        channel.id,
    )

    assert refusal == by_foreign_key("read_states_member_fk")


def test_invite_cannot_lead_to_a_channel_of_another_server() -> None:
    server, foreign_channel = ServerFactory.create(), ChannelFactory.create()

    refusal = refused(
        "INSERT INTO invites (server_id, channel_id, code, creator_id) "
        "VALUES (%s, %s, 'aboard', %s)",
        server.id,
        foreign_channel.id,
        server.owner_id,
    )

    assert refusal == by_foreign_key("invites_channel_fk")


@pytest.mark.parametrize(
    ("model", "column"),
    TENANT_COLUMNS,
    ids=[f"{model._meta.db_table}.{column}" for model, column in TENANT_COLUMNS],
)
def test_row_does_not_move_to_another_tenant(model: type[Model], column: str) -> None:
    table = model._meta.db_table
    row = FACTORIES[model].create()
    elsewhere = (
        DirectMessageFactory.create().conversation_id
        if column == "conversation_id"
        else ServerFactory.create().id
    )

    refusal = refused(f"UPDATE {table} SET {column} = %s WHERE id = %s", elsewhere, row.pk)

    assert refusal.sqlstate == "23514"
    assert refusal.constraint == {
        "audit_log": "audit_log_append_only",
        "direct_messages": "direct_messages_place_fixed",
        "discarded_files": "discarded_files_fixed",
        "message_revisions": "message_revisions_fixed",
        "messages": "messages_place_fixed",
    }.get(table, f"{table}_tenant_fixed")


def test_every_tenant_column_of_the_database_is_tried_and_filled() -> None:
    columns = rows(
        "SELECT table_name, column_name, is_nullable FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND column_name IN ('server_id', 'conversation_id', 'space_id')"
    )

    assert {(table, column) for table, column, _ in columns} == {
        (model._meta.db_table, column) for model, column in TENANT_COLUMNS
    }
    assert {nullable for *_, nullable in columns} == {"NO"}


def test_tenant_that_does_not_exist_is_refused() -> None:
    member = ServerMemberFactory.create()

    refusal = refused(
        "INSERT INTO server_members (server_id, user_id) VALUES (%s, %s)", uuid4(), member.user_id
    )

    assert refusal == by_foreign_key("server_members_server_fk")
