"""Channels and conversations, their participants, counters and overwrites."""

from typing import Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import (
    Case,
    CheckConstraint,
    Deferrable,
    Exists,
    F,
    Func,
    GeneratedField,
    Index,
    OuterRef,
    Q,
    SmallIntegerField,
    Subquery,
    TextField,
    UniqueConstraint,
    UUIDField,
    Value,
    When,
)
from django.db.models.functions import Cast, Now, Substr
from django.db.models.lookups import Exact

from chat.db.checks import choices_constraint, legible_constraint, moments_constraint
from chat.db.constraints import CompositeForeignKey, OnDelete, foreign_key, tenant_key
from chat.db.fields import Reference, SpaceField
from chat.models.access import ChannelAccess
from chat.models.base import ChangingRow
from chat.models.users import User
from chat.rules.limits import LARGEST_MASK, NAME_LENGTH, SLOWMODE_SECONDS, TOPIC_LENGTH

# The kinds that are conversations: outside any server, and a space of their own.
CONVERSATION_KINDS = ["pair", "group"]

_ID_VERSION = Substr(Cast("id", TextField()), 15, 1)


class ChannelQuerySet(models.QuerySet["Channel"]):
    """Channels, filtered by who may see them."""

    def visible_to(self, user: User | UUID) -> Self:
        """Return those that `user`, or the user with that id, can see, conversations included."""
        seen = ChannelAccess.objects.filter(
            user=user, space_id=OuterRef("space_id"), channel=OuterRef("pk")
        )
        return self.filter(Exists(seen))

    def with_counter(self) -> Self:
        """Return them with `last_seq` and `last_message_at`, of the newest message."""
        counter = ChannelCounter.objects.filter(
            space_id=OuterRef("space_id"), channel=OuterRef("pk")
        )
        return self.annotate(
            last_seq=Subquery(counter.values("last_seq")),
            last_message_at=Subquery(counter.values("last_message_at")),
        )


