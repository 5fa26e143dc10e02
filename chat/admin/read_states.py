"""How far members have read in channels; for conversations see their participants."""

from django.contrib import admin

from chat.admin.lists.base import ServerDataAdmin
from chat.admin.lists.filters import by_channel, by_server, by_user
from chat.models import ReadState


@admin.register(ReadState)
class ReadStateAdmin(ServerDataAdmin):
    """The number up to which a member has read a channel."""

    list_display = ("__str__", "user", "channel", "last_read_seq", "notify", "muted_until")
    filters = (by_server(column="space_id"), by_channel(), by_user())
    # read_states_uq and read_states_reader_ix.
    indexed_orders = {
        ("server",): ("user_id", "channel_id"),
        ("channel",): ("-user_id",),
        ("server", "user"): ("channel_id",),
        ("channel", "user"): ("-id",),
    }
