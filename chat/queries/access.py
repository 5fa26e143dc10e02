"""What a user may do in a channel, and all channels that they can see."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.errors import InvalidInput
from chat.inputs import check_limit, describe, id_of
from chat.models import Channel, Server, User
from chat.queries.source import of_space, own_spaces
from chat.replicas import read, read_your_writes
from chat.rules.permissions import NONE, Permission


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


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """Channels of servers: all that the user can see in each of these."""

    channels: tuple[VisibleChannel, ...]
    # Pass it as `after` for the channels of further servers; None when there are none.
    next: UUID | None


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


@read_your_writes()
def visible_channels(
    *,
    user: User | UUID,
    server: Server | UUID | None = None,
    after: UUID | None = None,
    limit: int = 100,
) -> ChannelPage:
    """Return every channel that a user can see in at most `limit` servers, or in `server` alone.

    Two statements, for one server one. Ordered by server, and within it by position; without
    archived threads (`archived_threads`) and conversations (`conversation_list`). None of a server
    that the user is not in.

    Raises: InvalidInput.
    """
    user_id = id_of("user", user, User)
    following: UUID | None = None
    if server is None:
        spaces, following = own_spaces(user_id, after=after, limit=limit, has_conversations=False)
    elif after is not None:
        raise InvalidInput("after", seen=describe(after), expected="None beside a server")
    else:
        check_limit(limit)
        spaces = of_space(id_of("server", server, Server), with_archived=False)
    rows = () if spaces is None else read(_VISIBLE_CHANNELS.rows, {"user": user_id, **spaces})
    return ChannelPage(channels=tuple(rows), next=following)
