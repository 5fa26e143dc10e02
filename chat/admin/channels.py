"""Channels and their overwrites."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse

from chat.admin.inspection import InspectionAdmin
from chat.admin.narrowing import by_channel, by_role, by_server
from chat.admin.panels import Panel, Question, list_link, row_link, rows_panel
from chat.admin.permission_words import check_boxes, in_words
from chat.admin.posts import moment, posts_panel
from chat.admin.who_may_see_what import may_ask
from chat.models import Channel, ChannelPermission, Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest
    from django.utils.safestring import SafeString


@admin.register(Channel)
class ChannelAdmin(InspectionAdmin):
    """Channels, categories and threads."""

    list_display = (
        "__str__",
        "kind",
        "server",
        "parent",
        "last_seq",
        "last_message_at",
        "deleted_at",
    )
    narrowings = (by_server(),)
    # channels_uq.
    scopes = {("server",): ("-id",)}

    def panels(self, request: HttpRequest, row: Channel) -> Iterable[Panel | None]:
        """Return who may do what here, what was said last, and what is beneath."""
        of_channel = {"server_id": row.server_id, "channel_id": row.pk}
        if row.kind != Channel.Kind.CATEGORY:
            if may_ask(request):
                yield Panel(
                    title="Who may see what",
                    question=Question(
                        url=reverse("admin:who_may_see_what"),
                        name="user",
                        label="What may this member do here?",
                        hint="name or id",
                        known={"channel": row.pk},
                    ),
                )
            yield posts_panel(
                request,
                title="Latest messages",
                posts=Message.objects.filter(**of_channel).order_by("-seq"),
                links=[
                    list_link("All messages", Message, channel=row.pk),
                    list_link("Pinned", Message, channel=row.pk, only="pinned"),
                    list_link("Deleted", Message, channel=row.pk, only="deleted"),
                ],
            )
        yield rows_panel(
            request,
            title="Overwrites",
            rows=ChannelPermission.objects.filter(**of_channel)
            .select_related("role", "user")
            .order_by("role__position", "user_id"),
            columns={
                "for": lambda overwrite: row_link(overwrite.role or overwrite.user),
                "allows": lambda overwrite: in_words(overwrite.allow),
                "denies": lambda overwrite: in_words(overwrite.deny),
                "": lambda overwrite: row_link(overwrite, "all boxes"),
            },
            limit=30,
            links=[list_link("All overwrites", ChannelPermission, channel=row.pk)],
        )
        yield rows_panel(
            request,
            title="Channels in it" if row.kind == Channel.Kind.CATEGORY else "Threads",
            rows=Channel.objects.filter(
                server_id=row.server_id, parent_id=row.pk, deleted_at=None
            ).order_by("position", "pk"),
            columns={
                "channel": row_link,
                "kind": lambda channel: channel.kind,
                "messages": lambda channel: f"{channel.last_seq:,}",
                "last message": lambda channel: moment(channel.last_message_at),
            },
        )


@admin.register(ChannelPermission)
class ChannelPermissionAdmin(InspectionAdmin):
    """What a role or a user is allowed or denied in one channel."""

    list_display = ("__str__", "channel", "role", "user", "allows", "denies")
    narrowings = (by_server(), by_channel(), by_role())
    # channel_permissions_uq and channel_permissions_role_ix.
    scopes = {
        ("server",): ("-id",),
        ("channel",): ("-id",),
        ("role",): ("-id",),
    }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the permissions as boxes."""
        shown = {"allow": "allow_boxes", "deny": "deny_boxes"}
        return [shown.get(name, name) for name in super().get_fields(request, obj)]

    @admin.display(description="allows")
    def allows(self, overwrite: ChannelPermission) -> str:
        """Return what is allowed, in words."""
        return in_words(overwrite.allow)

    @admin.display(description="denies")
    def denies(self, overwrite: ChannelPermission) -> str:
        """Return what is denied, in words."""
        return in_words(overwrite.deny)

    @admin.display(description="allows")
    def allow_boxes(self, overwrite: ChannelPermission) -> SafeString:
        """Return what is allowed, as boxes."""
        return check_boxes(overwrite.allow)

    @admin.display(description="denies")
    def deny_boxes(self, overwrite: ChannelPermission) -> SafeString:
        """Return what is denied, as boxes."""
        return check_boxes(overwrite.deny)
