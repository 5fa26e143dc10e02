"""Channels and their overwrites."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse

from chat.admin.lists.base import ReadOnlyAdmin, ServerDataAdmin
from chat.admin.lists.filters import by_channel, by_role, by_server, of_server
from chat.admin.lists.message_texts import messages_panel
from chat.admin.lists.panels import Panel, Question, column, list_link, moment, row_link, rows_panel
from chat.admin.pages.permission_words import check_boxes, in_words
from chat.admin.pages.who_may_see_what import may_ask
from chat.models import Channel, ChannelPermission, Message, Server
from chat.models.channels import ChannelQuerySet

LAST_SEQ = column("last seq", lambda channel: channel.last_seq)
LAST_MESSAGE_AT = column("last message at", lambda channel: channel.last_message_at)


class AnyChannelAdmin(ReadOnlyAdmin):
    """Channels of servers or conversations, each with its counter."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return them with their counter."""
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = ChannelQuerySet.with_counter(rows)
        return counted

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the counter too."""
        return [*super().get_fields(request, obj), LAST_SEQ, LAST_MESSAGE_AT]


@admin.register(Channel)
class ChannelAdmin(ServerDataAdmin, AnyChannelAdmin):
    """Channels, categories and threads, those of the newest servers first."""

    # channels_uq.
    order = ("-space_id", "-id")

    list_display = (
        "__str__",
        "kind",
        "server",
        "parent",
        LAST_SEQ,
        LAST_MESSAGE_AT,
        "deleted_at",
    )
    # Columns of conversations.
    exclude = ("space_id", "pair_low", "pair_high", "owner", "legal_hold_at")
    filters = (by_server(column="space_id"),)
    # channels_uq.
    indexed_orders = {("server",): ("-id",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Begin at the newest server: above it are conversations of two, whose ids are random."""
        newest = Server.objects.order_by("-space_id").values("space_id")[:1]
        return super().get_queryset(request).filter(space_id__lte=Subquery(newest))

    def rows_to_estimate(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the channels without that bound, which the planner cannot estimate."""
        return of_server(Channel.objects.all())

    def panels(self, request: HttpRequest, row: Channel) -> Iterable[Panel | None]:
        """Return the question about access, the latest messages, overwrites and channels in it."""
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
            yield messages_panel(
                request,
                title="Latest messages",
                messages=Message.objects.filter(space_id=row.space_id, channel_id=row.pk).order_by(
                    "-seq"
                ),
                links=[
                    list_link("All messages", Message, channel=row.pk),
                    list_link("Pinned", Message, channel=row.pk, only="pinned"),
                    list_link("Deleted", Message, channel=row.pk, only="deleted"),
                ],
            )
        yield rows_panel(
            request,
            title="Overwrites",
            rows=ChannelPermission.objects.filter(server_id=row.space_id, channel_id=row.pk)
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
            rows=Channel.objects.filter(space_id=row.space_id, parent_id=row.pk, deleted_at=None)
            .with_counter()
            .order_by("position", "pk"),
            columns={
                "channel": row_link,
                "kind": lambda channel: channel.kind,
                "messages": lambda channel: f"{channel.last_seq:,}",
                "last message": lambda channel: moment(channel.last_message_at),
            },
        )


_ALLOWS = column("allows", lambda overwrite: in_words(overwrite.allow))
_DENIES = column("denies", lambda overwrite: in_words(overwrite.deny))
_ALLOW_BOXES = column("allows", lambda overwrite: check_boxes(overwrite.allow))
_DENY_BOXES = column("denies", lambda overwrite: check_boxes(overwrite.deny))


@admin.register(ChannelPermission)
class ChannelPermissionAdmin(ReadOnlyAdmin):
    """What a role or a user is allowed or denied in one channel."""

    list_display = ("__str__", "channel", "role", "user", _ALLOWS, _DENIES)
    filters = (by_server(), by_channel(space="server_id"), by_role())
    # channel_permissions_uq and channel_permissions_role_ix.
    indexed_orders = {
        ("server",): ("-id",),
        ("channel",): ("-id",),
        ("role",): ("-id",),
    }

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the permissions as boxes."""
        shown = {"allow": _ALLOW_BOXES, "deny": _DENY_BOXES}
        return [shown.get(name, name) for name in super().get_fields(request, obj)]
