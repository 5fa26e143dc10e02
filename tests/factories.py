"""Factories: for every table of chat the smallest row that it takes, with all that it needs.

A row made here is of one tenant: a reaction knows the space of its message, a role given is of the
member's server. What is written in a conversation is by who takes part; who writes or reacts in a
server is a member from then on. Pass what the test is about; the rest is made fresh. Call
`create()`, which tells a type checker what comes back.
"""

# factory_boy says that it is typed, and its declarations are not.
# mypy: disable-error-code="no-untyped-call, no-any-return"

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, TypeVar

import django.db.models
from django.db import connection, transaction
from factory.declarations import (
    LazyAttribute,
    LazyFunction,
    SelfAttribute,
    Sequence,
    SubFactory,
    Trait,
)
from factory.django import DjangoModelFactory

from chat import models
from chat.db.ids import direct_pair_id, uuid7

Model = TypeVar("Model", bound=django.db.models.Model)

FAR_AWAY = datetime(2099, 1, 1, tzinfo=UTC)


@contextmanager
def as_superuser() -> Iterator[None]:
    """Let a test do what the role of the application may not, in a transaction or a savepoint."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('role')")
        (role,) = cursor.fetchone()
        cursor.execute("SET LOCAL ROLE none")
        yield
        cursor.execute("SELECT set_config('role', %s, true)", [role])


class WrittenByTriggersFactory(DjangoModelFactory[Model]):
    """Rows with columns that the application may not write, and Django names."""

    class Meta:
        abstract = True

    @classmethod
    def _create(cls, model_class: type[Model], *args: Any, **kwargs: Any) -> Model:
        with as_superuser():
            return super()._create(model_class, *args, **kwargs)


class UserFactory(DjangoModelFactory[models.User]):
    class Meta:
        model = models.User

    username = Sequence("sailor_{}".format)


class UserSessionFactory(DjangoModelFactory[models.UserSession]):
    class Meta:
        model = models.UserSession

    user = SubFactory(UserFactory)
    token_hash = Sequence(lambda n: sha256(b"token %d" % n).digest())
    expires_at = FAR_AWAY


class UserPreferencesFactory(DjangoModelFactory[models.UserPreferences]):
    class Meta:
        model = models.UserPreferences

    user = SubFactory(UserFactory)


class ServerFactory(DjangoModelFactory[models.Server]):
    """A server whose owner is its only member."""

    class Meta:
        model = models.Server

    name = Sequence("Harbour {}".format)
    owner = SubFactory(UserFactory)


class ServerMemberFactory(DjangoModelFactory[models.ServerMember]):
    """A member who is not the owner."""

    class Meta:
        model = models.ServerMember

    server = SubFactory(ServerFactory)
    user = SubFactory(UserFactory)


class InviteCodeFactory(DjangoModelFactory[models.InviteCode]):
    class Meta:
        model = models.InviteCode

    code = Sequence("invite-{}".format)
    space_id = LazyFunction(uuid7)


class InviteFactory(DjangoModelFactory[models.Invite]):
    """An invite whose code is written down with it."""

    class Meta:
        model = models.Invite

    server = SubFactory(ServerFactory)
    code = Sequence("invite-{}".format)
    creator = SelfAttribute("server.owner")

    @classmethod
    def _create(cls, model_class: type[models.Invite], *args: Any, **kwargs: Any) -> models.Invite:
        InviteCodeFactory.create(code=kwargs["code"], space_id=kwargs["server"].pk)
        return super()._create(model_class, *args, **kwargs)


class RoleFactory(DjangoModelFactory[models.Role]):
    """A role above everyone's."""

    class Meta:
        model = models.Role

    server = SubFactory(ServerFactory)
    name = Sequence("deckhand {}".format)
    # Fresh for 249 roles in a row, which is more than a server can have.
    position = Sequence(lambda n: 1 + n % 249)


class MemberRoleFactory(DjangoModelFactory[models.MemberRole]):
    class Meta:
        model = models.MemberRole

    role = SubFactory(RoleFactory)
    server = SelfAttribute("role.server")
    user = LazyAttribute(lambda given: ServerMemberFactory.create(server=given.server).user)


