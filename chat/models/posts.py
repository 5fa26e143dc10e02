"""What a message in a channel and a direct message have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import CheckConstraint, F, Q

from chat.constraints import CompositeForeignKey
from chat.models.base import ChangingRow, Reference, moments_constraint

if TYPE_CHECKING:
    from django.db.models import BaseConstraint


class PostKind(models.TextChoices):
    """Written by somebody, or an event that the system tells of."""

    TEXT = "text"
    JOIN = "join"
    PIN = "pin"
    RENAME = "rename"
    THREAD = "thread"
    NOTICE = "notice"


class Post(ChangingRow):
    """One numbered entry in a row of messages.

    `seq` is given by the database, without gaps and in the order of commits. Deleting sets
    `deleted_at` and keeps the place; editing raises `version`, and what was replaced is kept as a
    revision by a trigger.
    """

    Kind = PostKind

    # 0 asks for the next number; whatever a client writes here is replaced by it.
    seq = models.BigIntegerField(db_default=0, editable=False)
    # Of an event whom it is about, if anybody.
    author = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    kind = models.CharField(
        max_length=8, choices=PostKind.choices, default=PostKind.TEXT, db_default=PostKind.TEXT
    )
    content = models.CharField(max_length=4000, blank=True, default="", db_default="")
    # The seq of the message answered, in the same channel or conversation.
    reply_to_seq = models.BigIntegerField(null=True, blank=True)
    version = models.IntegerField(db_default=1, editable=False)
    edited_at = models.DateTimeField(null=True, blank=True, editable=False)
    pinned_at = models.DateTimeField(null=True, blank=True)
    pinned_by = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    deleted_by = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    # "simple", for people write in every language. Stored, because an index on the expression
    # would compute it again for every row that it finds.
    search = models.GeneratedField(
        expression=SearchVector("content", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"message {self.seq}"


def post_constraints(table: str) -> list[BaseConstraint]:
    """Return what holds for every Post in `table`, beyond its tenant's keys."""
    return [
        CheckConstraint(
            name=f"{table}_kind_ck",
            condition=Q(kind__in=["text", "join", "pin", "rename", "thread", "notice"]),
        ),
        CheckConstraint(
            name=f"{table}_author_ck",
            # Words without an author would outlive the erasure of who wrote them.
            condition=Q(kind="text", author__isnull=False) | (~Q(kind="text") & Q(content="")),
            violation_error_message="A text has an author, a message of the system has no words.",
        ),
        CheckConstraint(name=f"{table}_seq_ck", condition=Q(seq__gte=1)),
        moments_constraint(
            table, "created_at", "updated_at", "edited_at", "pinned_at", "deleted_at"
        ),
        CheckConstraint(
            name=f"{table}_reply_ck",
            condition=Q(reply_to_seq__gte=1, reply_to_seq__lt=F("seq")),
            violation_error_message="A reply comes after what it answers.",
        ),
        CheckConstraint(name=f"{table}_version_ck", condition=Q(version__gte=1)),
        CheckConstraint(
            name=f"{table}_pinned_ck",
            condition=Q(pinned_at__isnull=False) | Q(pinned_by__isnull=True),
        ),
        CheckConstraint(
            name=f"{table}_deleted_ck",
            condition=Q(deleted_at__isnull=False) | Q(deleted_by__isnull=True),
        ),
        CompositeForeignKey(
            name=f"{table}_pinned_by_fk", fields=["pinned_by"], to="chat.User", to_fields=["id"]
        ),
        CompositeForeignKey(
            name=f"{table}_deleted_by_fk", fields=["deleted_by"], to="chat.User", to_fields=["id"]
        ),
    ]


class PostPart(models.Model):
    """A row that belongs to one message of either kind.

    `space_id` is the tenant: the server of `message`, or the conversation of `direct_message`. The
    composite keys see to it that it is the right one.
    """

    space_id = models.UUIDField()
    message = Reference("chat.Message", related_name="%(class)ss", null=True, blank=True)
    direct_message = Reference(
        "chat.DirectMessage", related_name="%(class)ss", null=True, blank=True
    )

    class Meta:
        abstract = True
