"""Bans, the audit log of servers, and the log of staff's access to private messages."""

from django.contrib import admin

from chat.admin.lists.base import ReadOnlyAdmin
from chat.admin.lists.filters import by_id, by_server, by_user
from chat.models import AdminAccess, AuditLogEntry, Ban


@admin.register(Ban)
class BanAdmin(ReadOnlyAdmin):
    """Who may not be a member of a server."""

    list_display = ("__str__", "user", "server", "actor", "reason", "created_at", "expires_at")
    filters = (by_server(), by_user())
    # bans_uq and bans_user_ix.
    indexed_orders = {
        ("server",): ("-user_id",),
        ("user",): ("-id",),
        ("server", "user"): ("-id",),
    }


@admin.register(AuditLogEntry)
class AuditLogEntryAdmin(ReadOnlyAdmin):
    """What moderators did."""

    list_display = ("action", "server", "actor", "target_type", "target_id", "reason", "created_at")
    filters = (by_server(),)
    # audit_log_server_ix.
    indexed_orders = {("server",): ("-created_at", "-id")}


@admin.register(AdminAccess)
class AdminAccessAdmin(ReadOnlyAdmin):
    """Which of the staff read which private messages."""

    list_display = ("action", "actor", "target_type", "target_id", "created_at")
    filters = (
        by_user(name="actor", label="Staff", column="actor_id"),
        by_id(name="target", label="Conversation", column="target_id"),
    )
    # admin_access_log_actor_ix and admin_access_log_target_ix.
    indexed_orders = {
        ("actor",): ("-created_at", "-id"),
        ("target",): ("-created_at", "-id"),
    }
