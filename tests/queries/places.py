"""A server in which people can be asked what they see, made with as few rows as it takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat.rules.permissions import NONE, Permission
from tests.factories import (
    ChannelFactory,
    ChannelPermissionFactory,
    MemberRoleFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from chat.models import Channel, Message, Role, Server, User

READ = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY


@dataclass(frozen=True, slots=True)
class Harbour:
    """A server whose everyone sees and reads, with one channel, one member and one stranger."""

    server: Server
    everyone: Role
    pier: Channel
    sailor: User
    stranger: User

    def join(self, **fields: Any) -> User:
        user = UserFactory.create()
        ServerMemberFactory.create(server=self.server, user=user, **fields)
        return user

    def dig(self, **fields: Any) -> Channel:
        return ChannelFactory.create(server=self.server, **fields)

    def say(self, content: str = "ahoy", **fields: Any) -> Message:
        message = MessageFactory.create(
            content=content, **({"channel": self.pier, "author": self.sailor} | fields)
        )
        message.refresh_from_db()
        return message

    def role(self, *users: User, permissions: Permission = NONE) -> Role:
        role = RoleFactory.create(server=self.server, permissions=permissions.value)
        for user in users:
            MemberRoleFactory.create(role=role, user=user)
        return role

    def deny(self, permissions: Permission, *, channel: Channel, role: Role | None = None) -> None:
        ChannelPermissionFactory.create(
            channel=channel, role=role or self.everyone, deny=permissions.value
        )


def make_harbour(*, everyone: Permission = READ) -> Harbour:
    server = ServerFactory.create()
    return Harbour(
        server=server,
        everyone=RoleFactory.create(server=server, position=0, permissions=everyone.value),
        pier=ChannelFactory.create(server=server),
        sailor=ServerMemberFactory.create(server=server).user,
        stranger=UserFactory.create(),
    )
