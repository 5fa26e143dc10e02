"""Unread messages of a user, counted by arithmetic on the numbers of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from chat.db.statements import Statement, read_sql
from chat.inputs import id_of
from chat.models import User
from chat.replicas import read

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


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


_UNREAD_OVERVIEW = Statement(read_sql("queries/sql/unread_overview.sql"), Unread)


def unread_overview(*, user: User | UUID) -> tuple[Unread, ...]:
    """Return what is unread in every channel and conversation of a user: one statement.

    Ordered by space; only those that the user can see. Nothing is unread in a channel whose history
    the user may not read, nor what was there before they could. Without a read mark, all messages
    but these are unread.

    Raises: InvalidInput.
    """
    params = {"user": id_of("user", user, User), "space": None}
    return tuple(read(_UNREAD_OVERVIEW.rows, params))
