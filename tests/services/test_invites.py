"""Invites."""

from datetime import UTC, datetime, timedelta

import pytest

from chat.errors import Banned, InviteUnusable, MissingPermission
from chat.models import Server
from chat.rules.permissions import Permission
from chat.services.channels import create_channel, set_overwrite
from chat.services.invites import create_invite, redeem_invite, revoke_invite
from chat.services.members import ban_user
from chat.services.servers import delete_server
from tests.factories import InviteFactory, UserFactory
from tests.services.communities import audit_log, membership, new_member, new_server, tomorrow

pytestmark = pytest.mark.django_db


def test_invite_lets_in_and_counts() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server, max_uses=2, expires_at=tomorrow())

    users = UserFactory.create_batch(2)
    for user in users:
        redeem_invite(user=user, code=invite.code)

    assert all(membership(user, server) for user in users)
    invite.refresh_from_db()
    assert invite.uses == 2


def test_used_up_invite_lets_nobody_in() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server, max_uses=1)
    redeem_invite(user=UserFactory.create(), code=invite.code)
    late = UserFactory.create()

    with pytest.raises(InviteUnusable, match="used up, expired or revoked"):
        redeem_invite(user=late, code=invite.code)

    assert membership(late, server) is None


def test_member_uses_nothing_even_of_a_used_up_invite() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server, max_uses=1)
    user = UserFactory.create()
    first = redeem_invite(user=user, code=invite.code)

    again = redeem_invite(user=user, code=invite.code)

    assert again == first
    invite.refresh_from_db()
    assert invite.uses == 1


def test_expired_invite_lets_nobody_in() -> None:
    server = new_server()
    now = datetime.now(UTC)
    InviteFactory.create(
        server=server,
        creator=server.owner,
        code="past",
        created_at=now - timedelta(days=2),
        expires_at=now - timedelta(seconds=1),
    )

    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code="past")


def test_revoked_invite_lets_nobody_in() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server)

    revoke_invite(actor=server.owner, invite=invite, reason="Spies.")

    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code=invite.code)
    assert [(action, reason) for action, _, _, _, reason in audit_log(server)] == [
        ("invite.create", ""),
        ("invite.revoke", "Spies."),
    ]


def test_invite_revoked_twice_is_revoked_once() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server)

    first = revoke_invite(actor=server.owner, invite=invite)

    assert revoke_invite(actor=server.owner, invite=invite).revoked_at == first.revoked_at
    assert len(audit_log(server)) == 2


def test_creator_revokes_their_own() -> None:
    server = new_server()
    user = new_member(server)
    invite = create_invite(actor=user, server=server)

    assert revoke_invite(actor=user, invite=invite).revoked_at is not None


def test_banned_user_does_not_use_up_an_invite() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server, max_uses=1)
    user = UserFactory.create()
    ban_user(actor=server.owner, server=server, user=user)

    with pytest.raises(Banned):
        redeem_invite(user=user, code=invite.code)

    invite.refresh_from_db()
    assert invite.uses == 0


def test_invite_into_a_deleted_server_is_unusable() -> None:
    server = new_server()
    invite = create_invite(actor=server.owner, server=server)
    delete_server(actor=server.owner, server=server)

    with pytest.raises(InviteUnusable):
        redeem_invite(user=UserFactory.create(), code=invite.code)


def test_invite_to_a_channel_needs_the_permission_there() -> None:
    server = new_server()
    user, everyone = new_member(server), server.roles.get(position=0)
    channel = create_channel(actor=server.owner, server=server, name="cabin")
    set_overwrite(
        actor=server.owner, channel=channel, role=everyone, deny=Permission.CREATE_INSTANT_INVITE
    )

    with pytest.raises(MissingPermission) as refusal:
        create_invite(actor=user, server=server, channel=channel)

    assert refusal.value.missing == Permission.CREATE_INSTANT_INVITE


def codes(server: Server, count: int) -> set[str]:
    return {create_invite(actor=server.owner, server=server).code for _ in range(count)}


def test_codes_are_long_and_all_different() -> None:
    made = codes(new_server(), 50)

    assert len(made) == 50
    assert {len(code) for code in made} == {12}
