"""Files of messages."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from chat.admin.lists.base import ReadOnlyAdmin, ServerDataAdmin
from chat.admin.lists.filters import Conditions, by_choice, by_message, by_user
from chat.admin.lists.message_texts import without_deleted
from chat.models import DirectConversation, DiscardedFile, MessageAttachment


@admin.register(MessageAttachment)
class MessageAttachmentAdmin(ServerDataAdmin):
    """Files of servers, sent or still uploading; of conversations see the messages."""

    list_display = ("filename", "content_type", "size_bytes", "uploader", "message", "created_at")
    filters = (
        by_message(),
        by_user(name="uploader", label="Uploader", column="uploader_id"),
        by_choice(
            name="only",
            label="Only",
            options={"unsent": ("never sent", {"message": None})},
        ),
    )
    # message_attachments_message_uq, message_attachments_user_ix and message_attachments_unsent_ix.
    indexed_orders = {
        ("message",): ("position",),
        ("uploader",): ("-id",),
        ("only",): ("created_at", "id"),
    }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out the files of deleted messages for those who may not read those."""
        return without_deleted(request, super().get_queryset(request))


@admin.register(DiscardedFile)
class DiscardedFileAdmin(ReadOnlyAdmin):
    """Files of servers and users that no row names any more, until the store has removed them."""

    list_display = ("storage_key", "space_id", "created_at")
    search_help_text = "Id or storage key"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what belonged to conversations: a key may tell what the file was called."""
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.exclude(
            Exists(DirectConversation.objects.filter(space_id=OuterRef("space_id")))
        )

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the rows with this storage key."""
        return queryset.filter(storage_key=text)