class Channel(ChangingRow):
    """A channel of a server, or a conversation, which has no server.

    A category has channels and no messages. The id of a pair is computed from its two users
    (chat.db.ids.direct_pair_id), so that a second conversation of the same two has the same primary
    key.
    """

    class Kind(models.TextChoices):
        """What can be done in it."""

        TEXT = "text"
        VOICE = "voice"
        CATEGORY = "category"
        ANNOUNCEMENT = "announcement"
        THREAD = "thread"
        PAIR = "pair"
        GROUP = "group"

    space_id = SpaceField(
        of=["server_id", "id"],
        db_comment="The tenant: the server's id, or the conversation's own.",
    )
    # None for a conversation.
    server = Reference("chat.Server", related_name="channels", null=True, blank=True)
    # The category of a channel, the channel of a thread.
    parent = Reference("self", related_name="children", null=True, blank=True)
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.TEXT, db_default=Kind.TEXT
    )
    # The key to the parent includes the level that it must have, so that channels form a tree of
    # three levels without cycles.
    level = GeneratedField(
        expression=Case(
            When(kind="category", then=Value(0)),
            When(kind="thread", then=Value(2)),
            default=Value(1),
        ),
        output_field=SmallIntegerField(),
        db_persist=True,
        db_comment="0 a category, 1 a channel or a conversation, 2 a thread.",
    )
    parent_level = GeneratedField(
        expression=Case(
            When(parent__isnull=True, then=Value(None, output_field=SmallIntegerField())),
            When(kind="thread", then=Value(1)),
            default=Value(0),
        ),
        output_field=SmallIntegerField(null=True),
        db_persist=True,
        db_comment="The level that the parent must have.",
    )
    # Empty for a pair, optional for a group.
    name = models.CharField(max_length=NAME_LENGTH, blank=True, default="")
    topic = models.CharField(max_length=TOPIC_LENGTH, blank=True, default="", db_default="")
    position = models.IntegerField(default=0, db_default=0)
    slowmode_seconds = models.IntegerField(default=0, db_default=0)
    nsfw = models.BooleanField(default=False, db_default=False)
    pair_low = Reference(
        settings.AUTH_USER_MODEL,
        related_name="+",
        null=True,
        blank=True,
        db_comment="Of a pair, the user with the lower id.",
    )
    pair_high = Reference(
        settings.AUTH_USER_MODEL,
        related_name="+",
        null=True,
        blank=True,
        db_comment="Of a pair, the user with the higher id.",
    )
    owner = Reference(
        settings.AUTH_USER_MODEL,
        related_name="+",
        null=True,
        blank=True,
        db_comment="Of a group; NULL when nobody is left in it.",
    )
    archived_at = models.DateTimeField(
        null=True, blank=True, db_comment="Since when it takes no messages, while it can be read."
    )
    deleted_at = models.DateTimeField(null=True, blank=True)
    legal_hold_at = models.DateTimeField(
        null=True,
        blank=True,
        db_comment="Of a conversation, since when nothing of it may be purged (trigger). NULL: no "
        "hold.",
    )

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "channels"
        db_table_comment = "Channels, categories, threads, and conversations of two or of a group."
        indexes = [
            # The channel list of a server, as the client draws it, and the threads of a channel.
            Index(
                fields=["space_id", "parent", "position"],
                name="channels_tree_ix",
                condition=Q(deleted_at__isnull=True),
            ),
            # The archived threads of a channel: queries/sql/archived_threads.sql. And what a purged
            # channel is the parent of, deleted or not: the key asks for it.
            Index(
                fields=["space_id", "parent", "-archived_at", "-id"],
                name="channels_parent_ix",
                condition=Q(parent__isnull=False),
            ),
        ]
        constraints = [
            UniqueConstraint(name="channels_uq", fields=["space_id", "id"]),
            UniqueConstraint(name="channels_level_uq", fields=["space_id", "id", "level"]),
            choices_constraint(
                "channels",
                "kind",
                ["text", "voice", "category", "announcement", "thread", *CONVERSATION_KINDS],
            ),
            # This prevents a conversation with a server, and a server's channel without one.
            CheckConstraint(
                name="channels_space_ck",
                condition=Q(
                    kind__in=CONVERSATION_KINDS,
                    server__isnull=True,
                    parent__isnull=True,
                    space_id=F("id"),
                )
                | (
                    ~Q(kind__in=CONVERSATION_KINDS)
                    & Q(server__isnull=False, space_id=F("server"))
                    & ~Q(space_id=F("id"))
                ),
                violation_error_message="A conversation has no server, any other channel has one.",
            ),
            CheckConstraint(
                name="channels_pair_ck",
                # Pairs have ids of version 8, which no other channel can have.
                condition=(
                    ~Q(kind="pair")
                    & Q(pair_low__isnull=True, pair_high__isnull=True)
                    & ~Q(Exact(_ID_VERSION, "8"))
                )
                | Q(
                    kind="pair",
                    pair_low__isnull=False,
                    pair_high__isnull=False,
                    pair_low__lte=F("pair_high"),
                    name="",
                    id=Func(
                        "pair_low",
                        "pair_high",
                        function="public.direct_pair_id",
                        output_field=UUIDField(),
                    ),
                ),
                violation_error_message=(
                    "A pair has two users, the lower id first, no name, and the id "
                    "direct_pair_id(pair_low, pair_high); no other channel has such an id."
                ),
            ),
            CheckConstraint(
                name="channels_owner_ck",
                condition=Q(owner__isnull=True) | Q(kind="group"),
                violation_error_message="Of the conversations and channels, a group has an owner.",
            ),
            CheckConstraint(
                name="channels_parent_ck",
                condition=Q(kind="category", parent__isnull=True)
                | Q(kind="thread", parent__isnull=False)
                | ~Q(kind__in=["category", "thread"]),
                violation_error_message="A category has no parent, a thread has one.",
            ),
            CheckConstraint(
                name="channels_name_ck",
                condition=Q(kind__in=CONVERSATION_KINDS) | ~Q(name=""),
                violation_error_message="A channel of a server has a name.",
            ),
            legible_constraint("channels", "name", may_be_empty=True),
            CheckConstraint(name="channels_position_ck", condition=Q(position__gte=0)),
            CheckConstraint(
                name="channels_slowmode_seconds_ck",
                condition=Q(slowmode_seconds__gte=0, slowmode_seconds__lte=SLOWMODE_SECONDS),
            ),
            CheckConstraint(
                name="channels_legal_hold_ck",
                condition=Q(legal_hold_at__isnull=True) | Q(server__isnull=True),
                violation_error_message="A channel is held with its server.",
            ),
            moments_constraint(
                "channels", "created_at", "updated_at", "archived_at", "deleted_at", "legal_hold_at"
            ),
            tenant_key("channels", "server", to="chat.Server.id"),
            CompositeForeignKey(
                name="channels_parent_fk",
                fields=["space_id", "parent", "parent_level"],
                to="self",
                to_fields=["space_id", "id", "level"],
            ),
            foreign_key("channels", "pair_low", to="chat.User.id"),
            foreign_key("channels", "pair_high", to="chat.User.id"),
            foreign_key("channels", "owner", to="chat.User.id"),
            # Whoever erases an account looks for its groups among its conversations. At COMMIT: the
            # group is there before those who take part in it.
            CompositeForeignKey(
                name="channels_owner_participant_fk",
                fields=["space_id", "owner"],
                to="chat.Participant",
                to_fields=["channel", "user"],
                deferrable=Deferrable.DEFERRED,
                violation_error_message="The owner takes or took part in the group.",
            ),
        ]

    def __str__(self) -> str:
        if self.kind in CONVERSATION_KINDS:
            return self.name or f"{self.kind} {self.pk}"
        return f"#{self.name}"


