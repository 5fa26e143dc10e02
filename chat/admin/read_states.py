"""How far members have read."""

from django.contrib import admin

from chat.admin.inspection import InspectionAdmin
from chat.admin.narrowing import by_channel, by_server, by_user
from chat.models import ReadState


@admin.register(ReadState)
class ReadStateAdmin(InspectionAdmin):
    """Places of members in channels."""

    list_display = ("__str__", "user", "channel", "last_read_seq", "notify", "muted_until")
    narrowings = (by_server(), by_channel(), by_user())
    # read_states_uq and read_states_channel_ix.
    scopes = {
        ("server",): ("user_id", "channel_id"),
        ("channel",): ("-id",),
        ("server", "user"): ("channel_id",),
        ("channel", "user"): ("-id",),
    }
