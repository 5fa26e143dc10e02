"""What becomes of servers."""

import pytest

from chat.errors import NotVisible
from chat.models import Channel, ChannelAccess, Role, User
from chat.rules.permissions import ADMIN, ALL, DEFAULT_EVERYONE, MODERATOR
from chat.services.servers import (
    create_server,
    delete_server,
    transfer_ownership,
    update_server,
)
from tests.factories import UserFactory
from tests.services.communities import audit_log, membership, new_member, new_server

pytestmark = pytest.mark.django_db


def test_new_server_has_its_owner_three_roles_and_a_channel() -> None:
    owner = UserFactory.create()

    server = create_server(owner=owner, name="Harbour")

    assert membership(owner, server)
    assert list(
        Role.objects.filter(server=server)
        .order_by("position")
        .values_list("position", "name", "permissions")
    ) == [(0, "member", DEFAULT_EVERYONE), (1, "moderator", MODERATOR), (2, "admin", ADMIN)]
    channel = Channel.objects.get(server=server)
    assert (channel.name, channel.kind) == ("general", "text")
    assert ChannelAccess.objects.get(user=owner, space_id=server.pk).permissions == ALL


def test_new_member_sees_and_speaks_in_a_new_server() -> None:
    server = new_server()

    user = new_member(server)

    assert ChannelAccess.objects.get(user=user, space_id=server.pk).permissions == DEFAULT_EVERYONE


def test_erased_user_makes_no_server() -> None:
    ghost = UserFactory.create()
    User.objects.filter(pk=ghost.pk).update(is_active=False)

    with pytest.raises(NotVisible):
        create_server(owner=ghost, name="Harbour")


def test_server_is_renamed_and_the_log_says_so() -> None:
    server = new_server()

    changed = update_server(
        actor=server.owner, server=server, name="Reef", icon_key="icons/1", reason="Storm."
    )

    server.refresh_from_db()
    assert (changed.name, server.name, server.icon_key) == ("Reef", "Reef", "icons/1")
    assert audit_log(server) == [
        (
            "server.update",
            server.owner_id,
            server.id,
            {"name": ["Harbour", "Reef"], "icon_key": [None, "icons/1"]},
            "Storm.",
        )
    ]


def test_update_that_changes_nothing_leaves_no_entry() -> None:
    server = new_server()

    update_server(actor=server.owner, server=server, name="Harbour", description="")

    assert audit_log(server) == []


def test_icon_is_taken_away() -> None:
    server = new_server()
    update_server(actor=server.owner, server=server, icon_key="icons/1")

    assert update_server(actor=server.owner, server=server, icon_key=None).icon_key is None


def test_server_is_handed_over() -> None:
    server = new_server()
    heir, owner = new_member(server), server.owner

    transfer_ownership(actor=owner, server=server, to=heir, reason="Old age.")

    server.refresh_from_db()
    assert server.owner == heir
    assert membership(owner, server)
    assert audit_log(server) == [
        (
            "server.transfer",
            owner.id,
            server.id,
            {"owner_id": [str(owner.id), str(heir.id)]},
            "Old age.",
        )
    ]


def test_server_handed_to_its_owner_stays_theirs() -> None:
    server = new_server()

    transfer_ownership(actor=server.owner, server=server, to=server.owner)

    assert audit_log(server) == []


def test_server_is_not_handed_to_a_stranger() -> None:
    server = new_server()

    with pytest.raises(NotVisible, match="There is no member"):
        transfer_ownership(actor=server.owner, server=server, to=UserFactory.create())


def test_deleted_server_is_seen_by_nobody_and_kept() -> None:
    server = new_server()

    delete_server(actor=server.owner, server=server)

    server.refresh_from_db()
    assert server.deleted_at is not None
    assert not ChannelAccess.objects.filter(user=server.owner, space_id=server.pk).exists()
    assert audit_log(server)[-1][0] == "server.delete"
    with pytest.raises(NotVisible):
        update_server(actor=server.owner, server=server, name="Reef")
