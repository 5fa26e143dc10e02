"""Unread messages of a user, counted by arithmetic on the numbers of messages."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.inputs import id_of
from chat.models import User
from chat.queries.source import own_spaces
from chat.replicas import read, read_your_writes


class Unread(NamedTuple):
    """What a user has not read in one channel or conversation."""

    # The server's id, or that of the conversation, which is the channel's then.
    space_id: UUID
    channel_id: UUID
    last_seq: int
    last_read_seq: int
    # The messages after last_read_seq, without deleted, purged and imported ones, and without those
    # that were there before the user could read the channel.
    unread: int
    # Those among them that mention the user, one of their roles, or everyone.
    mentions: int
    # chat.models.ReadState.Notify; None for the client's default.
    notify: str | None
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class UnreadPage:
    """What a user has not read, in all that they can see of these servers and conversations."""

    entries: tuple[Unread, ...]
    # Pass it as `after` for further servers and conversations; None when there are none.
    next: UUID | None


_UNREAD_OVERVIEW = Statement(read_sql("queries/sql/unread_overview.sql"), Unread)


@read_your_writes()
def unread_overview(
    *, user: User | UUID, after: UUID | None = None, limit: int = 100
) -> UnreadPage:
    """Return what is unread in each channel of at most `limit` servers and conversations.

    Two statements. Ordered by space; only channels and conversations that the user can see, without
    archived threads. Nothing is unread in a channel whose history the user may not read, nor what
    was there before they could. Without a read mark, all messages but these are unread.

    Raises: InvalidInput.
    """
    user_id = id_of("user", user, User)
    spaces, following = own_spaces(user_id, after=after, limit=limit, has_conversations=True)
    rows = () if spaces is None else read(_UNREAD_OVERVIEW.rows, {"user": user_id, **spaces})
    return UnreadPage(entries=tuple(rows), next=following)
