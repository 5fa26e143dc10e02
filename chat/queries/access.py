"""What a user may do in a channel, and all channels that they can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chat.db.statements import Statement, read_sql
from chat.inputs import id_of
from chat.models import Channel, Server, User
from chat.replicas import read
from chat.rules.permissions import NONE, Permission

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


class VisibleChannel(NamedTuple):
    """A channel in the list of one user."""

    server_id: UUID
    id: UUID
    # The category of a channel, the channel of a thread.
    parent_id: UUID | None
    # chat.models.Channel.Kind
    kind: str
    name: str
    position: int
    # The bits of chat.rules.permissions.Permission; an int, for a list can have thousands of them.
    permissions: int
    last_seq: int
    last_message_at: datetime | None


_PERMISSIONS_IN = Statement(read_sql("queries/sql/permissions_in.sql"))
_VISIBLE_CHANNELS = Statement(read_sql("queries/sql/visible_channels.sql"), VisibleChannel)


def permissions_in(*, user: User | UUID, channel: Channel | UUID) -> Permission:
    """Return what a user may do in a channel or a conversation: one statement.

    Nothing if they cannot see it.

    Raises: InvalidInput.
    """
    params = {
        "user": id_of("user", user, User),
        "channel": id_of("channel", channel, Channel),
    }
    bits = read(_PERMISSIONS_IN.value, params)
    return NONE if bits is None else Permission(bits)


def visible_channels(
    *, user: User | UUID, server: Server | UUID | None = None
) -> tuple[VisibleChannel, ...]:
    """Return every channel that a user can see, of one server or of all: one statement.

    Ordered by server, and within it by position; without conversations (`conversation_list`). None
    of a server that the user is not in.

    Raises: InvalidInput.
    """
    params = {
        "user": id_of("user", user, User),
        "space": None if server is None else id_of("server", server, Server),
    }
    return tuple(read(_VISIBLE_CHANNELS.rows, params))
