"""Small places to write in, and the shape of what tests compare."""

from dataclasses import dataclass
from typing import Any

from chat.models import (
    Channel,
    ChannelCounter,
    Mention,
    Message,
    MessageAttachment,
    Role,
    Server,
    User,
)
from chat.rules.permissions import DEFAULT_EVERYONE, NONE, Permission
from chat.services.direct import open_conversation, open_group
from tests.factories import (
    ChannelFactory,
    ChannelPermissionFactory,
    MemberRoleFactory,
    MessageAttachmentFactory,
    MessageFactory,
    RoleFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
)

# What a reader needs.
READ = Permission.VIEW_CHANNEL | Permission.READ_MESSAGE_HISTORY
# What somebody can write in: what holds in one of them holds in all.
PLACES = ["channel", "pair", "group"]


@dataclass(frozen=True, slots=True)
class Harbour:
    """A server with one text channel, one member beside the owner, and somebody who is none."""

    server: Server
    everyone: Role
    channel: Channel
    member: User
    stranger: User

    def join(self, **fields: Any) -> User:
        """Return one more member."""
        user: User = ServerMemberFactory.create(server=self.server, **fields).user
        return user

    def dig(self, **fields: Any) -> Channel:
        """Return one more channel."""
        channel: Channel = ChannelFactory.create(server=self.server, **fields)
        return channel

    def say(self, content: str = "ahoy", **fields: Any) -> Message:
        """Return a message, by the member and in the channel unless others are named."""
        message: Message = MessageFactory.create(
            content=content, **({"channel": self.channel, "author": self.member} | fields)
        )
        message.refresh_from_db()
        return message

    def role(self, *users: User, permissions: Permission = NONE) -> Role:
        """Return a role that these have."""
        role: Role = RoleFactory.create(server=self.server, permissions=permissions.value)
        for user in users:
            MemberRoleFactory.create(role=role, user=user)
        return role

    def allow(self, permissions: Permission) -> None:
        """Give everyone these permissions and no other."""
        Role.objects.filter(pk=self.everyone.pk).update(permissions=permissions.value)

    def deny(self, permissions: Permission, *, channel: Channel, role: Role | None = None) -> None:
        """Let an overwrite of a channel deny something, to everyone unless a role is named."""
        ChannelPermissionFactory.create(
            channel=channel, role=role or self.everyone, deny=permissions.value
        )


def make_harbour(*, everyone: Permission = DEFAULT_EVERYONE) -> Harbour:
    server = ServerFactory.create()
    return Harbour(
        server=server,
        everyone=RoleFactory.create(
            server=server, name="everyone", position=0, permissions=everyone.value
        ),
        channel=ChannelFactory.create(server=server, name="harbour"),
        member=ServerMemberFactory.create(server=server).user,
        stranger=UserFactory.create(),
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A channel or a conversation, two people who write there, and one who has no access."""

    channel: Channel
    author: User
    other: User
    stranger: User

    def reserve(self, uploader: User | None = None) -> MessageAttachment:
        """Return a file of the author, or of another, that was not sent yet."""
        file: MessageAttachment = MessageAttachmentFactory.create(
            message=None, space_id=self.channel.space_id, uploader=uploader or self.author
        )
        return file


def make_place(kind: str) -> Place:
    """Write one of PLACES."""
    author, other, stranger = (UserFactory.create() for _ in range(3))
    channel: Channel
    if kind == "channel":
        harbour = make_harbour()
        channel = harbour.channel
        for user in (author, other):
            ServerMemberFactory.create(server=harbour.server, user=user)
    elif kind == "pair":
        channel = open_conversation(user=author, other=other)
    else:
        channel = open_group(owner=author, others=[other])
    return Place(channel, author, other, stranger)


def named_in(message: Message) -> set[str]:
    """Return whom a message names: users and roles by their ids, and `everyone`."""
    rows = Mention.objects.filter(
        space_id=message.space_id, channel_id=message.channel_id, seq=message.seq
    )
    return {
        str(user or role or "everyone") for user, role in rows.values_list("user_id", "role_id")
    }


def last_seq(channel: Channel) -> int:
    """Return the number of the newest message of a channel."""
    return ChannelCounter.objects.get(channel=channel).last_seq
