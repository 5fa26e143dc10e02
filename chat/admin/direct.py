"""Direct conversations: their participants are visible, their messages take a permission.

Direct messages are shown one conversation at a time, to staff with both the right to view the table
and `read_direct_messages`. Each access, also a superuser's, is logged before the page is sent, in
`admin_access_log`, which nobody can rewrite.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connections, router
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse

from chat.admin.channels import LAST_MESSAGE_AT, LAST_SEQ, AnyChannelAdmin
from chat.admin.lists.base import ReadOnlyAdmin
from chat.admin.lists.changelist import KeysetChangeList
from chat.admin.lists.filters import as_uuid, by_id, by_user
from chat.admin.lists.panels import Panel, column, list_link, moment, row_link, rows_panel
from chat.admin.messages import AnyMessageAdmin
from chat.models import (
    AdminAccess,
    DirectConversation,
    DirectMessage,
    Message,
    Participant,
    ReadState,
)

READ_DIRECT = "chat.read_direct_messages"


@admin.register(DirectConversation)
class DirectConversationAdmin(AnyChannelAdmin):
    """Conversations of two or of a group."""

    list_display = ("id", "kind", "name", LAST_SEQ, LAST_MESSAGE_AT)
    # What only a channel of a server has.
    exclude = (
        *("space_id", "server", "parent", "topic", "position", "slowmode_seconds", "nsfw"),
        *("archived_at", "deleted_at"),
    )

    def panels(self, request: HttpRequest, row: DirectConversation) -> Iterable[Panel | None]:
        """Return the participants, and who of the staff has read the messages."""
        yield rows_panel(
            request,
            title="Who takes part",
            rows=_with_mark(Participant.objects.filter(channel=row))
            .select_related("user")
            .order_by("user_id"),
            columns={
                "user": lambda participant: row_link(participant.user),
                "has read up to": lambda participant: f"#{participant.last_read_seq or 0:,}",
                "left": lambda participant: moment(participant.left_at),
            },
            links=[
                list_link("Read the messages (this is logged)", DirectMessage, conversation=row.pk)
            ],
        )
        yield rows_panel(
            request,
            title="Read by staff",
            rows=AdminAccess.objects.filter(target_id=row.pk)
            .select_related("actor")
            .order_by("-created_at", "-id"),
            columns={
                "who": lambda access: row_link(access.actor),
                "what": lambda access: row_link(access, access.action),
                "at": lambda access: moment(access.created_at),
            },
            nothing="Nobody.",
            links=[list_link("The whole log", AdminAccess, target=row.pk)],
        )


_CONVERSATION = column("conversation", lambda participant: participant.channel)
_LAST_READ_SEQ = column("last read seq", lambda participant: participant.last_read_seq or 0)


@admin.register(Participant)
class ParticipantAdmin(ReadOnlyAdmin):
    """Who takes part in a conversation."""

    list_display = ("__str__", "user", _CONVERSATION, _LAST_READ_SEQ, "left_at")
    list_select_related = ("channel",)
    filters = (
        by_user(),
        by_id(name="conversation", label="Conversation", column="channel_id"),
    )
    # participants_user_ix and participants_uq.
    indexed_orders = {
        ("user",): ("-channel_id",),
        ("conversation",): ("-user_id",),
        ("user", "conversation"): ("-id",),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return them, each with the number up to which they have read."""
        return _with_mark(super().get_queryset(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show up to which number they have read too."""
        return [*super().get_fields(request, obj), _LAST_READ_SEQ]


@admin.register(DirectMessage)
class DirectMessageAdmin(AnyMessageAdmin):
    """Private messages, one conversation at a time."""

    container = "conversation"
    list_display = ("__str__", "author", "content", "created_at", "deleted_at")
    exclude = ("space_id",)
    search_help_text = "Words in the chosen conversation"
    nothing_found = "Choose a conversation: messages are shown one conversation at a time."
    filters = (by_id(name="conversation", label="Conversation", column="space_id"),)
    # messages_seq_uq, and messages_search_ix for words.
    indexed_orders = {("conversation",): ("-seq",)}
    shows_unfiltered = False

    def has_view_permission(self, request: HttpRequest, obj: DirectMessage | None = None) -> bool:
        """Tell whether this person has the permission to read private messages too."""
        may_look: bool = super().has_view_permission(request, obj)
        return may_look and bool(request.user.has_perm(READ_DIRECT))

    def rows_to_estimate(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return all messages: where two columns are always equal the planner expects too few."""
        return Message.objects.all()

    def log_list(
        self, request: HttpRequest, rows: Sequence[DirectMessage], changelist: KeysetChangeList
    ) -> None:
        """Log the access, for each conversation that the rows belong to."""
        conversations = {row.channel_id for row in rows}
        # A list that found nothing is logged too: it tells that nothing was said.
        if asked := changelist.conditions.get("space_id"):
            conversations.add(asked)
        for conversation_id in conversations:
            numbers = [row.seq for row in rows if row.channel_id == conversation_id]
            _log(
                request,
                action="direct_message.list",
                conversation_id=conversation_id,
                details={
                    "shown": len(numbers),
                    **({"from_seq": min(numbers), "to_seq": max(numbers)} if numbers else {}),
                    # Without the words: they may be about somebody who is erased one day.
                    **({"searched": True} if changelist.query else {}),
                },
            )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the message, and log that this person reads it, if they may.

        The page shows the message that it answers too, so its number is logged with it.
        """
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None and self.has_view_permission(request, row):
            _log(
                request,
                action="direct_message.read",
                conversation_id=row.channel_id,
                details={
                    "message_id": str(row.pk),
                    "seq": row.seq,
                    **({"answers_seq": row.reply_to_seq} if row.reply_to_seq else {}),
                },
            )
        return row

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Refuse before the message is fetched, so that no reading is logged."""
        raise PermissionDenied


def _with_mark(participants: QuerySet[Any]) -> QuerySet[Any]:
    mark = ReadState.objects.filter(
        space_id=OuterRef("channel"), channel=OuterRef("channel"), user=OuterRef("user")
    )
    marked: QuerySet[Any] = participants.annotate(
        last_read_seq=Subquery(mark.values("last_read_seq"))
    )
    return marked


def _log(
    request: HttpRequest, *, action: str, conversation_id: UUID, details: dict[str, object]
) -> None:
    # Not by the ORM, which names created_at: the database alone says when it was.
    with connections[router.db_for_write(AdminAccess)].cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO admin_access_log (actor_id, action, target_type, target_id, details)
            VALUES (%s, %s, 'direct_conversation', %s, %s)
            """,
            [as_uuid(str(request.user.pk)), action, conversation_id, json.dumps(details)],
        )
