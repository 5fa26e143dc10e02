"""How far members have read in channels; of conversations it is shown with who takes part."""

from django.contrib import admin

from chat.admin.lists.inspection import OfServersAdmin
from chat.admin.lists.narrowing import by_channel, by_server, by_user
from chat.models import ReadState


@admin.register(ReadState)
class ReadStateAdmin(OfServersAdmin):
    """Places of members in channels."""

    list_display = ("__str__", "user", "channel", "last_read_seq", "notify", "muted_until")
    narrowings = (by_server(column="space_id"), by_channel(), by_user())
    # read_states_uq and read_states_reader_ix.
    scopes = {
        ("server",): ("user_id", "channel_id"),
        ("channel",): ("-user_id",),
        ("server", "user"): ("channel_id",),
        ("channel", "user"): ("-id",),
    }
