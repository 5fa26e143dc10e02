"""The log of what staff looked at that is private."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Func, Index, Q, TextField
from django.db.models.functions import Length
from django.db.models.lookups import Exact, GreaterThanOrEqual

from chat.constraints import CompositeForeignKey
from chat.models.base import Reference, Row, moments_constraint


class AdminAccess(Row):
    """A look that somebody with power took. Written once, never changed or removed (trigger).

    Beside the audit log and not in it: that is each server's own, and belongs to it with a key,
    while a direct conversation has no server, and its participants no say over the log.
    """

    # Nobody looks without a name; it stays when the account is erased.
    actor = Reference(settings.AUTH_USER_MODEL, related_name="+")
    # Dotted, such as "direct_message.list" or "direct_message.read".
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32, blank=True, default="", db_default="")
    target_id = models.UUIDField(null=True, blank=True)
    # What was asked and how much was shown; ids rather than contents.
    details = models.JSONField(default=dict, blank=True, db_default={})

    class Meta:
        db_table = "admin_access_log"
        db_table_comment = "Looks of staff at what is private. Append-only (trigger)."
        verbose_name = "look at private messages"
        verbose_name_plural = "looks at private messages"
        indexes = [
            # What somebody looked at, newest first.
            Index(
                F("actor"), F("created_at").desc(), F("id").desc(), name="admin_access_log_actor_ix"
            ),
            # Who looked at a conversation, newest first.
            Index(
                F("target_id"),
                F("created_at").desc(),
                F("id").desc(),
                name="admin_access_log_target_ix",
                condition=Q(target_id__isnull=False),
            ),
        ]
        constraints = [
            CheckConstraint(
                name="admin_access_log_action_ck",
                condition=GreaterThanOrEqual(Length("action"), 1),
            ),
            CheckConstraint(
                name="admin_access_log_details_ck",
                condition=Exact(
                    Func("details", function="jsonb_typeof", output_field=TextField()), "object"
                ),
            ),
            moments_constraint("admin_access_log", "created_at"),
            CompositeForeignKey(
                name="admin_access_log_actor_fk",
                fields=["actor"],
                to="chat.User",
                to_fields=["id"],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} by user {self.actor_id}"
