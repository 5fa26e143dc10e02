"""Messages, and what hangs on them."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import Mention, Message, MessageRevision, Reaction


@admin.register(Message)
class MessageAdmin(InspectionAdmin):
    """Messages in channels."""

    list_display = ("seq", "channel", "author", "content", "created_at", "deleted_at")
    search_fields = ("id__exact", "channel__id__exact")


@admin.register(MessageRevision)
class MessageRevisionAdmin(InspectionAdmin):
    """Earlier versions of edited messages in channels and conversations."""

    list_display = ("version", "message_id", "direct_message_id", "editor", "replaced_at")
    search_fields = ("space_id__exact",)


@admin.register(Mention)
class MentionAdmin(InspectionAdmin):
    """Who is named in a message."""

    list_display = ("seq", "channel", "user", "role", "created_at")
    search_fields = ("server__id__exact", "user__username__exact")


@admin.register(Reaction)
class ReactionAdmin(InspectionAdmin):
    """Emoji under messages."""

    list_display = ("emoji", "user", "message_id", "direct_message_id", "created_at")
    search_fields = ("space_id__exact", "user__username__exact")
