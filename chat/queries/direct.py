"""The conversations of a user."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.inputs import check_limit, id_of
from chat.models import User
from chat.queries.message_rows import Author
from chat.queries.source import LAST, Cursor, check_cursor
from chat.replicas import read


class Conversation(NamedTuple):
    """A conversation in the list of one user."""

    id: UUID
    # chat.models.DirectConversation.Kind
    kind: str
    # Of a group, and empty if it has none.
    name: str
    owner_id: UUID | None
    # When the newest message was sent, or the conversation was opened.
    active_at: datetime
    last_seq: int
    last_read_seq: int
    unread: int
    muted_until: datetime | None
    # The other participants, first who joined first.
    others: tuple[Author, ...]
    # Of the newest message: who wrote it, and its first 100 characters, None if it was deleted.
    newest_author_id: UUID | None
    newest_excerpt: str | None


@dataclass(frozen=True, slots=True)
class ConversationPage:
    """Conversations, the one with the newest message first."""

    conversations: tuple[Conversation, ...]
    # Pass it as `before` for the next page; None when there is none.
    next: Cursor | None


_OTHERS = Conversation._fields.index("others")
# As `_make` does, without asking for the number of columns.
_author = partial(tuple.__new__, Author)
_made = partial(tuple.__new__, Conversation)


def _conversation(*values: Any) -> Conversation:
    people = [_author((UUID(id_), *rest)) for id_, *rest in values[_OTHERS] or ()]
    return _made((*values[:_OTHERS], tuple(people), *values[_OTHERS + 1 :]))


_CONVERSATION_LIST = Statement(read_sql("queries/sql/conversation_list.sql"), _conversation)


def conversation_list(
    *, user: User | UUID, before: Cursor | None = None, limit: int = 50
) -> ConversationPage:
    """Return the conversations that a user takes part in, at most `limit`: one statement.

    Newest message first. A conversation that gets a message between two pages moves to the top, and
    is not on later pages.

    Raises: InvalidInput.
    """
    cursor = check_cursor("before", before, default=LAST)
    params = {
        "user": id_of("user", user, User),
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    found = tuple(read(_CONVERSATION_LIST.rows, params))
    last = found[-1] if len(found) == limit else None
    return ConversationPage(
        conversations=found, next=None if last is None else Cursor(last.active_at, last.id)
    )
