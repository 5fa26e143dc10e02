"""Roles and overwrites: positions, masks, and one target each."""

import pytest

from chat.models import Channel, Role
from tests.chat.sql import by_check, by_unique_key, execute, refused, rows, value
from tests.factories import (
    ChannelFactory,
    ChannelPermissionFactory,
    MemberRoleFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
)

pytestmark = pytest.mark.django_db

TOO_LARGE = 2**53


@pytest.mark.parametrize("position", [-1, 250])
def test_role_stands_at_one_of_250_positions(position: int) -> None:
    role = RoleFactory.create()

    refusal = refused("UPDATE roles SET position = %s WHERE id = %s", position, role.id)

    assert refusal == by_check("roles_position_ck")


def test_highest_position_can_be_taken() -> None:
    role = RoleFactory.create(position=1)

    execute("UPDATE roles SET position = 249 WHERE id = %s", role.id)

    assert value("SELECT position FROM roles WHERE id = %s", role.id) == 249


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 0)])
def test_role_of_everyone_stays_everyones(old: int, new: int) -> None:
    role = RoleFactory.create(position=old)

    refusal = refused("UPDATE roles SET position = %s WHERE id = %s", new, role.id)

    assert refusal == by_check("roles_everyone_fixed")


def test_role_of_everyone_is_not_deleted() -> None:
    role = RoleFactory.create(position=0)

    refusal = refused("DELETE FROM roles WHERE id = %s", role.id)

    assert refusal == by_check("roles_everyone_kept")


def test_role_of_everyone_goes_with_its_server() -> None:
    role = RoleFactory.create(position=0)

    execute("DELETE FROM servers WHERE id = %s", role.server_id)

    assert value("SELECT count(*) FROM roles") == 0


def test_two_roles_can_change_places() -> None:
    mate = RoleFactory.create(position=1)
    bosun = RoleFactory.create(server=mate.server, position=2)

    execute("UPDATE roles SET position = 2 WHERE id = %s", mate.id)
    execute("UPDATE roles SET position = 1 WHERE id = %s", bosun.id)
    execute("SET CONSTRAINTS roles_position_uq IMMEDIATE")

    assert rows("SELECT name FROM roles WHERE space_id = %s ORDER BY position", mate.server_id) == [
        (bosun.name,),
        (mate.name,),
    ]


def test_two_servers_can_use_the_same_position() -> None:
    RoleFactory.create(position=1)

    RoleFactory.create(position=1)

    execute("SET CONSTRAINTS roles_position_uq IMMEDIATE")
    assert value("SELECT count(*) FROM roles WHERE position = 1") == 2


@pytest.mark.parametrize("permissions", [-1, TOO_LARGE])
def test_permissions_of_a_role_fit_a_number_of_javascript(permissions: int) -> None:
    role = RoleFactory.create()

    refusal = refused("UPDATE roles SET permissions = %s WHERE id = %s", permissions, role.id)

    assert refusal == by_check("roles_permissions_ck")


@pytest.mark.parametrize("color", [-1, 0x1000000])
def test_color_has_24_bits(color: int) -> None:
    role = RoleFactory.create()

    assert refused("UPDATE roles SET color = %s WHERE id = %s", color, role.id) == by_check(
        "roles_color_ck"
    )


def test_role_has_a_name() -> None:
    role = RoleFactory.create()

    refusal = refused("UPDATE roles SET name = '' WHERE id = %s", role.id)

    assert refusal == by_check("roles_name_ck")


def test_role_is_given_once() -> None:
    given = MemberRoleFactory.create()

    refusal = refused(
        "INSERT INTO member_roles (space_id, user_id, role_id) "
        "SELECT space_id, user_id, role_id FROM member_roles WHERE id = %s",
        given.id,
    )

    assert refusal == by_unique_key("member_roles_uq")


@pytest.fixture
def role() -> Role:
    return RoleFactory.create()


@pytest.fixture
def channel(role: Role) -> Channel:
    return ChannelFactory.create(server=role.server)


def test_overwrite_for_nobody_is_refused(channel: Channel) -> None:
    refusal = refused(
        "INSERT INTO channel_permissions (space_id, channel_id) VALUES (%s, %s)",
        channel.server_id,
        channel.id,
    )

    assert refusal == by_check("channel_permissions_target_ck")


def test_overwrite_for_a_role_and_a_member_at_once_is_refused(channel: Channel, role: Role) -> None:
    refusal = refused(
        "INSERT INTO channel_permissions (space_id, channel_id, role_id, user_id) "
        "VALUES (%s, %s, %s, %s)",
        channel.server_id,
        channel.id,
        role.id,
        channel.server.owner_id,
    )

    assert refusal == by_check("channel_permissions_target_ck")


def test_permission_cannot_be_allowed_and_denied_at_once() -> None:
    overwrite = ChannelPermissionFactory.create(allow=0b0110)

    refusal = refused(
        "UPDATE channel_permissions SET deny = %s WHERE id = %s", 0b1100, overwrite.id
    )

    assert refusal == by_check("channel_permissions_disjoint_ck")


@pytest.mark.parametrize("column", ["allow", "deny"])
@pytest.mark.parametrize("mask", [-1, TOO_LARGE])
def test_mask_of_an_overwrite_fits_a_number_of_javascript(column: str, mask: int) -> None:
    overwrite = ChannelPermissionFactory.create()

    refusal = refused(
        f"UPDATE channel_permissions SET {column} = %s WHERE id = %s", mask, overwrite.id
    )

    assert refusal == by_check("channel_permissions_mask_ck")


def test_second_overwrite_for_the_same_role_is_refused() -> None:
    overwrite = ChannelPermissionFactory.create()

    refusal = refused(
        "INSERT INTO channel_permissions (space_id, channel_id, role_id, allow) "
        "SELECT space_id, channel_id, role_id, 1 FROM channel_permissions WHERE id = %s",
        overwrite.id,
    )

    assert refusal == by_unique_key("channel_permissions_uq")


def test_second_overwrite_for_the_same_member_is_refused() -> None:
    member = ServerMemberFactory.create()
    channel = ChannelFactory.create(server=member.server)
    overwrite = ChannelPermissionFactory.create(channel=channel, role=None, user=member.user)

    refusal = refused(
        "INSERT INTO channel_permissions (space_id, channel_id, user_id, deny) "
        "SELECT space_id, channel_id, user_id, 1 FROM channel_permissions WHERE id = %s",
        overwrite.id,
    )

    assert refusal == by_unique_key("channel_permissions_uq")


@pytest.mark.one_machine("what is refused at COMMIT is an internal error there")
@pytest.mark.django_db(transaction=True)
def test_two_roles_at_one_position_are_refused_at_commit() -> None:
    server = ServerFactory.create()

    refusal = refused(
        "INSERT INTO roles (space_id, name, position) VALUES (%s, 'mate', 1), (%s, 'bosun', 1)",
        server.id,
        server.id,
    )

    assert refusal == by_unique_key("roles_position_uq")
