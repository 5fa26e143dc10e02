"""The archived threads of a channel."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import NotVisible
from chat.inputs import check_limit, id_of
from chat.models import Channel, User
from chat.queries.source import LAST, Cursor, check_cursor
from chat.replicas import read

_ARCHIVED_THREADS = Statement(read_sql("queries/sql/archived_threads.sql"))


class ArchivedThread(NamedTuple):
    """A thread that takes no more messages. Those who can read its channel can read it."""

    id: UUID
    name: str
    archived_at: datetime
    last_seq: int
    last_message_at: datetime | None


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """Archived threads, last archived first."""

    threads: tuple[ArchivedThread, ...]
    # Pass it as `before` for those archived earlier; None when there are none.
    next: Cursor | None


def archived_threads(
    *,
    viewer: User | UUID,
    channel: Channel | UUID,
    before: Cursor | None = None,
    limit: int = 50,
) -> ThreadPage:
    """Return the archived threads of a channel, last archived first: one statement.

    Raises: InvalidInput; NotVisible for a channel that `viewer` cannot see.
    """
    viewer_id = id_of("viewer", viewer, User)
    channel_id = id_of("channel", channel, Channel)
    cursor = check_cursor("before", before, default=LAST)
    params = {
        "viewer": viewer_id,
        "channel": channel_id,
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_ARCHIVED_THREADS.tuples, params)
    if not rows:
        raise NotVisible("channel", channel_id, to=viewer_id)
    threads = tuple(ArchivedThread._make(row) for row in rows if row[0] is not None)
    last = threads[-1] if len(threads) == limit else None
    return ThreadPage(
        threads=threads, next=None if last is None else Cursor(last.archived_at, last.id)
    )
