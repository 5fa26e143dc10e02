"""Servers: the owner is a member, and what goes with whom."""

import pytest

from chat.db.ids import uuid7
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused, value
from tests.factories import (
    AuditLogEntryFactory,
    ChannelFactory,
    ChannelPermissionFactory,
    InviteFactory,
    MemberRoleFactory,
    MentionFactory,
    MessageFactory,
    ReadStateFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def test_whoever_makes_a_server_is_its_first_member() -> None:
    owner = UserFactory.create()

    execute(
        "INSERT INTO servers (id, space_id, name, owner_id) "
        "SELECT new, new, 'Harbour', %s FROM uuidv7() AS new",
        owner.id,
    )

    assert value("SELECT user_id FROM server_members") == owner.id


def test_server_is_a_space_of_its_own() -> None:
    insert = "INSERT INTO servers (id, space_id, name, owner_id) VALUES (%s, %s, 'Harbour', %s)"
    server = ServerFactory.create()

    for space in (uuid7(), server.id):
        assert refused(insert, uuid7(), space, server.owner_id).constraint in {
            "servers_space_ck",
            "servers_space_uq",
        }


def test_owner_is_a_member_at_every_statement() -> None:
    server, heir = ServerFactory.create(), UserFactory.create()
    leave = "DELETE FROM server_members WHERE user_id = %s"
    hand_over = "UPDATE servers SET owner_id = %s"

    assert refused(leave, server.owner_id) == by_foreign_key("servers_owner_fk")
    assert refused(hand_over, heir.id) == by_foreign_key("servers_owner_fk")

    ServerMemberFactory.create(server=server, user=heir)
    execute(hand_over, heir.id)
    assert execute(leave, server.owner_id) == 1


def test_nobody_joins_a_deleted_server_until_it_is_back() -> None:
    server, user = ServerFactory.create(), UserFactory.create()
    join = "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)"
    execute("UPDATE servers SET deleted_at = now()")

    assert refused(join, server.id, user.id) == by_check("server_members_server_open")

    execute("UPDATE servers SET deleted_at = NULL")
    assert execute(join, server.id, user.id) == 1


def test_no_channel_is_made_in_a_deleted_server_until_it_is_back() -> None:
    server = ServerFactory.create()
    make = "INSERT INTO channels (space_id, server_id, name) VALUES (%s, %s, 'pier')"
    execute("UPDATE servers SET deleted_at = now()")

    assert refused(make, server.id, server.id) == by_check("channels_server_open")

    execute("UPDATE servers SET deleted_at = NULL")
    assert execute(make, server.id, server.id) == 1


def test_user_is_a_member_once() -> None:
    member = ServerMemberFactory.create()

    refusal = refused(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)",
        member.server_id,
        member.user_id,
    )

    assert refusal == by_unique_key("server_members_uq")


@pytest.mark.parametrize("name", ["", "x"])
def test_server_has_a_name_of_two_characters_at_least(name: str) -> None:
    server = ServerFactory.create()

    refusal = refused("UPDATE servers SET name = %s WHERE id = %s", name, server.id)

    assert refusal == by_check("servers_name_ck")


def test_nickname_is_not_empty() -> None:
    member = ServerMemberFactory.create()

    refusal = refused("UPDATE server_members SET nickname = '' WHERE id = %s", member.id)

    assert refusal == by_check("server_members_nickname_ck")


def test_roles_and_read_states_go_with_the_member_and_messages_stay() -> None:
    member = ServerMemberFactory.create()
    channel = ChannelFactory.create(server=member.server)
    MemberRoleFactory.create(role=RoleFactory.create(server=member.server), user=member.user)
    ReadStateFactory.create(channel=channel, user=member.user)
    MessageFactory.create(channel=channel, author=member.user)

    execute("DELETE FROM server_members WHERE id = %s", member.id)

    assert value("SELECT count(*) FROM member_roles") == 0
    assert value("SELECT count(*) FROM read_states") == 0
    assert value("SELECT author_id FROM messages") == member.user_id


def test_member_of_two_servers_keeps_the_other() -> None:
    given = MemberRoleFactory.create()
    member = ServerMemberFactory.create(user=given.user)

    execute("DELETE FROM server_members WHERE id = %s", member.id)

    assert value("SELECT role_id FROM member_roles") == given.role_id


def test_what_names_a_role_goes_with_it() -> None:
    given = MemberRoleFactory.create()
    channel = ChannelFactory.create(server=given.server)
    ChannelPermissionFactory.create(channel=channel, role=given.role)
    MentionFactory.create(message=MessageFactory.create(channel=channel), role=given.role)

    execute("DELETE FROM roles WHERE id = %s", given.role_id)

    assert value("SELECT count(*) FROM member_roles") == 0
    assert value("SELECT count(*) FROM channel_permissions") == 0
    assert value("SELECT count(*) FROM mentions") == 0
    assert value("SELECT count(*) FROM messages") == 1


def test_what_names_an_empty_channel_goes_with_it() -> None:
    state = ReadStateFactory.create()
    ChannelPermissionFactory.create(channel=state.channel)
    InviteFactory.create(server=state.channel.server, channel=state.channel)

    execute("DELETE FROM channels WHERE id = %s", state.channel_id)

    assert value("SELECT count(*) FROM read_states") == 0
    assert value("SELECT count(*) FROM channel_permissions") == 0
    assert value("SELECT count(*) FROM invites") == 0


def test_channel_with_messages_cannot_be_deleted() -> None:
    message = MessageFactory.create()

    refusal = refused("DELETE FROM channels WHERE id = %s", message.channel_id)

    assert refusal == by_foreign_key("messages_channel_fk")


@pytest.mark.parametrize("purge", ["off", "on"])
def test_server_with_messages_cannot_be_deleted(purge: str) -> None:
    message = MessageFactory.create()
    execute(f"SET LOCAL chat.purge = '{purge}'")

    refusal = refused("DELETE FROM servers WHERE id = %s", message.space_id)

    assert refusal == by_foreign_key("messages_channel_fk")


def test_server_with_a_log_cannot_be_deleted() -> None:
    entry = AuditLogEntryFactory.create()

    refusal = refused("DELETE FROM servers WHERE id = %s", entry.server_id)

    assert refusal == by_foreign_key("audit_log_server_fk")


def test_server_that_was_never_used_takes_all_it_has_along() -> None:
    state = ReadStateFactory.create()
    MemberRoleFactory.create(role=RoleFactory.create(server=state.channel.server), user=state.user)
    InviteFactory.create(server=state.channel.server)
    others = ServerFactory.create()

    execute("DELETE FROM servers WHERE id = %s", state.space_id)

    assert value("SELECT count(*) FROM channels") == 0
    assert value("SELECT count(*) FROM roles") == 0
    assert value("SELECT count(*) FROM invites") == 0
    assert value("SELECT user_id FROM server_members") == others.owner_id


def test_purge_does_not_take_a_user_who_wrote() -> None:
    message = MessageFactory.create()
    execute("DELETE FROM server_members WHERE user_id = %s", message.author_id)
    execute("SET LOCAL chat.purge = 'on'")

    refusal = refused("DELETE FROM users WHERE id = %s", message.author_id)

    assert refusal == by_foreign_key("messages_author_fk")
