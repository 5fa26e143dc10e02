"""Messages as pages show them: with author, files, reactions and what they answer.

Every statement whose rows become a `MessageRow` has the columns of sql/message_page.sql.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chat.statements import quick

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message, under the name that is shown there: nickname, display name, username."""

    id: UUID
    name: str
    avatar_key: str | None
    # chat.models.User.Kind
    kind: str


@dataclass(frozen=True, slots=True)
class Attachment:
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


@dataclass(frozen=True, slots=True)
class ReactionCount:
    """How many put an emoji under a message, and whether the viewer is one of them."""

    emoji: str
    count: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """The message that is answered, in short."""

    seq: int
    author_id: UUID | None
    author_name: str | None
    # Its first 100 characters; None when it has been deleted.
    excerpt: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A message in its place. Of a deleted one only the place is left: who wrote it, and when."""

    id: UUID
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
    # Most given first.
    reactions: tuple[ReactionCount, ...]


_author = quick(Author)
_attachment = quick(Attachment)
_reaction = quick(ReactionCount)
_reply = quick(Reply)
_message = quick(MessageRow)


def message_rows(rows: Iterable[tuple[Any, ...]]) -> tuple[MessageRow, ...]:
    """Return the messages in `rows`, of which the first two columns are left out."""
    authors: dict[UUID, Author] = {}
    messages = []
    for (
        _,
        _,
        id_,
        seq,
        kind,
        content,
        version,
        created_at,
        edited_at,
        pinned_at,
        deleted_at,
        author_id,
        name,
        avatar_key,
        author_kind,
        reply_to_seq,
        reply_author_id,
        reply_author_name,
        excerpt,
        files,
        reactions,
    ) in rows:
        author = authors.get(author_id)
        if author is None and author_id is not None:
            author = authors[author_id] = _author(author_id, name, avatar_key, author_kind)
        messages.append(
            _message(
                id_,
                seq,
                kind,
                content,
                version,
                created_at,
                edited_at,
                pinned_at,
                deleted_at,
                author,
                None
                if reply_to_seq is None or deleted_at is not None
                else _reply(reply_to_seq, reply_author_id, reply_author_name, excerpt),
                tuple([_attachment(UUID(file[0]), *file[1:]) for file in files]) if files else (),
                tuple([_reaction(*given) for given in reactions]) if reactions else (),
            )
        )
    return tuple(messages)
