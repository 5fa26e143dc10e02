"""Roles, and who has them."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import MemberRole, Role


@admin.register(Role)
class RoleAdmin(InspectionAdmin):
    """Named sets of permissions."""

    list_display = ("name", "server", "position", "permissions")
    search_fields = ("server__id__exact",)


@admin.register(MemberRole)
class MemberRoleAdmin(InspectionAdmin):
    """Roles that members have been given."""

    list_display = ("role", "user", "server", "created_at")
    search_fields = ("server__id__exact", "user__username__exact")
