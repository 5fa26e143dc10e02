"""The rows that can be imported, one class for each kind.

Named tuples, for a frozen dataclass takes more than three times as long to make.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class UserRow(NamedTuple):
    """A user, who cannot log in until somebody gives them a password."""

    id: UUID
    username: str
    display_name: str = ""
    kind: str = "human"
    created_at: datetime | None = None
    bio: str = ""


class MemberRow(NamedTuple):
    """A member of a server, and their roles, without everyone's."""

    user: UUID
    joined_at: datetime | None = None
    nickname: str | None = None
    roles: Sequence[UUID] = ()


class ReadStateRow(NamedTuple):
    """How far somebody has read in a channel or a conversation."""

    user: UUID
    channel: UUID
    last_read_seq: int


class ReactionRow(NamedTuple):
    """An emoji that somebody put under the message."""

    user: UUID
    emoji: str
    created_at: datetime | None = None


class MentionRow(NamedTuple):
    """A mention in the message; neither a user nor a role means everyone."""

    user: UUID | None = None
    role: UUID | None = None


class AttachmentRow(NamedTuple):
    """A file of the message; it is in the object store already."""

    id: UUID
    filename: str
    content_type: str
    size_bytes: int
    sha256: bytes
    storage_key: str
    width: int | None = None
    height: int | None = None
    duration_ms: int | None = None
    alt_text: str = ""


class MessageRow(NamedTuple):
    """A message with its parts. `reply_to` is the id of an earlier message in the same channel.

    One of the kind "text" has an author, one of another kind has no content.
    """

    id: UUID
    author: UUID | None
    created_at: datetime
    content: str = ""
    kind: str = "text"
    reply_to: UUID | None = None
    edited_at: datetime | None = None
    pinned_at: datetime | None = None
    pinned_by: UUID | None = None
    deleted_at: datetime | None = None
    deleted_by: UUID | None = None
    mentions: Sequence[MentionRow] = ()
    reactions: Sequence[ReactionRow] = ()
    attachments: Sequence[AttachmentRow] = ()
