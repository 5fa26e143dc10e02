"""Messages in channels, and what hangs on a message: revisions, mentions, reactions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import CheckConstraint, Exists, F, Index, OuterRef, Q, UniqueConstraint
from django.db.models.functions import Length, Now
from django.db.models.lookups import GreaterThanOrEqual

from chat.constraints import CompositeForeignKey, OnDelete
from chat.ids import UUIDv7, uuid7
from chat.models.access import ChannelAccess
from chat.models.base import Reference, Row, moments_constraint
from chat.models.posts import Post, PostPart, post_constraints
from chat.permissions import Permission

if TYPE_CHECKING:
    from uuid import UUID

    from chat.models.users import User


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages, narrowed by who may read them."""

    def visible_to(self, user: User | UUID) -> Self:
        """Return those that `user`, or the user with that id, can read, without deleted ones.

        Needs VIEW_CHANNEL and READ_MESSAGE_HISTORY. Name a server or a channel too: these are all
        that somebody could ever read.
        """
        readable = ChannelAccess.objects.annotate(
            reading=F("permissions").bitand(Permission.READ_MESSAGE_HISTORY.value)
        ).filter(user=user, server=OuterRef("server"), channel=OuterRef("channel"), reading__gt=0)
        return self.filter(Exists(readable), deleted_at__isnull=True)


class Message(Post):
    """A message in a channel of a server."""

    server = Reference("chat.Server", related_name="+")
    channel = Reference("chat.Channel", related_name="messages")

    objects = MessageQuerySet.as_manager()

    class Meta:
        db_table = "messages"
        db_table_comment = "Messages in channels, numbered without gaps by seq."
        permissions = [("read_deleted_messages", "Can read what deleted messages said")]
        indexes = [
            # What somebody wrote: in one channel (slow mode), in a server (search), everywhere
            # (erasure).
            Index(fields=["author", "server", "channel", "seq"], name="messages_author_ix"),
            # The answers to a message.
            Index(
                fields=["server", "channel", "reply_to_seq"],
                name="messages_reply_ix",
                condition=Q(reply_to_seq__isnull=False),
            ),
            # The deleted ones between the read mark and the end, which unread leaves out.
            Index(
                fields=["server", "channel", "seq"],
                name="messages_deleted_ix",
                condition=Q(deleted_at__isnull=False),
            ),
            # The pins of a channel, newest first.
            Index(
                F("server"),
                F("channel"),
                F("pinned_at").desc(),
                name="messages_pinned_ix",
                condition=Q(pinned_at__isnull=False, deleted_at__isnull=True),
            ),
            # The newest of a server: search reads along it when a word is too common to sort.
            Index(fields=["server", "created_at", "id"], name="messages_created_ix"),
            # Words, one tenant at a time (btree_gin): without the tenant in front, a common word in
            # a quiet place would be looked up everywhere. The bound on the list of pending entries
            # is a bound on how long the insert that empties it can take.
            GinIndex(
                fields=["server", "search"],
                name="messages_search_ix",
                condition=Q(deleted_at__isnull=True),
                gin_pending_list_limit=1024,
            ),
        ]
        constraints = [
            # The history of a channel reads along this key.
            UniqueConstraint(name="messages_seq_uq", fields=["server", "channel", "seq"]),
            UniqueConstraint(name="messages_uq", fields=["server", "id"]),
            *post_constraints("messages"),
            CompositeForeignKey(
                name="messages_channel_fk",
                fields=["server", "channel"],
                to="chat.Channel",
                to_fields=["server", "id"],
            ),
            # "A reply is in the same channel" is this key itself.
            CompositeForeignKey(
                name="messages_reply_fk",
                fields=["server", "channel", "reply_to_seq"],
                to="self",
                to_fields=["server", "channel", "seq"],
            ),
            CompositeForeignKey(
                name="messages_author_fk", fields=["author"], to="chat.User", to_fields=["id"]
            ),
        ]


