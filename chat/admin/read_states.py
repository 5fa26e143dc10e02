"""How far members have read."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.models import ReadState


@admin.register(ReadState)
class ReadStateAdmin(InspectionAdmin):
    """Read marks."""

    list_display = ("user", "channel", "last_read_seq", "notify", "muted_until")
    search_fields = ("channel__id__exact", "user__username__exact")
