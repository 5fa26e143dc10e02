"""A made-up community to look at in a browser, with one story that shows all a message can have."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.core.management import call_command
from django.db import connection
from django.db.models import Count, F, OuterRef, Subquery
from django.urls import reverse

from chat.admin.lists.panels import list_url, row_url
from chat.models import (
    Channel,
    DirectConversation,
    MemberRole,
    Message,
    Role,
    Server,
    ServerMember,
    User,
)
from chat.rules.permissions import Permission
from chat.services.attachments import reserve_attachment
from chat.services.messages import add_reaction, edit_message, send_message
from chat.services.overwrites import set_overwrite

PASSWORD = "correct horse battery staple"
_PHOTOS = ("mooring.jpg", "knot.jpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What there is to look at: a server, a channel of it, a message there, and its author."""

    server: Server
    channel: Channel
    message: Message
    author: User
    conversation: Channel

    def addresses(self) -> dict[str, str]:
        """Return the pages by name that no section of the sidebar leads to."""
        server, channel = self.server.pk, self.channel.pk
        role = Role.objects.filter(server=server).order_by("position")[0]
        asked = f"?user={self.author.username}"
        return {
            "server": row_url(Server, server),
            "channel": row_url(Channel, channel),
            "message": row_url(Message, self.message.pk),
            "user": row_url(User, self.author.pk),
            "role": row_url(Role, role.pk),
            "conversation": row_url(DirectConversation, self.conversation.pk),
            "messages of a channel": list_url(Message, channel=channel),
            "access": f"{reverse('admin:who_may_see_what')}{asked}&channel={channel}",
            "access, server to choose": f"{reverse('admin:who_may_see_what')}{asked}",
            "new user": reverse("admin:chat_user_add"),
            "nothing found": f"{list_url(Server)}?q=nowhere",
            "refused": list_url(Message, only="deleted"),
            "own password": reverse("admin:password_change"),
        }


def fill(
    *, messages: int, seed: int, servers: int | None = None, until: datetime | None = None
) -> Scene:
    """Write the community and, into the biggest channel of its biggest server, the story.

    The community that ends on another day is another one.
    """
    sizes = {"messages": messages, "servers": servers}
    call_command("seed_demo", **sizes, seed=seed, until=until, verbosity=0)
    channel = (
        Channel.objects.filter(kind=Channel.Kind.TEXT, name="general")
        .with_counter()
        .select_related("server__owner")
        .order_by(F("last_seq").desc())[0]
    )
    owner = channel.server.owner
    asking, helping, *others = _people(channel, without=owner)
    message = _story(channel, asking=asking, helping=helping, others=[owner, *others])
    everyone = Role.objects.get(server=channel.server, position=0)
    set_overwrite(actor=owner, channel=channel, role=everyone, deny=Permission.SEND_POLLS)
    set_overwrite(actor=owner, channel=channel, user=helping, allow=Permission.MANAGE_MESSAGES)
    with connection.cursor() as cursor:
        # For the estimates of the lists and the sizes of the schema page.
        cursor.execute("ANALYZE")
    return Scene(
        server=channel.server,
        channel=channel,
        message=message,
        author=helping,
        conversation=Channel.objects.filter(server=None)
        .with_counter()
        .order_by(F("last_seq").desc())[0],
    )


def _people(channel: Channel, *, without: User) -> list[User]:
    members = (
        ServerMember.objects.filter(server=channel.server, timed_out_until=None, user__kind="human")
        .exclude(user=without)
        .select_related("user")
        .annotate(roles=_roles())
        .order_by(F("roles").desc(nulls_last=True), "joined_at", "user_id")
    )
    return [member.user for member in members[:6]]


def _roles() -> Subquery:
    """Return how many roles a member has."""
    had = MemberRole.objects.filter(server_id=OuterRef("server_id"), user_id=OuterRef("user_id"))
    return Subquery(had.order_by().values("user_id").annotate(n=Count("pk")).values("n"))


def _story(channel: Channel, *, asking: User, helping: User, others: list[User]) -> Message:
    question = send_message(
        author=asking,
        channel=channel,
        content="Who was at the pier last night? The mooring of the Petrel has come loose.",
    )
    photos = [_photo(name, uploader=helping, channel=channel) for name in _PHOTOS]
    answer = send_message(
        author=helping,
        channel=channel,
        content="I was.",
        reply_to=question.id,
        attachments=photos,
    )
    worn = f"I was. <@{asking.pk}> the line is worn through where it rubs on the ring"
    for content in (
        f"{worn}.",
        f"{worn}; I tied a bowline for now. <@{others[0].pk}> is there a spare one in the shed?",
    ):
        edit_message(actor=helping, message=answer.id, content=content)
    for emoji, users in (("☕", [asking, *others]), ("⚓", others[:2])):
        for user in users:
            add_reaction(actor=user, message=answer.id, emoji=emoji)
    return Message.objects.get(pk=answer.id)


def _photo(name: str, *, uploader: User, channel: Channel) -> UUID:
    return reserve_attachment(
        uploader=uploader,
        channel=channel,
        filename=name,
        content_type="image/jpeg",
        size_bytes=483_112,
        sha256=sha256(name.encode()).digest(),
        width=1600,
        height=1200,
        alt_text="A worn line at an iron ring",
    ).id
