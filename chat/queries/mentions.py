"""The inbox of a user: messages that mention them."""

from dataclasses import dataclass
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.inputs import check_limit, id_of
from chat.models import User
from chat.queries.message_rows import MessageView, message_views
from chat.queries.source import LAST, Cursor, check_cursor, merged
from chat.replicas import read

_INBOX = Statement(read_sql("queries/sql/mention_inbox.sql"))


@dataclass(frozen=True, slots=True)
class Inbox:
    """Messages that mention the user, latest mention first."""

    messages: tuple[MessageView, ...]
    # Pass it as `before` for older ones; None when there are none. A page that is not full, or even
    # empty, can have a next one.
    next: Cursor | None


def inbox(*, user: User | UUID, before: Cursor | None = None, limit: int = 50) -> Inbox:
    """Return the messages that mention a user, newest first, at most `limit`: one statement.

    Mentions of the user, not of a role or of everyone, in channels and conversations that the user
    can read now, without deleted messages. At most 500 mentions are read for a page: where the user
    cannot read many of them any more, go on with `Inbox.next`.

    Raises: InvalidInput.
    """
    user_id = id_of("user", user, User)
    cursor = check_cursor("before", before, default=LAST)
    params = {
        "user": user_id,
        "viewer": user_id,
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_INBOX.tuples, params)
    edge, found = merged(rows, edge=0, limit=limit)
    messages = message_views(found, after=2)
    if edge is not None:
        return Inbox(messages=messages, next=edge)
    following = Cursor(*found[-1][:2]) if len(found) == limit else None
    return Inbox(messages=messages, next=following)
