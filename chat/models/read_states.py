"""Read marks and notification settings of users in channels, and what is new to nobody there."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import (
    BigIntegerField,
    CheckConstraint,
    F,
    Index,
    Q,
    UniqueConstraint,
    UUIDField,
)
from django.db.models.functions import Now

from chat.db.checks import choices_constraint, moments_constraint
from chat.db.constraints import tenant_key
from chat.db.fields import Reference
from chat.models.base import ChangingRow, Row


class ReadState(ChangingRow):
    """How far a user has read in a channel or a conversation, and what they are notified of.

    The number of unread messages is last_seq - last_read_seq - those in between that were deleted
    or are in a ReadRange. The mark may go back, but never past the newest message; the user's own
    message moves it, and so does what lets the user into a channel (triggers). It belongs to a
    member or a participant, and is deleted with them (triggers).
    """

    class Notify(models.TextChoices):
        """What a user is notified of."""

        ALL = "all"
        MENTIONS = "mentions"
        NOTHING = "nothing"

    space_id = models.UUIDField(
        db_comment="The tenant: the server's id, or the conversation's own."
    )
    user = Reference(settings.AUTH_USER_MODEL, related_name="read_states")
    channel = Reference("chat.Channel", related_name="read_states")
    # Beside what a send changes too: what lies between the first and the last change is in the WAL.
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    last_read_seq = models.BigIntegerField(
        default=0, db_default=0, db_comment="Up to this number all is read."
    )
    ranges_upto = models.BigIntegerField(
        null=True,
        blank=True,
        editable=False,
        db_comment="Imports and openings up to this number are unread like any other message.",
    )
    last_sent_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        db_comment="When they last wrote here, asked by slow mode.",
    )
    notify = models.CharField(
        max_length=8,
        choices=Notify.choices,
        null=True,
        blank=True,
        db_comment="NULL: as the client's default has it.",
    )
    muted_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "read_states"
        db_table_comment = "How far somebody has read in a channel or a conversation."
        indexes = [
            # The cascade from channels. With the user, for the planner may take it in place of the
            # key: a query for one mark would then read the marks of all users of the channel.
            Index(fields=["space_id", "channel", "user"], name="read_states_reader_ix"),
        ]
        constraints = [
            UniqueConstraint(name="read_states_uq", fields=["space_id", "user", "channel"]),
            CheckConstraint(name="read_states_last_read_seq_ck", condition=Q(last_read_seq__gte=0)),
            choices_constraint("read_states", "notify", ["all", "mentions", "nothing"]),
            moments_constraint(
                "read_states", "created_at", "updated_at", "last_sent_at", "muted_until"
            ),
            # To the counter, which a send has locked: the channel's own row would be locked after
            # it, while closing a channel locks that row first.
            tenant_key("read_states", "channel", to="chat.ChannelCounter.channel"),
        ]

    def __str__(self) -> str:
        return f"user {self.user_id} at {self.last_read_seq} in channel {self.channel_id}"


class ReadRange(Row):
    """Messages of a channel that are unread to nobody, or only to those who could read them.

    Written by triggers alone: for what was purged or imported, and for what was there when a role,
    an overwrite or a move let more people in (an opening). An opening knows who could read before:
    whoever could not, with the roles they have, has all of it as read. One row is enough for
    thousands of people.
    """

    class Reason(models.TextChoices):
        """Why nobody has to read it."""

        PURGE = "purge"
        IMPORT = "import"
        OPENING = "opening"

    space_id = models.UUIDField(
        db_comment="The tenant: the server's id, or the conversation's own."
    )
    channel = Reference("chat.Channel", related_name="+")
    first_seq = models.BigIntegerField(db_comment="The number of the first message in it.")
    last_seq = models.BigIntegerField(db_comment="The number of the last message in it.")
    reason = models.CharField(max_length=8, choices=Reason.choices)
    role_ids = ArrayField(
        UUIDField(null=True),
        null=True,
        blank=True,
        db_comment="Of an opening, the roles that mattered before, everyone's first.",
    )
    permissions = ArrayField(
        BigIntegerField(),
        null=True,
        blank=True,
        db_comment="What each of these roles permitted before.",
    )
    allow = ArrayField(
        BigIntegerField(),
        null=True,
        blank=True,
        db_comment="What the channel allowed each of them before.",
    )
    deny = ArrayField(
        BigIntegerField(),
        null=True,
        blank=True,
        db_comment="What the channel denied each of them before.",
    )

    class Meta:
        db_table = "read_ranges"
        db_table_comment = "Messages that are unread to nobody, or not to who could not read them."
        indexes = [
            # Those after a read mark.
            Index(fields=["space_id", "channel", "last_seq"], name="read_ranges_channel_ix"),
        ]
        constraints = [
            choices_constraint("read_ranges", "reason", ["purge", "import", "opening"]),
            CheckConstraint(
                name="read_ranges_seq_ck",
                condition=Q(first_seq__gte=1, first_seq__lte=F("last_seq")),
            ),
            CheckConstraint(
                name="read_ranges_opening_ck",
                condition=Q(
                    reason="opening",
                    role_ids__isnull=False,
                    permissions__isnull=False,
                    allow__isnull=False,
                    deny__isnull=False,
                )
                | (~Q(reason="opening") & Q(role_ids__isnull=True)),
            ),
            moments_constraint("read_ranges", "created_at"),
            tenant_key("read_ranges", "channel", to="chat.ChannelCounter.channel"),
        ]

    def __str__(self) -> str:
        return f"{self.reason} of {self.first_seq} to {self.last_seq} in channel {self.channel_id}"
