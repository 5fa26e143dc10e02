"""Roles."""

import pytest

from chat.errors import InvalidInput, LimitReached, MissingPermission, NotVisible, RankTooLow
from chat.models import ChannelPermission, MemberRole, Role, Server, User
from chat.rules.permissions import Permission
from chat.services.channels import set_overwrite
from chat.services.roles import (
    create_role,
    delete_role,
    grant_role,
    move_role,
    revoke_role,
    update_role,
)
from tests.factories import UserFactory
from tests.services.communities import audit_log, new_member, new_role, new_server

pytestmark = pytest.mark.django_db

KEEPER = Permission.MANAGE_ROLES | Permission.MANAGE_MESSAGES


def order(server: Server) -> list[str]:
    """Return the names of the roles, lowest first, which stand at 0, 1, 2 …"""
    found = list(Role.objects.filter(server=server).order_by("position"))
    assert [role.position for role in found] == list(range(len(found)))
    return [role.name for role in found]


def named(server: Server, name: str) -> Role:
    return Role.objects.get(server=server, name=name)


@pytest.fixture
def server() -> Server:
    return new_server()


@pytest.fixture
def keeper(server: Server) -> User:
    """Has MANAGE_ROLES and MANAGE_MESSAGES, and stands above moderator and admin."""
    return new_member(server, new_role(server, KEEPER))


def test_new_role_is_the_lowest_above_everyones(server: Server) -> None:
    role = create_role(
        actor=server.owner, server=server, name="deckhand", color=0xFF0000, hoist=True
    )

    assert order(server) == ["member", "deckhand", "moderator", "admin"]
    role.refresh_from_db()
    assert (role.position, role.color, role.hoist, role.mentionable) == (1, 0xFF0000, True, False)
    assert audit_log(server) == [
        (
            "role.create",
            server.owner_id,
            role.id,
            {"name": [None, "deckhand"], "permissions": [None, 0]},
            "",
        )
    ]


def test_role_is_made_with_no_permission_that_the_maker_has_not(
    server: Server, keeper: User
) -> None:
    create_role(actor=keeper, server=server, name="mate", permissions=KEEPER)

    with pytest.raises(MissingPermission) as refusal:
        create_role(
            actor=keeper, server=server, name="boss", permissions=KEEPER | Permission.BAN_MEMBERS
        )

    assert refusal.value.missing == Permission.BAN_MEMBERS


def test_administrator_gives_every_permission(server: Server) -> None:
    admin = new_member(server, named(server, "admin"))

    role = create_role(
        actor=admin, server=server, name="boss", permissions=Permission.ADMINISTRATOR
    )

    assert role.permissions == Permission.ADMINISTRATOR


def test_who_manages_roles_by_everyones_alone_makes_none(server: Server) -> None:
    Role.objects.filter(server=server, position=0).update(permissions=int(Permission.MANAGE_ROLES))

    with pytest.raises(RankTooLow):
        create_role(actor=new_member(server), server=server, name="deckhand")


def test_the_250th_role_is_the_last(server: Server) -> None:
    Role.objects.bulk_create(
        Role(server=server, name=f"deck {n}", position=n) for n in range(3, 249)
    )
    create_role(actor=server.owner, server=server, name="last")

    with pytest.raises(LimitReached, match="There are 250 roles already") as refusal:
        create_role(actor=server.owner, server=server, name="one more")

    assert refusal.value.limit == 250


def test_role_is_changed_and_the_log_says_what(server: Server) -> None:
    role = named(server, "moderator")
    before = role.permissions

    update_role(actor=server.owner, role=role, name="mate", permissions=5, reason="Storm.")

    role.refresh_from_db()
    assert (role.name, role.permissions) == ("mate", 5)
    assert audit_log(server) == [
        (
            "role.update",
            server.owner_id,
            role.id,
            {"name": ["moderator", "mate"], "permissions": [before, 5]},
            "Storm.",
        )
    ]


def test_permission_that_one_has_not_is_neither_added_nor_taken(
    server: Server, keeper: User
) -> None:
    role = create_role(
        actor=server.owner, server=server, name="guard", permissions=Permission.KICK_MEMBERS
    )

    kept = update_role(
        actor=keeper,
        role=role,
        permissions=Permission.KICK_MEMBERS | Permission.MANAGE_MESSAGES,
    )
    for wanted in (Permission.MANAGE_MESSAGES, kept.permissions | Permission.BAN_MEMBERS):
        with pytest.raises(MissingPermission):
            update_role(actor=keeper, role=role, permissions=wanted)

    role.refresh_from_db()
    assert role.permissions == Permission.KICK_MEMBERS | Permission.MANAGE_MESSAGES


