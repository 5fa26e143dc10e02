"""Messages in the one shape that all queries return: with author, files, reactions and reply.

Each statement whose rows become a `MessageView` ends in the columns of sql/message_columns.sql.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.replicas import read

_MESSAGE_ROWS = Statement(read_sql("queries/sql/message_rows.sql"))


class Author(NamedTuple):
    """A user, with the first there is of nickname, display name and username."""

    id: UUID
    name: str
    avatar_key: str | None
    # chat.models.User.Kind
    kind: str


class Attachment(NamedTuple):
    """A file of a message."""

    id: UUID
    filename: str
    content_type: str
    size_bytes: int
    storage_key: str
    width: int | None
    height: int | None
    duration_ms: int | None
    alt_text: str


class ReactionCount(NamedTuple):
    """How many users reacted with an emoji, and whether the viewer is one of them."""

    emoji: str
    count: int  # type: ignore[assignment]
    is_own: bool


class Reply(NamedTuple):
    """A summary of the message that is replied to."""

    seq: int
    author_id: UUID | None
    author_name: str | None
    # Its first 100 characters; None when it has been deleted.
    excerpt: str | None


class MessageView(NamedTuple):
    """A message. A deleted one has its author and its moments, without content and parts."""

    id: UUID
    # The server's id, or that of the conversation, which is the channel's then.
    space_id: UUID
    channel_id: UUID
    seq: int
    # chat.models.Message.Kind
    kind: str
    content: str
    version: int
    created_at: datetime
    edited_at: datetime | None
    pinned_at: datetime | None
    deleted_at: datetime | None
    # None for a message of the system.
    author: Author | None
    reply: Reply | None
    attachments: tuple[Attachment, ...]
    # The most frequent first.
    reactions: tuple[ReactionCount, ...]


_OWN_COLUMNS = MessageView._fields.index("author")
# As `_make` does, without asking each time whether the columns are as many as the fields.
_author = partial(tuple.__new__, Author)
_reply = partial(tuple.__new__, Reply)
_reaction = partial(tuple.__new__, ReactionCount)
_message = partial(tuple.__new__, MessageView)

# The model whose id it has (chat.inputs.id_of). In the class it would be a field.
MessageView.stands_for = "Message"  # type: ignore[attr-defined]


def message_views(rows: Iterable[tuple[Any, ...]], *, after: int = 0) -> tuple[MessageView, ...]:
    """Return the messages in `rows`, whose columns come after `after` other ones."""
    messages = []
    # The columns before it are fields of the message as they are; the last of them is deleted_at.
    author = after + _OWN_COLUMNS
    reply = author + len(Author._fields)
    parts = reply + len(Reply._fields)
    for row in rows:
        files, reactions = row[parts:]
        is_reply = row[reply] is not None and row[author - 1] is None
        made = (
            None if row[author] is None else _author(row[author:reply]),
            _reply(row[reply:parts]) if is_reply else None,
            tuple([Attachment(UUID(id_), *rest) for id_, *rest in files]) if files else (),
            tuple(map(_reaction, reactions)) if reactions else (),
        )
        messages.append(_message(row[after:author] + made))
    return tuple(messages)


def find_message_views(
    *, viewer: UUID, found: Sequence[tuple[UUID, UUID]]
) -> tuple[MessageView, ...]:
    """Return the messages with these ids of space and message, in the same order: one statement.

    No statement when `found` is empty. The caller has checked that `viewer` may read them.
    """
    if not found:
        return ()
    params = {
        "viewer": viewer,
        "spaces": [space_id for space_id, _ in found],
        "ids": [message_id for _, message_id in found],
    }
    rows = message_views(read(_MESSAGE_ROWS.tuples, params))
    known = {message.id: message for message in rows}
    return tuple([known[id_] for _, id_ in found if id_ in known])
