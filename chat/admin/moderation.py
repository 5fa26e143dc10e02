"""Bans and the audit log."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import AuditLogEntry, Ban


@admin.register(Ban)
class BanAdmin(InspectionAdmin):
    """Who may not be a member of a server."""

    list_display = ("user", "server", "actor", "reason", "created_at", "expires_at")
    search_fields = ("server__id__exact", "user__username__exact")


@admin.register(AuditLogEntry)
class AuditLogEntryAdmin(InspectionAdmin):
    """What moderators did."""

    list_display = ("action", "server", "actor", "target_type", "target_id", "created_at")
    search_fields = ("server__id__exact", "actor__username__exact")
