"""How much a user has not read, by arithmetic on the numbers of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chat.inputs import identify
from chat.models import User
from chat.queries.source import alias, read_statement
from chat.statements import quick

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class UnreadChannel:
    """What is new to a user in one channel."""

    server_id: UUID
    channel_id: UUID
    last_seq: int
    last_read_seq: int
    # The messages after last_read_seq that have not been deleted.
    unread: int
    # Those among them that name the user, one of their roles, or everyone.
    mentions: int
    # chat.models.ReadState.Notify; None for the client's default.
    notify: str | None
    muted_until: datetime | None


@dataclass(frozen=True, slots=True)
class UnreadConversation:
    """What is new to a user in one conversation."""

    conversation_id: UUID
    last_seq: int
    last_read_seq: int
    # The messages after last_read_seq that have not been deleted.
    unread: int
    muted_until: datetime | None


_UNREAD_CHANNELS = read_statement("unread_channels", quick(UnreadChannel))
_UNREAD_CONVERSATIONS = read_statement("unread_conversations", quick(UnreadConversation))


def unread_overview(*, user: User | UUID) -> tuple[UnreadChannel, ...]:
    """Return what is unread in every channel that a user can see, by server: one statement.

    Nothing counts as unread in a channel whose history the user may not read. Whoever has no mark
    in a channel has read nothing there.

    Raises: InvalidInput.
    """
    params = {"user": identify("user", user, User)}
    return tuple(_UNREAD_CHANNELS.rows(params, using=alias()))


def unread_conversations(*, user: User | UUID) -> tuple[UnreadConversation, ...]:
    """Return what is unread in every conversation that a user takes part in: one statement.

    Raises: InvalidInput.
    """
    params = {"user": identify("user", user, User)}
    return tuple(_UNREAD_CONVERSATIONS.rows(params, using=alias()))
