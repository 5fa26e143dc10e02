"""Direct conversations: between two, or in a small group."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import (
    CheckConstraint,
    F,
    Func,
    Index,
    Q,
    TextField,
    UniqueConstraint,
    UUIDField,
)
from django.db.models.functions import Cast, Substr
from django.db.models.lookups import Exact

from chat.constraints import CompositeForeignKey, OnDelete
from chat.models.base import ChangingRow, Reference, legible_constraint, moments_constraint
from chat.models.posts import Post, post_constraints

_ID_VERSION = Substr(Cast("id", TextField()), 15, 1)


class DirectConversation(ChangingRow):
    """A conversation outside any server.

    The id of a pair is computed from its two users (chat.ids.direct_pair_id), so that the second
    conversation of the same two is the same primary key, whoever asks.
    """

    class Kind(models.TextChoices):
        """Between two, or a group."""

        PAIR = "pair"
        GROUP = "group"

    kind = models.CharField(
        max_length=8, choices=Kind.choices, default=Kind.PAIR, db_default=Kind.PAIR
    )
    pair_low = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    pair_high = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    # Of a group only.
    name = models.CharField(max_length=100, blank=True, default="", db_default="")
    owner = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    last_seq = models.BigIntegerField(db_default=0, editable=False)
    last_message_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        db_table = "direct_conversations"
        db_table_comment = "Conversations of two or of a group; a pair has one, by its id."
        constraints = [
            CheckConstraint(
                name="direct_conversations_kind_ck", condition=Q(kind__in=["pair", "group"])
            ),
            CheckConstraint(
                name="direct_conversations_shape_ck",
                condition=Q(
                    kind="pair",
                    pair_low__isnull=False,
                    pair_high__isnull=False,
                    pair_low__lte=F("pair_high"),
                    name="",
                    owner__isnull=True,
                )
                | Q(kind="group", pair_low__isnull=True, pair_high__isnull=True),
                violation_error_message="A pair has two users, the lower id first; a group none.",
            ),
            CheckConstraint(
                name="direct_conversations_pair_ck",
                # Pairs have ids of version 8, which a group cannot take from them.
                condition=(Q(kind="group") & ~Q(Exact(_ID_VERSION, "8")))
                | Q(
                    kind="pair",
                    id=Func(
                        "pair_low",
                        "pair_high",
                        function="public.direct_pair_id",
                        output_field=UUIDField(),
                    ),
                ),
                violation_error_message=(
                    "The id of a pair is direct_pair_id(pair_low, pair_high); no group has one."
                ),
            ),
            legible_constraint("direct_conversations", "name", may_be_empty=True),
            CheckConstraint(name="direct_conversations_last_seq_ck", condition=Q(last_seq__gte=0)),
            moments_constraint(
                "direct_conversations", "created_at", "updated_at", "last_message_at"
            ),
            CompositeForeignKey(
                name="direct_conversations_pair_low_fk",
                fields=["pair_low"],
                to="chat.User",
                to_fields=["id"],
            ),
            CompositeForeignKey(
                name="direct_conversations_pair_high_fk",
                fields=["pair_high"],
                to="chat.User",
                to_fields=["id"],
            ),
            CompositeForeignKey(
                name="direct_conversations_owner_fk",
                fields=["owner"],
                to="chat.User",
                to_fields=["id"],
            ),
        ]

    def __str__(self) -> str:
        return self.name or f"{self.kind} {self.pk}"


class DirectParticipant(ChangingRow):
    """A user in a conversation, how far they have read, and whether they have left."""

    conversation = Reference(DirectConversation, related_name="participants")
    user = Reference(settings.AUTH_USER_MODEL, related_name="conversations")
    last_read_seq = models.BigIntegerField(default=0, db_default=0)
    muted_until = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "direct_participants"
        db_table_comment = "Who takes part in a conversation, and how far they have read."
        indexes = [
            # "My conversations".
            Index(fields=["user", "conversation"], name="direct_participants_user_ix"),
        ]
        constraints = [
            UniqueConstraint(name="direct_participants_uq", fields=["conversation", "user"]),
            CheckConstraint(
                name="direct_participants_last_read_seq_ck", condition=Q(last_read_seq__gte=0)
            ),
            moments_constraint(
                "direct_participants", "created_at", "updated_at", "muted_until", "left_at"
            ),
            CompositeForeignKey(
                name="direct_participants_conversation_fk",
                fields=["conversation"],
                to="chat.DirectConversation",
                to_fields=["id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="direct_participants_user_fk",
                fields=["user"],
                to="chat.User",
                to_fields=["id"],
            ),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} in conversation {self.conversation_id}"


class DirectMessage(Post):
    """A message in a direct conversation."""

    conversation = Reference(DirectConversation, related_name="messages")

    class Meta:
        db_table = "direct_messages"
        db_table_comment = "Messages in direct conversations, numbered without gaps by seq."
        permissions = [("read_direct_messages", "Can read direct messages; each look is logged")]
        indexes = [
            # What somebody wrote, asked by erasure.
            Index(fields=["author", "conversation", "seq"], name="direct_messages_author_ix"),
            # The answers to a message.
            Index(
                fields=["conversation", "reply_to_seq"],
                name="direct_messages_reply_ix",
                condition=Q(reply_to_seq__isnull=False),
            ),
            # The deleted ones, which unread leaves out.
            Index(
                fields=["conversation", "seq"],
                name="direct_messages_deleted_ix",
                condition=Q(deleted_at__isnull=False),
            ),
            # The pins of a conversation, newest first.
            Index(
                F("conversation"),
                F("pinned_at").desc(),
                name="direct_messages_pinned_ix",
                condition=Q(pinned_at__isnull=False, deleted_at__isnull=True),
            ),
            # Words, one tenant at a time (btree_gin): without the tenant in front, a common word in
            # a quiet place would be looked up everywhere. The bound on the list of pending entries
            # is a bound on how long the insert that empties it can take.
            GinIndex(
                fields=["conversation", "search"],
                name="direct_messages_search_ix",
                condition=Q(deleted_at__isnull=True),
                gin_pending_list_limit=1024,
            ),
        ]
        constraints = [
            UniqueConstraint(name="direct_messages_seq_uq", fields=["conversation", "seq"]),
            UniqueConstraint(name="direct_messages_uq", fields=["conversation", "id"]),
            *post_constraints("direct_messages"),
            CompositeForeignKey(
                name="direct_messages_conversation_fk",
                fields=["conversation"],
                to="chat.DirectConversation",
                to_fields=["id"],
            ),
            # Only a participant can write.
            CompositeForeignKey(
                name="direct_messages_author_fk",
                fields=["conversation", "author"],
                to="chat.DirectParticipant",
                to_fields=["conversation", "user"],
                violation_error_message="Only a participant can write in a conversation.",
            ),
            CompositeForeignKey(
                name="direct_messages_reply_fk",
                fields=["conversation", "reply_to_seq"],
                to="self",
                to_fields=["conversation", "seq"],
            ),
        ]
