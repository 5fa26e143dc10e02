"""Users, sessions and preferences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chat.admin.inspection import InspectionAdmin
from chat.models import User, UserPreferences, UserSession

if TYPE_CHECKING:
    from django.http import HttpRequest


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    """People, bots and the system; here their rights in this admin are given."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

    list_display = ("username", "display_name", "email", "kind", "is_staff", "created_at")
    list_filter = ("is_staff", "is_superuser", "kind")
    list_select_related = False
    search_fields = ("username__startswith", "email__exact", "id__exact")
    ordering = ("-pk",)
    show_full_result_count = False
    readonly_fields = ("id", "created_at", "updated_at", "last_login", "erased_at")
    fieldsets = (
        (None, {"fields": ("id", "username", "password")}),
        ("Person", {"fields": ("display_name", "email", "kind", "bio", "avatar_key")}),
        (
            "Rights in this admin",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Moments", {"fields": ("created_at", "updated_at", "last_login", "erased_at")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Leave the giving of rights to superusers: whoever may give them has them all."""
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_staff", "is_superuser", "groups", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Leave superusers to superusers: whoever may set a password can log in with it."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Users are erased in place, never deleted."""
        return False


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Rights in this admin that several people have together."""


@admin.register(UserSession)
class UserSessionAdmin(InspectionAdmin):
    """Log-ins; the hash of the token is not shown."""

    list_display = ("user", "ip", "user_agent", "last_seen_at", "expires_at", "revoked_at")
    search_fields = ("user__username__exact",)


@admin.register(UserPreferences)
class UserPreferencesAdmin(InspectionAdmin):
    """Settings of users."""

    list_display = ("user", "theme", "locale", "updated_at")
    search_fields = ("user__username__exact",)
