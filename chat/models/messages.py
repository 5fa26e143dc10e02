"""Messages of channels and conversations, and what belongs to a message."""

from typing import Self
from uuid import UUID

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import CheckConstraint, Exists, F, Index, OuterRef, Q, UniqueConstraint
from django.db.models.functions import Now

from chat.db.checks import choices_constraint, moments_constraint
from chat.db.constraints import CompositeForeignKey, OnDelete, foreign_key, tenant_key
from chat.db.fields import Reference
from chat.db.ids import UUIDv7, uuid7
from chat.models.access import ChannelAccess
from chat.models.base import ChangingRow, Row
from chat.models.users import User
from chat.rules.limits import CONTENT_LENGTH, EMOJI_LENGTH
from chat.rules.permissions import Permission


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages, filtered by who may read them."""

    def visible_to(self, user: User | UUID) -> Self:
        """Return those that `user`, or the user with that id, can read, without deleted ones.

        Needs VIEW_CHANNEL and READ_MESSAGE_HISTORY. Filter by a space or a channel too: these are
        all messages that the user can read anywhere.
        """
        readable = ChannelAccess.objects.annotate(
            reading=F("permissions").bitand(Permission.READ_MESSAGE_HISTORY.value)
        ).filter(
            user=user, space_id=OuterRef("space_id"), channel=OuterRef("channel"), reading__gt=0
        )
        return self.filter(Exists(readable), deleted_at__isnull=True)


class Message(ChangingRow):
    """A message in a channel or a conversation.

    The database numbers them by `seq`, without gaps and in the order of commits. Deleting sets
    `deleted_at` and keeps the number; editing raises `version`, and a trigger keeps the old content
    as a revision.
    """

    class Kind(models.TextChoices):
        """A text of a user, or an event that the system announces."""

        TEXT = "text"
        JOIN = "join"
        PIN = "pin"
        RENAME = "rename"
        THREAD = "thread"
        NOTICE = "notice"

    space_id = models.UUIDField(
        db_comment="The tenant: the server's id, or the conversation's own."
    )
    channel = Reference("chat.Channel", related_name="messages")
    # Whatever a client writes here is replaced by the next number.
    seq = models.BigIntegerField(
        db_default=0, editable=False, db_comment="Its number in the channel, without gaps."
    )
    author = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    kind = models.CharField(
        max_length=8, choices=Kind.choices, default=Kind.TEXT, db_default=Kind.TEXT
    )
    content = models.CharField(max_length=CONTENT_LENGTH, blank=True, default="", db_default="")
    reply_to_seq = models.BigIntegerField(
        null=True, blank=True, db_comment="The seq of the message answered, in the same channel."
    )
    version = models.IntegerField(
        db_default=1, editable=False, db_comment="One more with each edit; see message_revisions."
    )
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_by = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    # Whatever a client writes here is replaced by the words of the content. Stored, because an
    # index on the expression would compute it again for each row that it finds.
    search = SearchVectorField(
        null=True,
        editable=False,
        db_default="",
        db_comment="The words of the content, made by search_vector().",
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        db_table_comment = "Messages in channels and conversations, numbered without gaps by seq."
        permissions = [("read_deleted_messages", "Can read what deleted messages said")]
        indexes = [
            # All messages of a user, for erasure.
            Index(fields=["author"], name="messages_author_ix"),
            # The replies to a message.
            Index(
                fields=["space_id", "channel", "reply_to_seq"],
                name="messages_reply_ix",
                condition=Q(reply_to_seq__isnull=False),
            ),
            # The deleted ones after a read mark, which are not counted as unread.
            Index(
                fields=["space_id", "channel", "seq"],
                name="messages_deleted_ix",
                condition=Q(deleted_at__isnull=False),
            ),
            # The pins of a channel, newest first.
            Index(
                F("space_id"),
                F("channel"),
                F("pinned_at").desc(),
                name="messages_pinned_ix",
                condition=Q(pinned_at__isnull=False, deleted_at__isnull=True),
            ),
            # The newest of a space: search reads along it when a word is too common to sort.
            Index(fields=["space_id", "created_at", "id"], name="messages_created_ix"),
            # Those of conversations, few among many, as the admin lists them.
            Index(
                fields=["id"],
                name="messages_direct_ix",
                condition=Q(space_id=F("channel")),
            ),
            # Words of one tenant (btree_gin): without the tenant first, a common word would be
            # looked up in all tenants. The limit on the pending list, in kB, limits the time of the
            # insert that flushes it, and of each search, which reads the whole of it.
            GinIndex(
                fields=["space_id", "search"],
                name="messages_search_ix",
                condition=Q(deleted_at__isnull=True),
                gin_pending_list_limit=1024,
            ),
        ]
        constraints = [
            # The history of a channel reads along this key.
            UniqueConstraint(name="messages_seq_uq", fields=["space_id", "channel", "seq"]),
            UniqueConstraint(name="messages_uq", fields=["space_id", "id"]),
            choices_constraint(
                "messages", "kind", ["text", "join", "pin", "rename", "thread", "notice"]
            ),
            CheckConstraint(
                name="messages_author_ck",
                # A content without an author would outlive the erasure of its writer.
                condition=Q(kind="text", author__isnull=False) | (~Q(kind="text") & Q(content="")),
                violation_error_message=(
                    "A text has an author, a message of the system has no words."
                ),
            ),
            CheckConstraint(name="messages_seq_ck", condition=Q(seq__gte=1)),
            moments_constraint(
                "messages", "created_at", "updated_at", "edited_at", "pinned_at", "deleted_at"
            ),
            CheckConstraint(
                name="messages_reply_ck",
                condition=Q(reply_to_seq__gte=1, reply_to_seq__lt=F("seq")),
                violation_error_message="A reply comes after what it answers.",
            ),
            CheckConstraint(name="messages_version_ck", condition=Q(version__gte=1)),
            CheckConstraint(
                name="messages_pinned_ck",
                condition=Q(pinned_at__isnull=False) | Q(pinned_by__isnull=True),
            ),
            CheckConstraint(
                name="messages_deleted_ck",
                condition=Q(deleted_at__isnull=False) | Q(deleted_by__isnull=True),
            ),
            # To the counter, which a send has locked anyway.
            tenant_key(
                "messages",
                "channel",
                to="chat.ChannelCounter.channel",
                on_delete=OnDelete.NO_ACTION,
            ),
            # "A reply is in the same channel" is this key itself.
            CompositeForeignKey(
                name="messages_reply_fk",
                fields=["space_id", "channel", "reply_to_seq"],
                to="self",
                to_fields=["space_id", "channel", "seq"],
            ),
            foreign_key("messages", "author", to="chat.User.id"),
            foreign_key("messages", "pinned_by", to="chat.User.id"),
            foreign_key("messages", "deleted_by", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"message {self.seq}"


class DirectMessageManager(models.Manager["DirectMessage"]):
    """Only messages of conversations, and never those of a server."""

    def get_queryset(self) -> "models.QuerySet[DirectMessage]":
        """Return all messages of conversations."""
        return super().get_queryset().filter(space_id=F("channel"))


class DirectMessage(Message):
    """A message in a conversation."""

    objects = DirectMessageManager()  # type: ignore[assignment, misc]

    class Meta:
        proxy = True
        permissions = [("read_direct_messages", "Can read direct messages; each look is logged")]


class MessagePart(models.Model):
    """A row that belongs to one message."""

    space_id = models.UUIDField(db_comment="The tenant: that of the message.")
    message = Reference(Message, related_name="%(class)ss")

    class Meta:
        abstract = True


class MessageRevision(MessagePart):
    """The content that an edit replaced, written by a trigger so that no client can omit it."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    version = models.IntegerField(db_comment="The version that had this content.")
    content = models.CharField(max_length=CONTENT_LENGTH)
    # Who made the edit; the author unless the session names another in chat.actor.
    editor = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    replaced_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "message_revisions"
        db_table_comment = "Earlier versions of edited messages, written by a trigger."
        constraints = [
            UniqueConstraint(
                name="message_revisions_uq", fields=["space_id", "message", "version"]
            ),
            CheckConstraint(name="message_revisions_version_ck", condition=Q(version__gte=1)),
            moments_constraint("message_revisions", "replaced_at"),
            tenant_key("message_revisions", "message", to="chat.Message.id"),
            foreign_key("message_revisions", "editor", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of message {self.message_id}"


class Mention(Row):
    """A mention in a message of a user, of a role, or (neither) of everyone.

    One row for each, never one for each reader.
    """

    space_id = models.UUIDField(db_comment="The tenant: that of the message.")
    channel = Reference("chat.Channel", related_name="+")
    seq = models.BigIntegerField(db_comment="The number of the message in the channel.")
    user = Reference(settings.AUTH_USER_MODEL, related_name="mentions", null=True, blank=True)
    role = Reference("chat.Role", related_name="+", null=True, blank=True)

    class Meta:
        db_table = "mentions"
        db_table_comment = "Who is named in a message: a user, a role, or (neither) everyone."
        indexes = [
            # Unread mentions of a user, channel by channel.
            Index(
                fields=["user", "space_id", "channel", "seq"],
                name="mentions_user_ix",
                condition=Q(user__isnull=False),
            ),
            # Unread mentions of roles and of everyone: few, among the many of users.
            Index(
                fields=["space_id", "channel", "seq", "role"],
                name="mentions_shared_ix",
                condition=Q(user__isnull=True),
            ),
            # The inbox, newest first.
            Index(
                F("user"),
                F("created_at").desc(),
                F("id").desc(),
                name="mentions_latest_ix",
                include=["space_id", "channel", "seq"],
                condition=Q(user__isnull=False),
            ),
            # The cascade from roles.
            Index(
                fields=["space_id", "role"],
                name="mentions_role_ix",
                condition=Q(role__isnull=False),
            ),
        ]
        constraints = [
            UniqueConstraint(
                name="mentions_uq",
                fields=["space_id", "channel", "seq", "user", "role"],
                nulls_distinct=False,
            ),
            CheckConstraint(
                name="mentions_target_ck", condition=Q(user__isnull=True) | Q(role__isnull=True)
            ),
            moments_constraint("mentions", "created_at"),
            CompositeForeignKey(
                name="mentions_message_fk",
                fields=["space_id", "channel", "seq"],
                to="chat.Message",
                to_fields=["space_id", "channel", "seq"],
                on_delete=OnDelete.CASCADE,
            ),
            foreign_key("mentions", "user", to="chat.User.id"),
            tenant_key("mentions", "role", to="chat.Role.id", to_space="server"),
        ]

    def __str__(self) -> str:
        if self.user_id:
            return f"mention of user {self.user_id}"
        return f"mention of role {self.role_id}" if self.role_id else "mention of everyone"


class Reaction(MessagePart, Row):
    """An emoji that a user put under a message."""

    # In the form of chat.rules.emoji, which the trigger reactions_emoji_form asks for.
    emoji = models.CharField(max_length=EMOJI_LENGTH)
    user = Reference(settings.AUTH_USER_MODEL, related_name="+")

    class Meta:
        db_table = "reactions"
        db_table_comment = "Emoji under messages; each user puts each emoji once."
        indexes = [
            # All reactions of a user, for erasure.
            Index(fields=["user", "space_id"], name="reactions_user_ix"),
        ]
        constraints = [
            UniqueConstraint(name="reactions_uq", fields=["space_id", "message", "emoji", "user"]),
            moments_constraint("reactions", "created_at"),
            tenant_key("reactions", "message", to="chat.Message.id"),
            foreign_key("reactions", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} by user {self.user_id}"
