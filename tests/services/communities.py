"""Every write around communities as one call by one actor, about the same people and things."""

from datetime import UTC, datetime, timedelta

from chat.models import (
    AuditLogEntry,
    MemberRole,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.services import members, servers
from tests.factories import UserFactory


def tomorrow() -> datetime:
    return datetime.now(UTC) + timedelta(days=1)


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
