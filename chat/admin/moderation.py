"""Bans, the audit log of servers, and the log of what staff looked at."""

from django.contrib import admin

from chat.admin.lists.inspection import InspectionAdmin
from chat.admin.lists.narrowing import by_id, by_server, by_user
from chat.models import AdminAccess, AuditLogEntry, Ban


@admin.register(Ban)
class BanAdmin(InspectionAdmin):
    """Who may not be a member of a server."""

    list_display = ("__str__", "user", "server", "actor", "reason", "created_at", "expires_at")
    narrowings = (by_server(), by_user())
    # bans_uq and bans_user_ix.
    scopes = {
        ("server",): ("-user_id",),
        ("user",): ("-id",),
        ("server", "user"): ("-id",),
    }


@admin.register(AuditLogEntry)
class AuditLogEntryAdmin(InspectionAdmin):
    """What moderators did."""

    list_display = ("action", "server", "actor", "target_type", "target_id", "reason", "created_at")
    narrowings = (by_server(),)
    # audit_log_server_ix.
    scopes = {("server",): ("-created_at", "-id")}


@admin.register(AdminAccess)
class AdminAccessAdmin(InspectionAdmin):
    """Who of the staff looked at which private messages."""

    list_display = ("action", "actor", "target_type", "target_id", "created_at")
    narrowings = (
        by_user(name="actor", label="Staff", column="actor_id"),
        by_id(name="target", label="Conversation", column="target_id"),
    )
    # admin_access_log_actor_ix and admin_access_log_target_ix.
    scopes = {
        ("actor",): ("-created_at", "-id"),
        ("target",): ("-created_at", "-id"),
    }
