"""Files of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Exists, OuterRef

from chat.admin.lists.inspection import InspectionAdmin, OfServersAdmin
from chat.admin.lists.message_texts import READ_DELETED
from chat.admin.lists.narrowing import by_choice, by_message, by_user, uuid_or_none
from chat.models import DirectConversation, DiscardedFile, MessageAttachment

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    from chat.admin.lists.narrowing import Conditions


@admin.register(MessageAttachment)
class MessageAttachmentAdmin(OfServersAdmin):
    """Files of servers, sent or still uploading; a conversation's are seen with their message."""

    list_display = ("filename", "content_type", "size_bytes", "uploader", "message", "created_at")
    narrowings = (
        by_message(),
        by_user(name="uploader", label="Uploader", column="uploader_id"),
        by_choice(
            name="only",
            label="Only",
            options={"unsent": ("never sent", {"message": None})},
        ),
    )
    # message_attachments_message_uq, message_attachments_user_ix and message_attachments_unsent_ix.
    scopes = {
        ("message",): ("position",),
        ("uploader",): ("-id",),
        ("only",): ("created_at", "id"),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what belongs to messages whose words are withheld."""
        rows = super().get_queryset(request)
        if request.user.has_perm(READ_DELETED):
            return rows
        return rows.filter(message__deleted_at=None)


@admin.register(DiscardedFile)
class DiscardedFileAdmin(InspectionAdmin):
    """Files of servers and users that no row names any more, until the store is rid of them."""

    list_display = ("storage_key", "space_id", "created_at")
    search_help_text = "Id or storage key"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what belonged to conversations: a key may tell what the file was called."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.exclude(Exists(DirectConversation.objects.filter(pk=OuterRef("space_id"))))

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, place: Conditions
    ) -> QuerySet[Any]:
        """Return the row with this id, or those with this key."""
        if uuid_or_none(term) is not None:
            return super().search(request, queryset, term, place)
        return queryset.filter(storage_key=term)
