"""Every write around communities as one call by one actor, about the same people and things."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from chat.models import (
    AuditLogEntry,
    Channel,
    Invite,
    MemberRole,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.rules.permissions import Permission
from chat.services import channels, invites, members, roles, servers, users
from tests.factories import InviteFactory, ServerMemberFactory, UserFactory
from tests.services.actors import Actor, Cast, make_cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Scene:
    """A cast, and what the calls are about; `sailor` is a member without a role."""

    cast: Cast
    sailor: User
    category: Channel
    invite: Invite
    channel_invite: Invite


def make_scene() -> Scene:
    cast = make_cast()
    sailor = ServerMemberFactory.create(server=cast.server, user=UserFactory.create()).user
    owner = cast[Actor.OWNER]
    return Scene(
        cast=cast,
        sailor=sailor,
        category=Channel.objects.create(server=cast.server, name="docks", kind="category"),
        invite=InviteFactory.create(server=cast.server, code="welcome", creator=owner),
        channel_invite=InviteFactory.create(
            server=cast.server, channel=cast.channel, code="harbour", creator=owner
        ),
    )


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


def kick(target: Actor) -> Callable[[Scene, User], object]:
    return lambda scene, actor: members.kick_member(
        actor=actor, server=scene.cast.server, user=scene.cast[target]
    )


def time_out(target: Actor) -> Callable[[Scene, User], object]:
    return lambda scene, actor: members.set_timeout(
        actor=actor, server=scene.cast.server, user=scene.cast[target], until=tomorrow()
    )


def role_of(scene: Scene, name: str) -> Role:
    return {
        "everyones": scene.cast.everyone,
        "moderators": scene.cast.moderators,
        "administrators": scene.cast.administrators,
    }[name]


def recolour(name: str) -> Callable[[Scene, User], object]:
    return lambda scene, actor: roles.update_role(
        actor=actor, role=role_of(scene, name), color=0xFF0000
    )


def grant(name: str) -> Callable[[Scene, User], object]:
    return lambda scene, actor: roles.grant_role(
        actor=actor, user=scene.sailor, role=role_of(scene, name)
    )


def clear_overwrite(scene: Scene, actor: User) -> object:
    return channels.clear_overwrite(
        actor=actor, channel=scene.cast.channel, user=scene.cast[Actor.OVERWRITTEN]
    )


CALLS: Mapping[str, Callable[[Scene, User], object]] = {
    "create_server": lambda _, actor: servers.create_server(owner=actor, name="Reef"),
    "update_server": lambda scene, actor: servers.update_server(
        actor=actor, server=scene.cast.server, name="Reef"
    ),
    "transfer_ownership": lambda scene, actor: servers.transfer_ownership(
        actor=actor, server=scene.cast.server, to=scene.sailor
    ),
    "delete_server": lambda scene, actor: servers.delete_server(
        actor=actor, server=scene.cast.server
    ),
    "join_server": lambda scene, actor: members.join_server(user=actor, server=scene.cast.server),
    "leave_server": lambda scene, actor: members.leave_server(user=actor, server=scene.cast.server),
    "kick_member": lambda scene, actor: members.kick_member(
        actor=actor, server=scene.cast.server, user=scene.sailor
    ),
    "kick_member:moderator": kick(Actor.MODERATOR),
    "kick_member:administrator": kick(Actor.ADMINISTRATOR),
    "kick_member:owner": kick(Actor.OWNER),
    "ban_user": lambda scene, actor: members.ban_user(
        actor=actor, server=scene.cast.server, user=scene.sailor
    ),
    "ban_user:stranger": lambda scene, actor: members.ban_user(
        actor=actor, server=scene.cast.server, user=scene.cast[Actor.STRANGER]
    ),
    "unban_user": lambda scene, actor: members.unban_user(
        actor=actor, server=scene.cast.server, user=scene.cast[Actor.BANNED]
    ),
    "set_timeout": lambda scene, actor: members.set_timeout(
        actor=actor, server=scene.cast.server, user=scene.sailor, until=tomorrow()
    ),
    "set_timeout:moderator": time_out(Actor.MODERATOR),
    "set_timeout:administrator": time_out(Actor.ADMINISTRATOR),
    "clear_timeout": lambda scene, actor: members.clear_timeout(
        actor=actor, server=scene.cast.server, user=scene.cast[Actor.TIMED_OUT]
    ),
    "set_nickname": lambda scene, actor: members.set_nickname(
        actor=actor, server=scene.cast.server, user=scene.sailor, nickname="Salty"
    ),
    "set_nickname:own": lambda scene, actor: members.set_nickname(
        actor=actor, server=scene.cast.server, user=actor, nickname="Salty"
    ),
    "create_invite": lambda scene, actor: invites.create_invite(
        actor=actor, server=scene.cast.server
    ),
    "create_invite:channel": lambda scene, actor: invites.create_invite(
        actor=actor, server=scene.cast.server, channel=scene.cast.channel
    ),
    "redeem_invite": lambda scene, actor: invites.redeem_invite(user=actor, code=scene.invite.code),
    "revoke_invite": lambda scene, actor: invites.revoke_invite(actor=actor, invite=scene.invite),
    "revoke_invite:channel": lambda scene, actor: invites.revoke_invite(
        actor=actor, invite=scene.channel_invite
    ),
    "create_role": lambda scene, actor: roles.create_role(
        actor=actor, server=scene.cast.server, name="deckhand"
    ),
    "update_role": recolour("moderators"),
    "update_role:own": recolour("administrators"),
    "update_role:everyones": lambda scene, actor: roles.update_role(
        actor=actor, role=scene.cast.everyone, permissions=0
    ),
    "delete_role": lambda scene, actor: roles.delete_role(actor=actor, role=scene.cast.moderators),
    "grant_role": grant("moderators"),
    "grant_role:own": grant("administrators"),
    "revoke_role": lambda scene, actor: roles.revoke_role(
        actor=actor, user=scene.cast[Actor.MODERATOR], role=scene.cast.moderators
    ),
    "move_role": lambda scene, actor: roles.move_role(
        actor=actor, role=scene.cast.moderators, position=2
    ),
    "create_channel": lambda scene, actor: channels.create_channel(
        actor=actor, server=scene.cast.server, name="pier"
    ),
    "create_channel:category": lambda scene, actor: channels.create_channel(
        actor=actor, server=scene.cast.server, name="pier", parent=scene.category
    ),
    "create_thread": lambda scene, actor: channels.create_thread(
        actor=actor, channel=scene.cast.channel, name="rumours"
    ),
    "update_channel": lambda scene, actor: channels.update_channel(
        actor=actor, channel=scene.cast.channel, topic="Ships."
    ),
    "move_channel": lambda scene, actor: channels.move_channel(
        actor=actor, channel=scene.cast.channel, position=0, parent=scene.category
    ),
    "delete_channel": lambda scene, actor: channels.delete_channel(
        actor=actor, channel=scene.cast.channel
    ),
    "set_overwrite": lambda scene, actor: channels.set_overwrite(
        actor=actor,
        channel=scene.cast.channel,
        role=scene.cast.everyone,
        deny=Permission.SEND_MESSAGES,
    ),
    "clear_overwrite": clear_overwrite,
    "erase_user": lambda scene, actor: users.erase_user(actor=actor, user=scene.sailor),
    "erase_user:own": lambda _, actor: users.erase_user(actor=actor, user=actor),
}


# A server as create_server makes it ---------------------------------------------------------------


def new_server() -> Server:
    return servers.create_server(owner=UserFactory.create(), name="Harbour")


def new_member(server: Server, *given: Role) -> User:
    """Return a new member who has these roles."""
    user = UserFactory.create()
    members.join_server(user=user, server=server)
    for role in given:
        MemberRole.objects.create(server=server, user=user, role=role)
    return user


def new_role(server: Server, permissions: int = 0) -> Role:
    """Return a role that stands above all that the server has."""
    newest = Role.objects.filter(server=server).latest("position")
    return Role.objects.create(
        server=server, name="deckhand", position=newest.position + 1, permissions=int(permissions)
    )


def membership(user: User, server: Server) -> ServerMember | None:
    return ServerMember.objects.filter(user=user, server=server).first()


def audit_log(server: Server) -> list[tuple[str, object, object, object, str]]:
    """Return what the log says, oldest first, without the making of the server."""
    entries = AuditLogEntry.objects.filter(server=server).exclude(action="server.create")
    return [
        (entry.action, entry.actor_id, entry.target_id, entry.changes, entry.reason)
        for entry in entries.order_by("created_at", "id")
    ]
