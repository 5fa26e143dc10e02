"""Servers, members and invites."""

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import F, QuerySet
from django.http import HttpRequest

from chat.admin.lists.base import ReadOnlyAdmin
from chat.admin.lists.filters import Conditions, by_server, by_user
from chat.admin.lists.panels import Panel, list_link, moment, row_link, rows_panel
from chat.admin.pages.permission_words import folded_check_boxes, in_words
from chat.models import (
    AuditLogEntry,
    Ban,
    Channel,
    Invite,
    InviteCode,
    MemberRole,
    Message,
    Role,
    Server,
    ServerMember,
)


@admin.register(Server)
class ServerAdmin(ReadOnlyAdmin):
    """Communities."""

    list_display = ("name", "owner", "created_at", "deleted_at")
    search_help_text = "Beginning of the name, as written; or an id"
    exclude = ("space_id",)
    filters = (by_user(name="owner", label="Owner", column="owner_id"),)
    # servers_owner_ix; servers_name_ix for the search.
    indexed_orders = {("owner",): ("-id",)}

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the servers whose names begin with the text."""
        return queryset.filter(name__startswith=text)

    def panels(self, request: HttpRequest, row: Server) -> Iterable[Panel | None]:
        """Return the channels, roles and members, and what moderators did."""
        yield rows_panel(
            request,
            title="Channels",
            rows=Channel.objects.filter(space_id=row.pk, deleted_at=None)
            .with_counter()
            .select_related("parent")
            .order_by(F("parent_id").asc(nulls_first=True), "position"),
            columns={
                "channel": row_link,
                "kind": lambda channel: channel.kind,
                "in": lambda channel: row_link(channel.parent),
                "messages": lambda channel: f"{channel.last_seq:,}",
                "last message": lambda channel: moment(channel.last_message_at),
            },
            limit=30,
            links=[
                list_link("All channels", Channel, server=row.pk),
                list_link("Messages", Message, server=row.pk),
            ],
        )
        yield rows_panel(
            request,
            title="Roles",
            rows=Role.objects.filter(server=row).order_by("-position"),
            columns={
                "role": row_link,
                "position": lambda role: f"{role.position}",
                "permissions": lambda role: folded_check_boxes(role.permissions),
            },
            limit=15,
            links=[list_link("All roles", Role, server=row.pk)],
        )
        yield rows_panel(
            request,
            title="Members who joined last",
            rows=ServerMember.objects.filter(server=row)
            .select_related("user")
            .order_by("-joined_at", "-user_id"),
            columns={
                "member": lambda member: row_link(member, member.user),
                "nickname": lambda member: member.nickname or "-",
                "joined": lambda member: moment(member.joined_at),
                "timed out until": lambda member: moment(member.timed_out_until),
            },
            links=[list_link("All members", ServerMember, server=row.pk)],
        )
        yield rows_panel(
            request,
            title="Bans",
            rows=Ban.objects.filter(server=row).select_related("user", "actor"),
            columns={
                "user": lambda ban: row_link(ban.user),
                "by": lambda ban: row_link(ban.actor),
                "reason": lambda ban: row_link(ban, ban.reason or "(none given)"),
                "until": lambda ban: moment(ban.expires_at) if ban.expires_at else "for ever",
            },
            links=[list_link("All bans", Ban, server=row.pk)],
        )
        yield rows_panel(
            request,
            title="What moderators did last",
            rows=AuditLogEntry.objects.filter(server=row)
            .select_related("actor")
            .order_by("-created_at", "-id"),
            columns={
                "action": lambda entry: row_link(entry, entry.action),
                "by": lambda entry: row_link(entry.actor),
                "at": lambda entry: moment(entry.created_at),
            },
            links=[list_link("The audit log", AuditLogEntry, server=row.pk)],
        )
        yield rows_panel(
            request,
            title="Newest invites",
            rows=Invite.objects.filter(server=row)
            .select_related("creator")
            .order_by("-created_at", "-id"),
            columns={
                "code": row_link,
                "by": lambda invite: row_link(invite.creator),
                "uses": lambda invite: f"{invite.uses} of {invite.max_uses or 'any number'}",
            },
            links=[list_link("All invites", Invite, server=row.pk)],
        )


@admin.register(ServerMember)
class ServerMemberAdmin(ReadOnlyAdmin):
    """Who is in which server."""

    list_display = ("__str__", "user", "server", "nickname", "joined_at", "timed_out_until")
    filters = (by_server(), by_user())
    # server_members_joined_ix, server_members_user_ix and server_members_uq.
    indexed_orders = {
        ("server",): ("-joined_at", "-user_id"),
        ("user",): ("-server_id",),
        ("server", "user"): ("-id",),
    }

    def panels(self, request: HttpRequest, row: ServerMember) -> Iterable[Panel | None]:
        """Return the roles that the member has, and the channels to ask about."""
        yield rows_panel(
            request,
            title="Roles of this member",
            rows=Role.objects.filter(
                server_id=row.server_id,
                pk__in=MemberRole.objects.filter(
                    server_id=row.server_id, user_id=row.user_id
                ).values("role_id"),
            ).order_by("-position"),
            columns={
                "role": row_link,
                "position": lambda role: f"{role.position}",
                "permissions": lambda role: in_words(role.permissions),
            },
            nothing="None but everyone's.",
            limit=30,
            links=[
                list_link(
                    "Messages in this server", Message, server=row.server_id, author=row.user_id
                ),
            ],
        )


@admin.register(Invite)
class InviteAdmin(ReadOnlyAdmin):
    """Codes to join by."""

    list_display = ("code", "server", "creator", "uses", "max_uses", "expires_at", "revoked_at")
    search_help_text = "The code, or an id"
    filters = (by_server(),)
    # invites_server_ix; a code is found by the key of all codes.
    indexed_orders = {("server",): ("-created_at", "-id")}

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the one invite with this code."""
        leads_to = InviteCode.objects.filter(code=text).values("space_id")[:1]
        return queryset.filter(server_id=leads_to, code=text)
