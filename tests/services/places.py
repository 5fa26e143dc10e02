"""Small places to write in, and the shape of what tests compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat.models import Channel, Mention, Role, Server
from chat.permissions import DEFAULT_EVERYONE, Permission
from tests.factories import RoleFactory, ServerFactory, ServerMemberFactory

if TYPE_CHECKING:
    from chat.models import Message, User


@dataclass(frozen=True, slots=True)
class Harbour:
    """A server with one text channel, and one member beside the owner."""

    server: Server
    channel: Channel
    member: User
    everyone: Role

    def join(self) -> User:
        """Return one more member."""
        user: User = ServerMemberFactory.create(server=self.server).user
        return user

    def allow(self, permissions: Permission) -> None:
        """Give everyone these permissions and no other."""
        Role.objects.filter(pk=self.everyone.pk).update(permissions=permissions.value)


def make_harbour() -> Harbour:
    server = ServerFactory.create()
    everyone = RoleFactory.create(
        server=server, name="everyone", position=0, permissions=DEFAULT_EVERYONE.value
    )
    return Harbour(
        server=server,
        channel=Channel.objects.create(server=server, name="harbour"),
        member=ServerMemberFactory.create(server=server).user,
        everyone=everyone,
    )


def named_in(message: Message) -> set[str]:
    """Return whom a message names: users and roles by their ids, and `everyone`."""
    rows = Mention.objects.filter(
        server_id=message.server_id, channel_id=message.channel_id, seq=message.seq
    )
    return {
        str(user or role or "everyone") for user, role in rows.values_list("user_id", "role_id")
    }
