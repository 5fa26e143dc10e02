"""Files of messages."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import MessageAttachment


@admin.register(MessageAttachment)
class MessageAttachmentAdmin(InspectionAdmin):
    """Files, sent or still uploading."""

    list_display = ("filename", "content_type", "size_bytes", "uploader", "created_at")
    search_fields = ("id__exact", "space_id__exact", "uploader__username__exact")