class ChannelFactory(DjangoModelFactory[models.Channel]):
    """A text channel without a parent."""

    class Meta:
        model = models.Channel

    class Params:
        category = Trait(kind=models.Channel.Kind.CATEGORY)
        voice = Trait(kind=models.Channel.Kind.VOICE)
        thread = Trait(
            kind=models.Channel.Kind.THREAD,
            parent=SubFactory("tests.factories.ChannelFactory", server=SelfAttribute("..server")),
        )

    server = SubFactory(ServerFactory)
    name = Sequence("pier-{}".format)


class ChannelPermissionFactory(DjangoModelFactory[models.ChannelPermission]):
    """An overwrite for a role, which neither allows nor denies anything."""

    class Meta:
        model = models.ChannelPermission

    channel = SubFactory(ChannelFactory)
    server = SelfAttribute("channel.server")
    role = SubFactory(RoleFactory, server=SelfAttribute("..server"))


def somebody_in(channel: models.Channel) -> models.User:
    """Return who can write there: one of a pair, the owner of a group, or a new member."""
    return channel.pair_low or channel.owner or admitted(UserFactory.create(), channel)


def admitted(user: models.User, channel: models.Channel) -> models.User:
    """Return the user, who is a member of the channel's server from now on."""
    if channel.server_id is not None:
        models.ServerMember.objects.get_or_create(server_id=channel.server_id, user=user)
    return user


class MessageFactory(DjangoModelFactory[models.Message]):
    """A text in a channel or in a conversation."""

    class Meta:
        model = models.Message

    channel = SubFactory(ChannelFactory)
    space_id = SelfAttribute("channel.space_id")
    author = LazyAttribute(lambda message: somebody_in(message.channel))
    content = "ahoy"

    @classmethod
    def _create(
        cls, model_class: type[models.Message], *args: Any, **kwargs: Any
    ) -> models.Message:
        if kwargs["author"] is not None:
            admitted(kwargs["author"], kwargs["channel"])
        return super()._create(model_class, *args, **kwargs)


class ChannelCounterFactory(DjangoModelFactory[models.ChannelCounter]):
    """The counter of a channel with a message in it, which the two bring along."""

    class Meta:
        model = models.ChannelCounter

    class Params:
        message = SubFactory(MessageFactory)

    channel = SelfAttribute("message.channel")

    @classmethod
    def _create(
        cls, model_class: type[models.ChannelCounter], *args: Any, **kwargs: Any
    ) -> models.ChannelCounter:
        return model_class.objects.get(channel=kwargs["channel"])


class MentionFactory(DjangoModelFactory[models.Mention]):
    """A message that names everyone."""

    class Meta:
        model = models.Mention

    class Params:
        message = SubFactory(MessageFactory)

    space_id = SelfAttribute("message.space_id")
    channel = SelfAttribute("message.channel")
    seq = SelfAttribute("message.seq")


class DirectConversationFactory(DjangoModelFactory[models.DirectConversation]):
    """A pair, in which both take part; or a group, in which its owner does."""

    class Meta:
        model = models.DirectConversation

    class Params:
        group = Trait(
            kind=models.DirectConversation.Kind.GROUP,
            pair_low=None,
            pair_high=None,
            owner=SubFactory(UserFactory),
        )

    id = LazyFunction(uuid7)
    kind = models.DirectConversation.Kind.PAIR
    pair_low = SubFactory(UserFactory)
    pair_high = SubFactory(UserFactory)
    owner = None

    @classmethod
    def _create(
        cls, model_class: type[models.DirectConversation], *args: Any, **kwargs: Any
    ) -> models.DirectConversation:
        pair = [kwargs["pair_low"], kwargs["pair_high"]]
        if None not in pair:
            low, high = sorted(pair, key=lambda user: user.id)
            kwargs |= {"id": direct_pair_id(low.id, high.id), "pair_low": low, "pair_high": high}
        with transaction.atomic():
            conversation = super()._create(model_class, *args, **kwargs)
            for user in {*pair, kwargs["owner"]} - {None}:
                models.Participant.objects.create(channel=conversation, user=user)
        return conversation


