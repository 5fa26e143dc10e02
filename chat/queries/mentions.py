"""Where somebody was named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat.inputs import check_limit, identify
from chat.models import User
from chat.queries.message_rows import Author
from chat.queries.source import LATEST, Cursor, alias, check_cursor, read_statement
from chat.statements import bigint, quick

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class InboxEntry:
    """A message that names the user."""

    id: UUID
    created_at: datetime
    server_id: UUID
    channel_id: UUID
    seq: int
    message_id: UUID
    author: Author | None
    # The first 100 characters of the message.
    excerpt: str


@dataclass(frozen=True, slots=True)
class Inbox:
    """Messages that name the user, newest first."""

    entries: tuple[InboxEntry, ...]
    # Pass it as `before` for older ones; None when there are none. A page that is not full can have
    # it too, and can be empty.
    next: Cursor | None


_inbox_entry = quick(InboxEntry)


def _entry(*values: Any) -> InboxEntry:
    *known, author_id, name, avatar_key, kind, excerpt = values
    author = None if author_id is None else Author(author_id, name, avatar_key, kind)
    return _inbox_entry(*known, author, excerpt)


_INBOX = read_statement("mention_inbox")


def inbox(*, user: User | UUID, before: Cursor | None = None, limit: int = 50) -> Inbox:
    """Return the messages that name a user, newest first, at most `limit`: one statement.

    Those that name the user, not a role or everyone; only what the user can read now, and nothing
    that has been deleted. At most 500 names are read for a page: among many that the user cannot
    read any more, follow `Inbox.next`.

    Raises: InvalidInput.
    """
    cursor = check_cursor("before", before, default=LATEST)
    params = {
        "user": identify("user", user, User),
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = _INBOX.tuples(params, using=alias())
    edge_at, edge_id = rows[0][:2]
    entries = tuple(_entry(*row[2:]) for row in rows if row[2] is not None)
    if edge_at is not None:
        return Inbox(entries=entries, next=Cursor(edge_at, edge_id))
    last = entries[-1] if len(entries) == limit else None
    return Inbox(entries=entries, next=None if last is None else Cursor(last.created_at, last.id))
