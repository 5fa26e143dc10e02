"""Servers, members and invites."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import Invite, Server, ServerMember


@admin.register(Server)
class ServerAdmin(InspectionAdmin):
    """Communities."""

    list_display = ("name", "owner", "created_at", "deleted_at")
    search_fields = ("id__exact", "owner__username__exact")


@admin.register(ServerMember)
class ServerMemberAdmin(InspectionAdmin):
    """Who is in which server."""

    list_display = ("user", "server", "nickname", "joined_at", "timed_out_until")
    search_fields = ("server__id__exact", "user__username__exact")


@admin.register(Invite)
class InviteAdmin(InspectionAdmin):
    """Codes to join by."""

    list_display = ("code", "server", "creator", "uses", "max_uses", "expires_at", "revoked_at")
    search_fields = ("code__exact", "server__id__exact")