class DirectConversationManager(models.Manager["DirectConversation"]):
    """Only conversations, and never what belongs to a server."""

    def get_queryset(self) -> "models.QuerySet[DirectConversation]":
        """Return all conversations."""
        return super().get_queryset().filter(kind__in=CONVERSATION_KINDS)


class DirectConversation(Channel):
    """A channel outside any server: a pair or a group."""

    objects = DirectConversationManager()  # type: ignore[assignment, misc]

    class Meta:
        proxy = True


class ChannelCounter(models.Model):
    """The first and the last number of a channel's messages, and whether it takes more.

    A narrow row of its own, since each message updates it. Only triggers write it: a message takes
    its number from it, and waits for its lock while somebody closes the channel.
    """

    pk = models.CompositePrimaryKey("space_id", "channel")
    space_id = models.UUIDField(
        db_comment="The tenant: the server's id, or the conversation's own."
    )
    channel = Reference(Channel, related_name="+")
    first_seq = models.BigIntegerField(
        db_default=1, db_comment="The lowest number that can be there: below it all was purged."
    )
    last_seq = models.BigIntegerField(
        db_default=0, db_comment="The number of the newest message; 0 before the first."
    )
    last_change = models.BigIntegerField(
        db_default=0, db_comment="Goes up with whatever opens or closes the channel."
    )
    ranges_upto = models.BigIntegerField(
        null=True,
        blank=True,
        db_comment="Up to this number there may be read_ranges; NULL without any.",
    )
    last_message_at = models.DateTimeField(null=True, blank=True)
    closed = models.BooleanField(
        db_default=False,
        db_comment="Takes no messages: a category, archived, deleted, or in what is deleted.",
    )

    class Meta:
        db_table = "channel_counters"
        db_table_comment = "The newest number of each channel; written by triggers alone."
        constraints = [
            CheckConstraint(
                name="channel_counters_seq_ck",
                condition=Q(first_seq__gte=1, first_seq__lte=F("last_seq") + 1),
            ),
            tenant_key("channel_counters", "channel", to="chat.Channel.id"),
        ]

    def __str__(self) -> str:
        return f"{self.last_seq} in channel {self.channel_id}"


