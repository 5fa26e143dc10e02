"""Bans, the audit log of servers, and the log of what staff looked at."""

from django.conf import settings
from django.db import models
from django.db.models import CheckConstraint, F, Index, Q, UniqueConstraint

from chat.db.checks import length_constraint, moments_constraint, object_constraint
from chat.db.constraints import OnDelete, foreign_key
from chat.db.fields import Reference
from chat.models.base import ChangingRow, Row
from chat.rules.limits import REASON_LENGTH


class Ban(ChangingRow):
    """A user who may not be a member of a server, for ever or until it expires."""

    server = Reference(
        "chat.Server",
        related_name="bans",
        db_column="space_id",
        db_comment="The tenant: the server.",
    )
    user = Reference(settings.AUTH_USER_MODEL, related_name="bans")
    actor = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, default="", db_default="")
    # NULL: for ever.
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "bans"
        db_table_comment = "Who may not be a member of a server (trigger on both tables)."
        constraints = [
            UniqueConstraint(name="bans_uq", fields=["server", "user"]),
            CheckConstraint(name="bans_expires_at_ck", condition=Q(expires_at__gt=F("created_at"))),
            moments_constraint("bans", "created_at", "updated_at", "expires_at"),
            foreign_key("bans", "server", to="chat.Server.space_id", on_delete=OnDelete.CASCADE),
            foreign_key("bans", "user", to="chat.User.id"),
            foreign_key("bans", "actor", to="chat.User.id"),
        ]
        indexes = [
            # A user's sanctions.
            Index(fields=["user"], name="bans_user_ix"),
        ]

    def __str__(self) -> str:
        return f"ban of user {self.user_id} from server {self.server_id}"


class AuditLogEntry(Row):
    """An action of a moderator. Written once, never changed or removed (trigger).

    Only the erasure of an account empties the reasons by and about a user.
    """

    server = Reference(
        "chat.Server",
        related_name="audit_log",
        db_column="space_id",
        db_comment="The tenant: the server.",
    )
    # NULL: the system itself.
    actor = Reference(settings.AUTH_USER_MODEL, related_name="+", null=True, blank=True)
    # Dotted, such as "member.ban" or "role.update".
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32, blank=True, default="", db_default="")
    target_id = models.UUIDField(null=True, blank=True)
    # {"field": [before, after]}; ids rather than names, for this row outlives an erasure.
    changes = models.JSONField(default=dict, blank=True, db_default={})
    reason = models.CharField(max_length=REASON_LENGTH, blank=True, default="", db_default="")

    class Meta:
        db_table = "audit_log"
        db_table_comment = "What moderators did. Append-only (trigger)."
        verbose_name = "audit log entry"
        verbose_name_plural = "audit log"
        indexes = [
            # A server's log, newest first.
            Index(F("server"), F("created_at").desc(), F("id").desc(), name="audit_log_server_ix"),
            # The last timeout of a user who joins again (services.members).
            Index(
                F("server"),
                F("target_id"),
                F("created_at").desc(),
                name="audit_log_timeout_ix",
                condition=Q(action="member.timeout"),
            ),
            # The reasons that a user gave, for erasure.
            Index(F("actor"), name="audit_log_actor_ix", condition=~Q(reason="")),
        ]
        constraints = [
            length_constraint("audit_log", "action", least=1),
            object_constraint("audit_log", "changes"),
            moments_constraint("audit_log", "created_at"),
            # No cascade: a server with a log cannot be deleted from under it.
            foreign_key("audit_log", "server", to="chat.Server.space_id"),
            foreign_key("audit_log", "actor", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by user {self.actor_id}"


class AdminAccess(Row):
    """A look of staff at private messages. Written once, never changed or removed (trigger).

    Not in the audit log, whose rows belong to a server: a conversation has none.
    """

    # Never NULL; it stays when the account is erased.
    actor = Reference(settings.AUTH_USER_MODEL, related_name="+")
    # Dotted, such as "direct_message.list" or "direct_message.read".
    action = models.CharField(max_length=64)
    target_type = models.CharField(max_length=32, blank=True, default="", db_default="")
    target_id = models.UUIDField(null=True, blank=True)
    # What was asked for and how much was shown; ids, no contents.
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
            length_constraint("admin_access_log", "action", least=1),
            object_constraint("admin_access_log", "details"),
            moments_constraint("admin_access_log", "created_at"),
            foreign_key("admin_access_log", "actor", to="chat.User.id"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by user {self.actor_id}"