class ParticipantFactory(DjangoModelFactory[models.Participant]):
    """Somebody in a group that another owns."""

    class Meta:
        model = models.Participant

    channel = SubFactory(DirectConversationFactory, group=True)
    user = SubFactory(UserFactory)


class DirectMessageFactory(MessageFactory):
    """A text in a pair."""

    class Meta:
        model = models.DirectMessage

    channel = SubFactory(DirectConversationFactory)


class MessagePartFactory(DjangoModelFactory[Any]):
    """What hangs on a message, or with `direct=True` on a message of a pair."""

    class Meta:
        abstract = True

    class Params:
        direct = Trait(message=SubFactory(DirectMessageFactory))

    message = SubFactory(MessageFactory)
    space_id = SelfAttribute("message.space_id")


def somebody_at(part: Any) -> models.User:
    """Return who can put `part` where it hangs; anybody while it hangs nowhere."""
    return somebody_in(part.message.channel) if part.message else UserFactory.create()


class MessageRevisionFactory(MessagePartFactory):
    """What an edit replaced: the message is edited, for only the trigger writes revisions."""

    class Meta:
        model = models.MessageRevision

    @classmethod
    def _create(
        cls, model_class: type[models.MessageRevision], *args: Any, **kwargs: Any
    ) -> models.MessageRevision:
        message = kwargs["message"]
        models.Message.objects.filter(pk=message.pk).update(content=f"{message.content}!")
        return model_class.objects.filter(message=message).latest("version")


class ReactionFactory(MessagePartFactory):
    class Meta:
        model = models.Reaction

    emoji = "⚓"
    user = LazyAttribute(somebody_at)

    @classmethod
    def _create(
        cls, model_class: type[models.Reaction], *args: Any, **kwargs: Any
    ) -> models.Reaction:
        admitted(kwargs["user"], kwargs["message"].channel)
        return super()._create(model_class, *args, **kwargs)


class MessageAttachmentFactory(MessagePartFactory):
    class Meta:
        model = models.MessageAttachment

    uploader = LazyAttribute(somebody_at)
    filename = "chart.png"
    content_type = "image/png"
    size_bytes = 1
    sha256 = sha256(b"a chart").digest()
    storage_key = Sequence("charts/{}".format)


def somebody_of(channel: models.Channel) -> models.User:
    """Return who can have a mark there: who takes part, or a new member of the server."""
    if channel.server_id is None:
        return somebody_in(channel)
    return ServerMemberFactory.create(server=channel.server).user


class ReadStateFactory(WrittenByTriggersFactory[models.ReadState]):
    """Somebody who has read nothing yet."""

    class Meta:
        model = models.ReadState

    channel = SubFactory(ChannelFactory)
    space_id = SelfAttribute("channel.space_id")
    user = LazyAttribute(lambda state: somebody_of(state.channel))


class ReadRangeFactory(WrittenByTriggersFactory[models.ReadRange]):
    """A message that is new to nobody, as if it were imported."""

    class Meta:
        model = models.ReadRange

    class Params:
        message = SubFactory(MessageFactory)

    channel = SelfAttribute("message.channel")
    space_id = SelfAttribute("channel.space_id")
    first_seq = 1
    last_seq = 1
    reason = models.ReadRange.Reason.IMPORT


class BanFactory(DjangoModelFactory[models.Ban]):
    class Meta:
        model = models.Ban

    server = SubFactory(ServerFactory)
    user = SubFactory(UserFactory)


class AuditLogEntryFactory(WrittenByTriggersFactory[models.AuditLogEntry]):
    class Meta:
        model = models.AuditLogEntry

    server = SubFactory(ServerFactory)
    action = "role.update"


class AdminAccessFactory(WrittenByTriggersFactory[models.AdminAccess]):
    class Meta:
        model = models.AdminAccess

    actor = SubFactory(UserFactory)
    action = "direct_message.read"


class DiscardedFileFactory(DjangoModelFactory[models.DiscardedFile]):
    class Meta:
        model = models.DiscardedFile

    space_id = LazyFunction(uuid7)
    storage_key = Sequence("files/{}".format)