class Participant(ChangingRow):
    """A user who takes part in a conversation, or who left it."""

    channel = Reference(
        Channel,
        related_name="participants",
        db_column="space_id",
        db_comment="The tenant: the conversation.",
    )
    user = Reference(settings.AUTH_USER_MODEL, related_name="conversations")
    joined_at = models.DateTimeField(db_default=Now())
    left_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "participants"
        db_table_comment = "Who takes part in a conversation; who has left keeps the row."
        indexes = [
            # "My conversations".
            Index(fields=["user", "channel"], name="participants_user_ix"),
        ]
        constraints = [
            UniqueConstraint(name="participants_uq", fields=["channel", "user"]),
            moments_constraint("participants", "created_at", "updated_at", "joined_at", "left_at"),
            # Both columns of the key are the same: only a conversation is its own space, so no
            # channel of a server has participants. A cluster takes the last pair for that of the
            # spaces.
            CompositeForeignKey(
                name="participants_channel_fk",
                fields=["channel", "channel"],
                to="chat.Channel",
                to_fields=["id", "space_id"],
                on_delete=OnDelete.CASCADE,
            ),
            foreign_key("participants", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} in conversation {self.channel_id}"


class ChannelPermission(ChangingRow):
    """An overwrite: what one channel allows or denies to a role or a member."""

    server = Reference(
        "chat.Server", related_name="+", db_column="space_id", db_comment="The tenant: the server."
    )
    channel = Reference(Channel, related_name="overwrites")
    role = Reference("chat.Role", related_name="overwrites", null=True, blank=True)
    user = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    allow = models.BigIntegerField(
        default=0, db_default=0, db_comment="Bits of chat.rules.permissions.Permission."
    )
    deny = models.BigIntegerField(
        default=0, db_default=0, db_comment="Bits of chat.rules.permissions.Permission."
    )

    class Meta:
        db_table = "channel_permissions"
        db_table_comment = "Overwrites of a channel, each for one role or for one user."
        indexes = [
            # The cascade from roles.
            Index(
                fields=["server", "role"],
                name="channel_permissions_role_ix",
                condition=Q(role__isnull=False),
            ),
        ]
        constraints = [
            UniqueConstraint(
                name="channel_permissions_uq",
                fields=["server", "channel", "role", "user"],
                nulls_distinct=False,
            ),
            CheckConstraint(
                name="channel_permissions_target_ck",
                condition=Q(role__isnull=True, user__isnull=False)
                | Q(role__isnull=False, user__isnull=True),
                violation_error_message="An overwrite is for one role or for one user.",
            ),
            CheckConstraint(
                name="channel_permissions_mask_ck",
                condition=Q(
                    allow__gte=0, allow__lte=LARGEST_MASK, deny__gte=0, deny__lte=LARGEST_MASK
                ),
            ),
            CheckConstraint(
                name="channel_permissions_disjoint_ck",
                condition=Exact(F("allow").bitand(F("deny")), 0),  # type: ignore[arg-type]
                violation_error_message="A permission cannot be allowed and denied at once.",
            ),
            moments_constraint("channel_permissions", "created_at", "updated_at"),
            tenant_key("channel_permissions", "channel", to="chat.Channel.id", space="server"),
            tenant_key(
                "channel_permissions", "role", to="chat.Role.id", space="server", to_space="server"
            ),
            foreign_key("channel_permissions", "user", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        target = f"role {self.role_id}" if self.role_id else f"user {self.user_id}"
        return f"overwrite for {target} in channel {self.channel_id}"
