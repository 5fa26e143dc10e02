"""Channels and their overwrites."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import Channel, ChannelPermission


@admin.register(Channel)
class ChannelAdmin(InspectionAdmin):
    """Channels, categories and threads."""

    list_display = ("name", "kind", "server", "last_seq", "last_message_at", "deleted_at")
    search_fields = ("id__exact", "server__id__exact")


@admin.register(ChannelPermission)
class ChannelPermissionAdmin(InspectionAdmin):
    """What a role or a user is allowed or denied in one channel."""

    list_display = ("channel", "role", "user", "allow", "deny")
    search_fields = ("channel__id__exact", "server__id__exact")