class MessageRevision(PostPart):
    """What an edit replaced, written by a trigger so that no client can forget it."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    # The version that had this content.
    version = models.IntegerField()
    content = models.CharField(max_length=4000)
    # Who made the edit; the author unless the session names another in chat.actor.
    editor = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    replaced_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "message_revisions"
        db_table_comment = "Earlier versions of edited messages, written by a trigger."
        constraints = [
            UniqueConstraint(
                name="message_revisions_message_uq", fields=["space_id", "message", "version"]
            ),
            UniqueConstraint(
                name="message_revisions_direct_uq",
                fields=["space_id", "direct_message", "version"],
            ),
            CheckConstraint(
                name="message_revisions_target_ck",
                condition=Q(message__isnull=True, direct_message__isnull=False)
                | Q(message__isnull=False, direct_message__isnull=True),
            ),
            CheckConstraint(name="message_revisions_version_ck", condition=Q(version__gte=1)),
            moments_constraint("message_revisions", "replaced_at"),
            CompositeForeignKey(
                name="message_revisions_message_fk",
                fields=["space_id", "message"],
                to="chat.Message",
                to_fields=["server", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="message_revisions_direct_fk",
                fields=["space_id", "direct_message"],
                to="chat.DirectMessage",
                to_fields=["conversation", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="message_revisions_editor_fk",
                fields=["editor"],
                to="chat.User",
                to_fields=["id"],
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of message {self.message_id or self.direct_message_id}"


class Mention(Row):
    """A user or a role named in a message; neither means everyone.

    One row for each, never one for each reader.
    """

    server = Reference("chat.Server", related_name="+")
    channel = Reference("chat.Channel", related_name="+")
    seq = models.BigIntegerField()
    user = Reference(settings.AUTH_USER_MODEL, related_name="mentions", null=True, blank=True)
    role = Reference("chat.Role", related_name="+", null=True, blank=True)

    class Meta:
        db_table = "mentions"
        db_table_comment = "Who is named in a message: a user, a role, or (neither) everyone."
        indexes = [
            # Unread mentions of a user, channel by channel.
            Index(
                fields=["user", "server", "channel", "seq"],
                name="mentions_user_ix",
                condition=Q(user__isnull=False),
            ),
            # Unread mentions of a role or of everyone: few, while a busy channel has many of users.
            Index(
                fields=["server", "channel", "seq", "role"],
                name="mentions_shared_ix",
                condition=Q(user__isnull=True),
            ),
            # The inbox, newest first.
            Index(
                F("user"),
                F("created_at").desc(),
                F("id").desc(),
                name="mentions_inbox_ix",
                condition=Q(user__isnull=False),
            ),
            # The cascade from roles.
            Index(
                fields=["server", "role"],
                name="mentions_role_ix",
                condition=Q(role__isnull=False),
            ),
        ]
        constraints = [
            UniqueConstraint(
                name="mentions_uq",
                fields=["server", "channel", "seq", "user", "role"],
                nulls_distinct=False,
            ),
            CheckConstraint(
                name="mentions_target_ck", condition=Q(user__isnull=True) | Q(role__isnull=True)
            ),
            moments_constraint("mentions", "created_at"),
            CompositeForeignKey(
                name="mentions_message_fk",
                fields=["server", "channel", "seq"],
                to="chat.Message",
                to_fields=["server", "channel", "seq"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="mentions_user_fk", fields=["user"], to="chat.User", to_fields=["id"]
            ),
            CompositeForeignKey(
                name="mentions_role_fk",
                fields=["server", "role"],
                to="chat.Role",
                to_fields=["server", "id"],
                on_delete=OnDelete.CASCADE,
            ),
        ]

    def __str__(self) -> str:
        if self.user_id:
            return f"mention of user {self.user_id}"
        return f"mention of role {self.role_id}" if self.role_id else "mention of everyone"


class Reaction(PostPart, Row):
    """An emoji that somebody put under a message."""

    emoji = models.CharField(max_length=64)
    user = Reference(settings.AUTH_USER_MODEL, related_name="+")

    class Meta:
        db_table = "reactions"
        db_table_comment = "Emoji under messages; each user puts each emoji once."
        indexes = [
            # What somebody reacted to, asked by erasure.
            Index(fields=["user", "space_id"], name="reactions_user_ix"),
        ]
        constraints = [
            UniqueConstraint(
                name="reactions_message_uq", fields=["space_id", "message", "emoji", "user"]
            ),
            UniqueConstraint(
                name="reactions_direct_uq",
                fields=["space_id", "direct_message", "emoji", "user"],
            ),
            CheckConstraint(
                name="reactions_target_ck",
                condition=Q(message__isnull=True, direct_message__isnull=False)
                | Q(message__isnull=False, direct_message__isnull=True),
            ),
            CheckConstraint(
                name="reactions_emoji_ck", condition=GreaterThanOrEqual(Length("emoji"), 1)
            ),
            moments_constraint("reactions", "created_at"),
            CompositeForeignKey(
                name="reactions_message_fk",
                fields=["space_id", "message"],
                to="chat.Message",
                to_fields=["server", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="reactions_direct_fk",
                fields=["space_id", "direct_message"],
                to="chat.DirectMessage",
                to_fields=["conversation", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="reactions_user_fk", fields=["user"], to="chat.User", to_fields=["id"]
            ),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} by user {self.user_id}"
