"""Direct conversations. Who talks with whom is to be seen; what is said takes a permission.

Direct messages are shown one conversation at a time, to staff with both the right to look at the
table and `read_direct_messages`, superusers not excepted from the log: each look is written down
before the page is sent, in `admin_access_log`, which nobody can rewrite.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied

from chat.admin.inspection import InspectionAdmin
from chat.admin.narrowing import as_uuid, by_id, by_user, uuid_or_none
from chat.admin.panels import list_link, may_view, row_link, rows_panel
from chat.admin.posts import moment, parts_panels, posts_panel, with_text_column, with_words
from chat.models import AdminAccess, DirectConversation, DirectMessage, DirectParticipant

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from chat.admin.changelist import KeysetChangeList
    from chat.admin.narrowing import Place
    from chat.admin.panels import Panel

READ_DIRECT = "chat.read_direct_messages"


@admin.register(DirectConversation)
class DirectConversationAdmin(InspectionAdmin):
    """Conversations of two or of a group."""

    list_display = ("id", "kind", "name", "last_seq", "last_message_at")

    def panels(self, request: HttpRequest, row: DirectConversation) -> Iterable[Panel | None]:
        """Return who takes part, and who of the staff has looked."""
        may_read = may_view(request, DirectMessage) and request.user.has_perm(READ_DIRECT)
        yield rows_panel(
            request,
            title="Who takes part",
            rows=DirectParticipant.objects.filter(conversation=row)
            .select_related("user")
            .order_by("user_id"),
            columns={
                "user": lambda participant: row_link(participant.user),
                "has read up to": lambda participant: f"#{participant.last_read_seq:,}",
                "left": lambda participant: moment(participant.left_at),
            },
            links=[
                list_link("Read the messages (this is logged)", DirectMessage, conversation=row.pk)
            ]
            if may_read
            else [],
        )
        yield rows_panel(
            request,
            title="Who of the staff looked",
            rows=AdminAccess.objects.filter(target_id=row.pk)
            .select_related("actor")
            .order_by("-created_at", "-id"),
            columns={
                "who": lambda access: row_link(access.actor),
                "what": lambda access: row_link(access, access.action),
                "at": lambda access: moment(access.created_at),
            },
            nothing="Nobody.",
            links=[list_link("All looks", AdminAccess, target=row.pk)],
        )


@admin.register(DirectParticipant)
class DirectParticipantAdmin(InspectionAdmin):
    """Who takes part in a conversation."""

    list_display = ("__str__", "user", "conversation", "last_read_seq", "left_at")
    narrowings = (
        by_user(),
        by_id(name="conversation", label="Conversation", column="conversation_id"),
    )
    # direct_participants_user_ix and direct_participants_uq.
    scopes = {
        ("user",): ("-conversation_id",),
        ("conversation",): ("-user_id",),
        ("user", "conversation"): ("-id",),
    }


@admin.register(DirectMessage)
class DirectMessageAdmin(InspectionAdmin):
    """Private messages, one conversation at a time."""

    list_display = ("__str__", "author", "content", "created_at", "deleted_at")
    search_help_text = "Words in the chosen conversation"
    nothing_found = "Choose a conversation: messages are shown one conversation at a time."
    narrowings = (by_id(name="conversation", label="Conversation", column="conversation_id"),)
    # direct_messages_seq_uq, and direct_messages_search_ix for words.
    scopes = {("conversation",): ("-seq",)}
    is_listed_whole = False

    def has_view_permission(self, request: HttpRequest, obj: DirectMessage | None = None) -> bool:
        """Tell whether this person may read private messages: it takes a permission of its own."""
        may_look: bool = super().has_view_permission(request, obj)
        return may_look and bool(request.user.has_perm(READ_DIRECT))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Show what a deleted message said to whom may read that too."""
        return with_text_column(request, self.list_display, is_clipped=True)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Show what a deleted message said to whom may read that too."""
        return with_text_column(request, super().get_fields(request, obj), is_clipped=False)

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, place: Place
    ) -> QuerySet[Any]:
        """Find an id, or words, in the conversation."""
        if uuid_or_none(term) is not None:
            return super().search(request, queryset, term, place)
        return with_words(queryset, term, place) if place else queryset.none()

    def log_list(
        self, request: HttpRequest, rows: Sequence[DirectMessage], changelist: KeysetChangeList
    ) -> None:
        """Write the look down, in the conversation of the rows themselves."""
        conversations = {row.conversation_id for row in rows}
        # A list that found nothing is a look too: it was asked whether something was said.
        if asked := changelist.conditions.get("conversation_id"):
            conversations.add(asked)
        for conversation_id in conversations:
            numbers = [row.seq for row in rows if row.conversation_id == conversation_id]
            _write_down(
                request,
                action="direct_message.list",
                conversation_id=conversation_id,
                details={
                    "shown": len(numbers),
                    **({"from_seq": min(numbers), "to_seq": max(numbers)} if numbers else {}),
                    # Not for what: the words may be about somebody who is erased one day.
                    **({"searched": True} if changelist.query else {}),
                },
            )

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the message, written down as read when this person may see it.

        With its number that of the message it answers, of which its page shows the words too.
        """
        row: Any = super().get_object(request, object_id, from_field)
        if row is not None and self.has_view_permission(request, row):
            _write_down(
                request,
                action="direct_message.read",
                conversation_id=row.conversation_id,
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
        """Refuse before the message is fetched: nobody has read it."""
        raise PermissionDenied

    def panels(self, request: HttpRequest, row: DirectMessage) -> Iterable[Panel | None]:
        """Return what was answered and what hangs on the message."""
        if row.reply_to_seq:
            answered = DirectMessage.objects.filter(
                conversation_id=row.conversation_id, seq=row.reply_to_seq
            )
            yield posts_panel(request, title="Answers", posts=answered)
        yield from parts_panels(request, row, space_id=row.conversation_id)


def _write_down(
    request: HttpRequest, *, action: str, conversation_id: UUID, details: dict[str, object]
) -> None:
    AdminAccess.objects.create(
        actor_id=as_uuid(str(request.user.pk)),
        action=action,
        target_type="direct_conversation",
        target_id=conversation_id,
        details=details,
    )
