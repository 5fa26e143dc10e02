"""Channels and their overwrites."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from chat.admin.lists.base import ReadOnlyAdmin, ServerDataAdmin
from chat.admin.lists.filters import by_channel, by_role, by_server, of_server
from chat.admin.lists.message_texts import messages_panel
from chat.admin.lists.panels import Panel, Question, list_link, moment, row_link, rows_panel
from chat.admin.pages.permission_words import check_boxes, in_words
from chat.admin.pages.who_may_see_what import may_ask
from chat.models import Channel, ChannelPermission, Message, Server
from chat.models.channels import ChannelQuerySet


class AnyChannelAdmin(ReadOnlyAdmin):
    """Channels of servers or conversations, each with its counter."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return them with their counter."""
        rows: Any = super().get_queryset(request)
        counted: QuerySet[Any] = ChannelQuerySet.with_counter(rows)
        return counted

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show the counter too."""
        return [*super().get_fields(request, obj), "last_seq", "last_message_at"]

    @admin.display(description="last seq")
    def last_seq(self, channel: Any) -> object:
        """Return the number of the newest message."""
        return channel.last_seq

    @admin.display(description="last message at")
    def last_message_at(self, channel: Any) -> object:
        """Return when the newest message was sent."""
        return channel.last_message_at


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
        "last_seq",
        "last_message_at",
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


@admin.register(ChannelPermission)
class ChannelPermissionAdmin(ReadOnlyAdmin):
    """What a role or a user is allowed or denied in one channel."""

    list_display = ("__str__", "channel", "role", "user", "allows", "denies")
    filters = (by_server(), by_channel(space="server_id"), by_role())
    # channel_permissions_uq and channel_permissions_role_ix.
    indexed_orders = {
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
