"""Roles, and who has them."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.admin.lists.base import ReadOnlyAdmin
from chat.admin.lists.filters import by_role, by_server, by_user
from chat.admin.lists.panels import Panel, column, list_link, moment, row_link, rows_panel
from chat.admin.pages.permission_words import check_boxes, in_words
from chat.models import ChannelPermission, MemberRole, Role


def _swatch(role: Role) -> SafeString:
    """Return the colour with its number as it is written on the web."""
    return format_html(
        '<svg class="chat-swatch" viewBox="0 0 1 1" aria-hidden="true">'
        '<rect width="1" height="1" fill="{0}"/></svg> {0}',
        f"#{role.color:06x}",
    )


_PERMISSIONS = column("permissions", lambda role: in_words(role.permissions))
_PERMISSION_BOXES = column("permissions", lambda role: check_boxes(role.permissions))
_COLOR = column("color", _swatch)


@admin.register(Role)
class RoleAdmin(ReadOnlyAdmin):
    """Named sets of permissions."""

    list_display = ("name", "server", "position", _PERMISSIONS, "hoist", "mentionable")
    filters = (by_server(),)
    # roles_position_uq.
    indexed_orders = {("server",): ("-position",)}

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the permissions as boxes, and the colour."""
        shown = {"permissions": _PERMISSION_BOXES, "color": _COLOR}
        return [shown.get(name, name) for name in super().get_fields(request, obj)]

    def panels(self, request: HttpRequest, row: Role) -> Iterable[Panel | None]:
        """Return who has the role, and where it is overwritten."""
        of_role = {"server_id": row.server_id, "role_id": row.pk}
        yield rows_panel(
            request,
            title="Members with this role",
            rows=MemberRole.objects.filter(**of_role).select_related("user"),
            columns={
                "user": lambda given: row_link(given.user),
                "since": lambda given: moment(given.created_at),
            },
            links=[list_link("All of them", MemberRole, role=row.pk)],
            nothing="Every member has it." if row.position == 0 else "None.",
        )
        yield rows_panel(
            request,
            title="Overwrites for this role",
            rows=ChannelPermission.objects.filter(**of_role).select_related("channel"),
            columns={
                "channel": lambda overwrite: row_link(overwrite.channel),
                "allows": lambda overwrite: in_words(overwrite.allow),
                "denies": lambda overwrite: in_words(overwrite.deny),
            },
        )


@admin.register(MemberRole)
class MemberRoleAdmin(ReadOnlyAdmin):
    """Roles that members have been given."""

    list_display = ("__str__", "role", "user", "server", "created_at")
    filters = (by_server(), by_role(), by_user())
    # member_roles_uq and member_roles_role_ix.
    indexed_orders = {
        ("server",): ("-user_id", "-role_id"),
        ("role",): ("-id",),
        ("server", "user"): ("-role_id",),
        ("role", "user"): ("-id",),
    }
