"""Users, sessions and preferences, and the groups that rights in this admin come from."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models import F, Prefetch, QuerySet, prefetch_related_objects
from django.http import HttpRequest
from django.utils.html import format_html
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from chat.admin.lists.base import KeysetAdmin, ReadOnlyAdmin
from chat.admin.lists.filters import Conditions, by_choice, by_user
from chat.admin.lists.panels import Panel, list_link, moment, row_link, rows_panel
from chat.models import (
    Ban,
    Message,
    Participant,
    Server,
    ServerMember,
    User,
    UserPreferences,
    UserSession,
)


@admin.register(User)
class UserAdmin(KeysetAdmin, DjangoUserAdmin):  # type: ignore[misc]
    """People, bots and the system; here their rights in this admin are given."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    add_fieldsets = DjangoUserAdmin.add_fieldsets
    list_display = ("username", "display_name", "email", "kind", "is_staff", "created_at")
    list_filter = ()
    search_help_text = "Beginning of a name or an address, or an id"  # type: ignore[misc]
    filters = (
        by_choice(
            name="only",
            label="Only",
            options={
                "staff": ("who may use the admin", {"is_staff": True}),
                "bots": ("bots", {"kind": "bot"}),
                "system": ("the system", {"kind": "system"}),
            },
        ),
    )
    # users_staff_ix and users_kind_ix; the names and addresses of the search have theirs.
    indexed_orders = {("only",): ("-id",)}
    readonly_fields = (
        "id",
        "password_state",
        "password_link",
        "created_at",
        "updated_at",
        "last_login",
        "erased_at",
    )
    # The column `password` is shown nowhere: with Django 6.1 Unfold would print the hash.
    fieldsets = (
        (None, {"fields": ("id", "username", "password_state")}),
        ("Person", {"fields": ("display_name", "email", "kind", "bio", "avatar_key")}),
        (
            "Rights in this admin",
            {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")},
        ),
        ("Moments", {"fields": ("created_at", "updated_at", "last_login", "erased_at")}),
    )

    class Media:
        js = ("chat/rights.js",)

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the users whose name, or address when it has an @, begins with the text."""
        text = text.lower()
        if "@" in text.removeprefix("@"):
            return queryset.filter(email__startswith=text)
        return queryset.filter(username__startswith=text.removeprefix("@"))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Let superusers alone give rights: whoever may give them has them all."""
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_staff", "is_superuser", "groups", "rights")

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show the rights in one statement to those who may not give them, not in one for each.

        Whoever may change this user is led to the form for a new password.
        """
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        replaced: dict[object, str] = {}
        if not request.user.is_superuser:
            replaced |= {"user_permissions": "rights"}
        if self.has_change_permission(request, obj):
            replaced |= {"password_state": "password_link"}
        return [
            (title, {**options, "fields": [replaced.get(name, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    @admin.display(description="password")
    def password_state(self, user: User) -> str:
        """Return whether this user has a password."""
        return "Set" if user.has_usable_password() else "Not set"

    @admin.display(description="password")
    def password_link(self, user: User) -> str:
        """Return the same, with a link to the form for a new password."""
        link = format_html(
            '<a class="text-link underline" href="{}">{}</a>', "../password/", "change"
        )
        return format_html("{} ({})", self.password_state(user), link)

    @admin.display(description="user permissions")
    def rights(self, user: User) -> str:
        """Return the permissions given to this user directly, as `get_object` has fetched them."""
        return ", ".join(sorted(right.name for right in user.user_permissions.all())) or "-"

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> User | None:
        """Fetch the rights with the user, because the page asks for them several times."""
        user: User | None = super().get_object(request, object_id, from_field)
        if user is not None:
            with_types = Permission.objects.select_related("content_type")
            prefetch_related_objects(
                [user],
                Prefetch("groups__permissions", with_types),
                Prefetch("user_permissions", with_types),
            )
        return user

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Refuse to change a user who was erased, or has a right that this person lacks.

        Whoever may set a password, or make an account active, can log in with it.
        """
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (
            obj is None or (obj.erased_at is None and _has_all_rights_of(request, obj))
        )

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Users are erased in place, never deleted."""
        return False

    def panels(self, request: HttpRequest, row: User) -> Iterable[Panel | None]:
        """Return the servers, the sanctions and the sessions."""
        yield rows_panel(
            request,
            title="Servers, those with a timeout first",
            rows=ServerMember.objects.filter(user=row)
            .select_related("server")
            .order_by(F("timed_out_until").desc(nulls_last=True), "-server_id"),
            columns={
                "server": lambda member: row_link(member.server),
                "as": lambda member: row_link(member, _name_in_server(member)),
                "joined": lambda member: moment(member.joined_at),
                "timed out until": lambda member: moment(member.timed_out_until),
            },
            links=[
                list_link("All servers", ServerMember, user=row.pk),
                list_link("Own servers", Server, owner=row.pk),
                list_link("Messages", Message, author=row.pk),
                list_link("Conversations", Participant, user=row.pk),
            ],
        )
        yield rows_panel(
            request,
            title="Bans",
            rows=Ban.objects.filter(user=row).select_related("server").order_by("-id"),
            columns={
                "server": lambda ban: row_link(ban.server),
                "reason": lambda ban: row_link(ban, ban.reason or "(none given)"),
                "until": lambda ban: moment(ban.expires_at) if ban.expires_at else "for ever",
            },
            links=[list_link("All bans", Ban, user=row.pk)],
        )
        yield rows_panel(
            request,
            title="Sessions",
            rows=UserSession.objects.filter(user=row).order_by("-expires_at", "-id"),
            columns={
                "device": lambda session: row_link(session, session.user_agent or "(unknown)"),
                "address": lambda session: session.ip or "-",
                "last seen": lambda session: moment(session.last_seen_at),
                "expires": lambda session: moment(session.expires_at),
                "revoked": lambda session: moment(session.revoked_at),
            },
            links=[list_link("All sessions", UserSession, user=row.pk)],
        )


def _has_all_rights_of(request: HttpRequest, user: User) -> bool:
    # Asked of the tables and not of `user.has_perm`, which knows no right of an inactive account.
    if request.user.is_superuser:
        return True
    of_groups = (right for group in user.groups.all() for right in group.permissions.all())
    rights = {
        f"{right.content_type.app_label}.{right.codename}"
        for right in (*user.user_permissions.all(), *of_groups)
    }
    return not user.is_superuser and rights <= request.user.get_all_permissions()


def _name_in_server(member: ServerMember) -> str:
    return "owner" if member.server.owner_id == member.user_id else member.nickname or "member"


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    """Rights in this admin that several people share; given by superusers alone."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers alone give rights: whoever may give them has them all."""
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Let superusers alone give rights: whoever may give them has them all."""
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Let superusers alone take rights."""
        return bool(request.user.is_superuser)


@admin.register(UserSession)
class UserSessionAdmin(ReadOnlyAdmin):
    """Log-ins; the hash of the token is not shown."""

    list_display = (
        "__str__",
        "user",
        "ip",
        "user_agent",
        "last_seen_at",
        "expires_at",
        "revoked_at",
    )
    filters = (by_user(),)
    # user_sessions_user_ix.
    indexed_orders = {("user",): ("-expires_at", "-id")}


@admin.register(UserPreferences)
class UserPreferencesAdmin(ReadOnlyAdmin):
    """Settings of users."""

    list_display = ("user", "theme", "locale", "updated_at")
    search_help_text = "Id of the user"
    filters = (by_user(),)
    indexed_orders = {("user",): ("-pk",)}
