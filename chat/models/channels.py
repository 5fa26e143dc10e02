"""Channels, and what is allowed or denied in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models import (
    Case,
    CheckConstraint,
    Exists,
    F,
    GeneratedField,
    Index,
    OuterRef,
    Q,
    SmallIntegerField,
    UniqueConstraint,
    Value,
    When,
)
from django.db.models.functions import Length
from django.db.models.lookups import Exact, GreaterThanOrEqual

from chat.constraints import CompositeForeignKey, OnDelete
from chat.models.access import ChannelAccess
from chat.models.base import ChangingRow, Reference, legible_constraint, moments_constraint
from chat.models.roles import LARGEST_MASK

if TYPE_CHECKING:
    from uuid import UUID

    from chat.models.users import User


class ChannelQuerySet(models.QuerySet["Channel"]):
    """Channels, narrowed by who may know of them."""

    def visible_to(self, user: User | UUID) -> Self:
        """Return those that `user`, or the user with that id, can see."""
        seen = ChannelAccess.objects.filter(
            user=user, server=OuterRef("server"), channel=OuterRef("pk")
        )
        return self.filter(Exists(seen))


class Channel(ChangingRow):
    """A place in a server where messages stand in a row, or a category that holds such places."""

    class Kind(models.TextChoices):
        """What can be done in it."""

        TEXT = "text"
        VOICE = "voice"
        CATEGORY = "category"
        ANNOUNCEMENT = "announcement"
        THREAD = "thread"

    server = Reference("chat.Server", related_name="channels")
    # The category of a channel, the channel of a thread.
    parent = Reference("self", related_name="children", null=True, blank=True)
    kind = models.CharField(
        max_length=16, choices=Kind.choices, default=Kind.TEXT, db_default=Kind.TEXT
    )
    # 0 a category, 1 a channel, 2 a thread. The key to the parent carries the level that it must
    # have, so that channels form a tree of three levels and no cycle can be stored.
    level = GeneratedField(
        expression=Case(
            When(kind="category", then=Value(0)),
            When(kind="thread", then=Value(2)),
            default=Value(1),
        ),
        output_field=SmallIntegerField(),
        db_persist=True,
    )
    parent_level = GeneratedField(
        expression=Case(
            When(parent__isnull=True, then=Value(None, output_field=SmallIntegerField())),
            When(kind="thread", then=Value(1)),
            default=Value(0),
        ),
        output_field=SmallIntegerField(null=True),
        db_persist=True,
    )
    name = models.CharField(max_length=100)
    topic = models.CharField(max_length=1024, blank=True, default="", db_default="")
    position = models.IntegerField(default=0, db_default=0)
    slowmode_seconds = models.IntegerField(default=0, db_default=0)
    nsfw = models.BooleanField(default=False, db_default=False)
    # The number of the newest message, counted by the trigger that numbers messages.
    last_seq = models.BigIntegerField(db_default=0, editable=False)
    last_message_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = ChannelQuerySet.as_manager()

    class Meta:
        db_table = "channels"
        db_table_comment = "Channels, categories and threads. last_seq numbers the messages."
        indexes = [
            # The channel list of a server, as the client draws it, and the threads of a channel.
            Index(
                fields=["server", "parent", "position"],
                name="channels_tree_ix",
                condition=Q(deleted_at__isnull=True),
            ),
        ]
        constraints = [
            UniqueConstraint(name="channels_uq", fields=["server", "id"]),
            UniqueConstraint(name="channels_level_uq", fields=["server", "id", "level"]),
            CheckConstraint(
                name="channels_kind_ck",
                condition=Q(kind__in=["text", "voice", "category", "announcement", "thread"]),
            ),
            CheckConstraint(
                name="channels_parent_ck",
                condition=Q(kind="category", parent__isnull=True)
                | Q(kind="thread", parent__isnull=False)
                | ~Q(kind__in=["category", "thread"]),
                violation_error_message="A category has no parent, a thread has one.",
            ),
            CheckConstraint(
                name="channels_name_ck", condition=GreaterThanOrEqual(Length("name"), 1)
            ),
            legible_constraint("channels", "name"),
            CheckConstraint(name="channels_position_ck", condition=Q(position__gte=0)),
            CheckConstraint(
                name="channels_slowmode_seconds_ck",
                condition=Q(slowmode_seconds__gte=0, slowmode_seconds__lte=21600),
            ),
            CheckConstraint(
                name="channels_last_seq_ck",
                condition=Q(last_seq=0) | (Q(last_seq__gte=0) & ~Q(kind="category")),
                violation_error_message="A category has no messages.",
            ),
            moments_constraint(
                "channels", "created_at", "updated_at", "last_message_at", "deleted_at"
            ),
            CompositeForeignKey(
                name="channels_server_fk",
                fields=["server"],
                to="chat.Server",
                to_fields=["id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="channels_parent_fk",
                fields=["server", "parent", "parent_level"],
                to="self",
                to_fields=["server", "id", "level"],
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.name}"


class ChannelPermission(ChangingRow):
    """An overwrite: what a role or a member is allowed or denied in one channel."""

    server = Reference("chat.Server", related_name="+")
    channel = Reference(Channel, related_name="overwrites")
    role = Reference("chat.Role", related_name="overwrites", null=True, blank=True)
    user = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    allow = models.BigIntegerField(default=0, db_default=0)
    deny = models.BigIntegerField(default=0, db_default=0)

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
            CompositeForeignKey(
                name="channel_permissions_channel_fk",
                fields=["server", "channel"],
                to="chat.Channel",
                to_fields=["server", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="channel_permissions_role_fk",
                fields=["server", "role"],
                to="chat.Role",
                to_fields=["server", "id"],
                on_delete=OnDelete.CASCADE,
            ),
            CompositeForeignKey(
                name="channel_permissions_user_fk",
                fields=["user"],
                to="chat.User",
                to_fields=["id"],
            ),
        ]

    def __str__(self) -> str:
        target = f"role {self.role_id}" if self.role_id else f"user {self.user_id}"
        return f"overwrite for {target} in channel {self.channel_id}"