def test_bit_of_a_newer_version_survives_an_update(server: Server) -> None:
    role = new_role(server, 1 << 52)
    Role.objects.filter(pk=role.pk).update(permissions=1 << 47)

    update_role(actor=server.owner, role=role, name="mate")

    role.refresh_from_db()
    assert role.permissions == 1 << 47


def test_of_everyones_role_only_the_permissions_change(server: Server) -> None:
    everyone = named(server, "member")

    update_role(actor=server.owner, role=everyone, permissions=0, name="member")

    everyone.refresh_from_db()
    assert everyone.permissions == 0
    with pytest.raises(InvalidInput, match="everyone's role"):
        update_role(actor=server.owner, role=everyone, name="crew")


def test_everyones_role_is_not_deleted_moved_given_or_taken(server: Server) -> None:
    everyone, user = named(server, "member"), new_member(server)

    with pytest.raises(InvalidInput, match="everyone's role"):
        delete_role(actor=server.owner, role=everyone)
    with pytest.raises(InvalidInput, match="everyone's role"):
        move_role(actor=server.owner, role=everyone, position=1)
    with pytest.raises(InvalidInput, match="everyone's role"):
        grant_role(actor=server.owner, user=user, role=everyone)
    with pytest.raises(InvalidInput, match="everyone's role"):
        revoke_role(actor=server.owner, user=user, role=everyone)


def test_deleted_role_is_gone_from_members_and_channels(server: Server) -> None:
    role = new_role(server)
    new_member(server, role)
    set_overwrite(actor=server.owner, channel=server.channels.get(), role=role)

    delete_role(actor=server.owner, role=role)

    assert not Role.objects.filter(pk=role.pk).exists()
    assert not MemberRole.objects.filter(role=role).exists()
    assert not ChannelPermission.objects.filter(role=role).exists()
    assert audit_log(server)[-1][0] == "role.delete"


@pytest.mark.parametrize(
    ("name", "position", "expected"),
    [
        ("one", 1, ["member", "one", "two", "three", "four"]),
        ("one", 2, ["member", "two", "one", "three", "four"]),
        ("one", 4, ["member", "two", "three", "four", "one"]),
        ("four", 1, ["member", "four", "one", "two", "three"]),
        ("three", 2, ["member", "one", "three", "two", "four"]),
    ],
)
def test_role_is_moved_and_those_between_move_by_one(
    server: Server, name: str, position: int, expected: list[str]
) -> None:
    Role.objects.filter(server=server, position__gt=0).delete()
    # With gaps, as other clients leave them.
    for place, label in [(7, "one"), (8, "two"), (100, "three"), (249, "four")]:
        Role.objects.create(server=server, name=label, position=place)

    moved = move_role(actor=server.owner, role=named(server, name), position=position)

    assert ["member", *(role.name for role in moved)] == expected
    if (name, position) != ("one", 1):
        assert order(server) == expected


def test_role_moves_up_to_just_below_ones_own(server: Server, keeper: User) -> None:
    assert order(server) == ["member", "moderator", "admin", "deckhand"]

    move_role(actor=keeper, role=named(server, "moderator"), position=2)

    assert order(server) == ["member", "admin", "moderator", "deckhand"]
    with pytest.raises(RankTooLow):
        move_role(actor=keeper, role=named(server, "moderator"), position=3)
    with pytest.raises(RankTooLow):
        move_role(actor=keeper, role=named(server, "deckhand"), position=1)


def test_role_is_given_once_and_taken_once(server: Server) -> None:
    role, user = named(server, "moderator"), new_member(server)

    assert grant_role(actor=server.owner, user=user, role=role, reason="Merit.") is True
    assert grant_role(actor=server.owner, user=user, role=role) is False
    assert revoke_role(actor=server.owner, user=user, role=role) is True
    assert revoke_role(actor=server.owner, user=user, role=role) is False

    assert audit_log(server) == [
        ("member.grant", server.owner_id, user.id, {"role_id": [None, str(role.id)]}, "Merit."),
        ("member.revoke", server.owner_id, user.id, {"role_id": [str(role.id), None]}, ""),
    ]


def test_role_is_given_to_who_stands_above_too(server: Server, keeper: User) -> None:
    role = create_role(actor=keeper, server=server, name="badge")

    assert grant_role(actor=keeper, user=server.owner, role=role) is True


def test_role_with_more_than_one_has_is_not_given_and_can_be_taken(
    server: Server, keeper: User
) -> None:
    admin = named(server, "admin")
    user = new_member(server, admin)

    with pytest.raises(MissingPermission):
        grant_role(actor=keeper, user=keeper, role=admin)
    assert revoke_role(actor=keeper, user=user, role=admin) is True


def test_role_is_not_given_to_a_stranger(server: Server) -> None:
    with pytest.raises(NotVisible, match="There is no member"):
        grant_role(actor=server.owner, user=UserFactory.create(), role=named(server, "moderator"))
