"""No row crosses from one server or conversation into another, at its birth or later.

What test_attachments, test_conversations, test_messages, test_read_marks and test_replies try of
their own tables is there.
"""

from uuid import uuid4

import pytest
from django.db.models import Model

from chat.db.ids import uuid7
from chat.models import Channel
from tests.chat.sql import by_foreign_key, refused, rows
from tests.chat.test_factories import FACTORIES
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    InviteCodeFactory,
    MemberRoleFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

TENANTS = [
    model
    for model in FACTORIES
    if "space_id" in {field.column for field in model._meta.concrete_fields}
    and not model._meta.proxy
]
REFUSED_BY = {
    "audit_log": "audit_log_append_only",
    "channel_counters": "channel_counters_kept",
    "discarded_files": "discarded_files_fixed",
    "invite_codes": "invite_codes_kept",
    "message_revisions": "message_revisions_fixed",
    "messages": "messages_place_fixed",
    "servers": "servers_space_ck",
}


def test_role_is_given_to_a_member_of_its_server() -> None:
    give = "INSERT INTO member_roles (space_id, user_id, role_id) VALUES (%s, %s, %s)"
    member, foreign_role = ServerMemberFactory.create(), RoleFactory.create()
    given = MemberRoleFactory.create()

    assert refused(give, member.server_id, member.user_id, foreign_role.id) == by_foreign_key(
        "member_roles_role_fk"
    )
    assert refused(
        give, foreign_role.server_id, UserFactory.create().id, foreign_role.id
    ) == by_foreign_key("member_roles_member_fk")
    assert refused(
        "UPDATE member_roles SET role_id = %s WHERE id = %s", foreign_role.id, given.id
    ) == by_foreign_key("member_roles_role_fk")


def test_overwrite_is_for_a_role_in_a_channel_of_one_server() -> None:
    insert = "INSERT INTO channel_permissions (space_id, channel_id, role_id) VALUES (%s, %s, %s)"
    channel, foreign_role = ChannelFactory.create(), RoleFactory.create()

    assert refused(insert, foreign_role.server_id, channel.id, foreign_role.id) == by_foreign_key(
        "channel_permissions_channel_fk"
    )
    assert refused(insert, channel.space_id, channel.id, foreign_role.id) == by_foreign_key(
        "channel_permissions_role_fk"
    )


def test_mention_is_in_a_message_and_of_a_role_of_its_space(place: Channel) -> None:
    insert = "INSERT INTO mentions (space_id, channel_id, seq, role_id) VALUES (%s, %s, 1, %s)"
    message, foreign, role = (
        MessageFactory.create(channel=place),
        MessageFactory.create(),
        RoleFactory.create(),
    )

    for space, channel in (
        (foreign.space_id, place.id),
        (place.space_id, foreign.channel_id),
    ):
        assert refused(insert, space, channel, None) == by_foreign_key("mentions_message_fk")
    assert refused(insert, message.space_id, message.channel_id, role.id) == by_foreign_key(
        "mentions_role_fk"
    )


def test_reaction_cannot_claim_another_space(place: Channel) -> None:
    message = MessageFactory.create(channel=place)
    # Where the same user takes part or is a member, lest they are refused as a stranger.
    elsewhere = DirectConversationFactory.create(pair_low=message.author)

    for space in (elsewhere.id, ServerFactory.create(owner=message.author).id):
        assert refused(
            "INSERT INTO reactions (space_id, message_id, user_id, emoji) "
            "VALUES (%s, %s, %s, '⚓')",
            space,
            message.id,
            message.author_id,
        ) == by_foreign_key("reactions_message_fk")


def test_invite_cannot_lead_to_a_channel_of_another_server() -> None:
    server, foreign_channel = ServerFactory.create(), ChannelFactory.create()
    InviteCodeFactory.create(code="aboard", space_id=server.id)

    refusal = refused(
        "INSERT INTO invites (space_id, channel_id, code, creator_id) "
        "VALUES (%s, %s, 'aboard', %s)",
        server.id,
        foreign_channel.id,
        server.owner_id,
    )

    assert refusal == by_foreign_key("invites_channel_fk")


def test_conversation_has_nothing_of_a_server() -> None:
    group = DirectConversationFactory.create(group=True)
    owner = group.owner_id
    InviteCodeFactory.create(code="aboard", space_id=group.id)

    for table, statement in {
        "server_members": "INTO server_members (space_id, user_id) VALUES (%s, %s)",
        "roles": "INTO roles (space_id, name, position) SELECT %s, left(%s::text, 9), 1",
        "bans": "INTO bans (space_id, user_id) VALUES (%s, %s)",
        "invites": "INTO invites (space_id, creator_id, code) VALUES (%s, %s, 'aboard')",
        "audit_log": "INTO audit_log (space_id, actor_id, action) VALUES (%s, %s, 'x')",
    }.items():
        assert refused(f"INSERT {statement}", group.id, owner) == by_foreign_key(
            f"{table}_server_fk"
        )


@pytest.mark.one_machine("a cluster itself does not change what a row is spread by")
@pytest.mark.parametrize("model", TENANTS, ids=[model._meta.db_table for model in TENANTS])
def test_row_does_not_move_to_another_tenant(model: type[Model]) -> None:
    table = model._meta.db_table
    FACTORIES[model].create()

    refusal = refused(f"UPDATE {table} SET space_id = %s", uuid7())

    assert refusal.sqlstate == "23514"
    assert refusal.constraint == REFUSED_BY.get(table, f"{table}_tenant_fixed")


def test_every_tenant_column_of_the_database_is_tried_and_filled() -> None:
    columns = rows(
        "SELECT table_name, is_nullable FROM information_schema.columns "
        "JOIN information_schema.tables USING (table_schema, table_name) "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND column_name = 'space_id'"
    )

    assert set(columns) == {(model._meta.db_table, "NO") for model in TENANTS}


def test_tenant_that_does_not_exist_is_refused() -> None:
    refusal = refused(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)",
        uuid4(),
        UserFactory.create().id,
    )

    assert refusal == by_foreign_key("server_members_server_fk")
