"""The messages of a channel or a conversation, page by page, and its pins."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import InvalidInput, MissingPermission, NotVisible
from chat.inputs import (
    check_limit,
    check_number,
    check_seq,
    describe,
    id_of,
    is_real_instance,
)
from chat.models import Channel, Message, User
from chat.queries.message_rows import MessageView, find_message_views, message_views
from chat.queries.source import LAST, Cursor, check_cursor
from chat.replicas import read, read_your_writes
from chat.rules.limits import LARGEST_BIGINT, PAGE_LIMIT
from chat.rules.permissions import Permission

_MESSAGE_PAGE = Statement(read_sql("queries/sql/message_page.sql"))
_MESSAGE_PINS = Statement(read_sql("queries/sql/message_pins.sql"))
_READABLE_MESSAGES = Statement(read_sql("queries/sql/readable_messages.sql"))

_READ = Permission.READ_MESSAGE_HISTORY.value


@dataclass(frozen=True, slots=True)
class MessagePage:
    """Messages without a gap between them, newest first."""

    messages: tuple[MessageView, ...]
    # The number of the newest message in the channel.
    last_seq: int
    # Pass it as `before` for the next older page; None when there is none.
    older: int | None
    # Pass it as `after` for the next newer page; None when there is none yet.
    newer: int | None


@dataclass(frozen=True, slots=True)
class PinPage:
    """Pinned messages, last pinned first."""

    messages: tuple[MessageView, ...]
    # Pass it as `before` for those pinned earlier; None when there are none.
    next: Cursor | None


def message_page(
    *,
    viewer: User | UUID,
    channel: Channel | UUID,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = 50,
) -> MessagePage:
    """Return messages of a channel or a conversation, newest first, at most `limit`: one statement.

    The newest ones, or those next to a number: older than `before`, newer than `after` (0 for the
    oldest), or half from either side of `around`, which is one of them. Deleted messages keep their
    number. A page is complete: numbers are given in the order of commits, so no message appears
    later among those already read.

    Raises: InvalidInput; NotVisible for a channel that `viewer` cannot see, also a conversation in
    which they take no part or which they left; MissingPermission without READ_MESSAGE_HISTORY.
    """
    params = _window(before=before, after=after, around=around, limit=limit)
    params |= _viewer_and_channel(viewer, channel)
    rows = read(_MESSAGE_PAGE.tuples, params)
    _check_access(rows, params)
    _, first_seq, last_seq, *_ = rows[0]
    if rows[0][3] is None:
        upto = int(params["upto"])
        is_above = params["older"] == 0 and last_seq >= first_seq
        return MessagePage(
            messages=(),
            last_seq=last_seq,
            older=min(upto, last_seq) + 1 if is_above else None,
            newer=upto if upto < last_seq else None,
        )
    messages = message_views(rows, after=3)
    newest, oldest = messages[0].seq, messages[-1].seq
    return MessagePage(
        messages=messages,
        last_seq=last_seq,
        older=oldest if oldest > first_seq else None,
        newer=newest if newest < last_seq else None,
    )


def message_pins(
    *,
    viewer: User | UUID,
    channel: Channel | UUID,
    before: Cursor | None = None,
    limit: int = 50,
) -> PinPage:
    """Return the pins of a channel, last pinned first, at most `limit`: one statement.

    Or those of a conversation, as `message_page` does.

    Raises: as `message_page`.
    """
    cursor = check_cursor("before", before, default=LAST)
    params = {
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
        **_viewer_and_channel(viewer, channel),
    }
    rows = read(_MESSAGE_PINS.tuples, params)
    _check_access(rows, params)
    if rows[0][1] is None:
        return PinPage(messages=(), next=None)
    messages = message_views(rows, after=1)
    last = messages[-1]
    if len(messages) < limit or last.pinned_at is None:
        return PinPage(messages=messages, next=None)
    return PinPage(messages=messages, next=Cursor(last.pinned_at, last.id))


@read_your_writes()
def messages_by_id(
    *, viewer: User | UUID, messages: Sequence[Message | MessageView | UUID]
) -> tuple[MessageView, ...]:
    """Return those of `messages`, at most 100, that `viewer` can read: two statements.

    In the order of `messages`. Unknown messages and those that `viewer` cannot read are left out;
    deleted ones are not.

    Raises: InvalidInput.
    """
    if (
        not (is_real_instance(messages, list) or is_real_instance(messages, tuple))
        or len(messages) > PAGE_LIMIT
    ):
        raise InvalidInput(
            "messages", seen=describe(messages), expected=f"a list of at most {PAGE_LIMIT}"
        )
    viewer_id = id_of("viewer", viewer, User)
    ids = [id_of("messages", message, Message) for message in messages]
    rows = read(_READABLE_MESSAGES.tuples, {"viewer": viewer_id, "ids": ids})
    spaces = {message_id: space_id for space_id, message_id in rows}
    return find_message_views(
        viewer=viewer_id, found=[(spaces[id_], id_) for id_ in ids if id_ in spaces]
    )


def _viewer_and_channel(viewer: User | UUID, channel: Channel | UUID) -> dict[str, Any]:
    return {
        "viewer": id_of("viewer", viewer, User),
        "channel": id_of("channel", channel, Channel),
    }


def _window(
    *, before: int | None, after: int | None, around: int | None, limit: int
) -> dict[str, Any]:
    """Return the parameters: how many messages up to a number, and how many above it."""
    check_limit(limit)
    named = [
        name
        for name, seq in (("before", before), ("after", after), ("around", around))
        if seq is not None
    ]
    if len(named) > 1:
        raise InvalidInput(
            " and ".join(named), seen="given at once", expected="one of before, after and around"
        )
    upto, older, newer = LARGEST_BIGINT, limit, 0
    if before is not None:
        upto = check_seq("before", before) - 1
    elif after is not None:
        upto = check_number("after", after, least=0, most=LARGEST_BIGINT)
        older, newer = 0, limit
    elif around is not None:
        upto = check_seq("around", around)
        newer = (limit - 1) // 2
        older = limit - newer
    return {"upto": bigint(upto), "older": bigint(older), "newer": bigint(newer)}


def _check_access(rows: list[tuple[Any, ...]], params: dict[str, Any]) -> None:
    """Raise NotVisible or MissingPermission unless the first column permits to read."""
    viewer, channel = params["viewer"], params["channel"]
    if not rows:
        raise NotVisible("channel", channel, to=viewer)
    if not rows[0][0] & _READ:
        raise MissingPermission(
            Permission.READ_MESSAGE_HISTORY, user=viewer, where=f"channel {channel}"
        )
