"""Direct conversations."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import DirectConversation, DirectMessage, DirectParticipant


@admin.register(DirectConversation)
class DirectConversationAdmin(InspectionAdmin):
    """Conversations of two or of a group."""

    list_display = ("id", "kind", "name", "last_seq", "last_message_at")
    search_fields = ("id__exact",)


@admin.register(DirectParticipant)
class DirectParticipantAdmin(InspectionAdmin):
    """Who takes part in a conversation."""

    list_display = ("user", "conversation", "last_read_seq", "left_at")
    search_fields = ("conversation__id__exact", "user__username__exact")


@admin.register(DirectMessage)
class DirectMessageAdmin(InspectionAdmin):
    """Private messages: to be seen only by whom the permission is given for this very model."""

    list_display = ("seq", "conversation", "author", "created_at", "deleted_at")
    search_fields = ("id__exact", "conversation__id__exact")
