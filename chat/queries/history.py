"""What was said in a channel or a conversation, page by page, and what is pinned there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chat.errors import InvalidInput, MissingPermission, NotVisible
from chat.inputs import check_limit, check_number, check_seq, identify
from chat.models import Channel, DirectConversation, User
from chat.permissions import Permission
from chat.queries.message_rows import MessageRow, message_rows
from chat.queries.source import LATEST, Cursor, alias, check_cursor, read_statement
from chat.statements import bigint

if TYPE_CHECKING:
    from uuid import UUID

_MESSAGE_PAGE = read_statement("message_page")
_DIRECT_PAGE = read_statement("direct_page")
_MESSAGE_PINS = read_statement("message_pins")
_DIRECT_PINS = read_statement("direct_pins")

_LARGEST_SEQ = 2**63 - 1
_READ = Permission.READ_MESSAGE_HISTORY.value


@dataclass(frozen=True, slots=True)
class MessagePage:
    """A stretch of messages without a gap, newest first."""

    messages: tuple[MessageRow, ...]
    # The number of the newest message that there is.
    last_seq: int
    # Pass it as `before` for the older neighbours; None when there are none.
    older: int | None
    # Pass it as `after` for the newer neighbours; None when there are none yet.
    newer: int | None


@dataclass(frozen=True, slots=True)
class PinPage:
    """Pinned messages, last pinned first."""

    messages: tuple[MessageRow, ...]
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
    """Return messages of a channel, newest first, at most `limit`: one statement.

    The newest ones, or those next to a number: older than `before`, newer than `after` (0 for those
    at the beginning), or half of either side of `around`, itself among them. Deleted messages keep
    their place. A page is complete: numbers are given in the order of commits, so none appears
    later among those that were seen.

    Raises: InvalidInput; NotVisible for a channel that `viewer` cannot see; MissingPermission
    without READ_MESSAGE_HISTORY.
    """
    params = _window(before=before, after=after, around=around, limit=limit)
    params["viewer"] = viewer_id = identify("viewer", viewer, User)
    params["channel"] = channel_id = identify("channel", channel, Channel)
    rows = _MESSAGE_PAGE.tuples(params, using=alias())
    _check_channel(rows, viewer=viewer_id, channel=channel_id)
    return _page(rows, params)


def direct_page(
    *,
    viewer: User | UUID,
    conversation: DirectConversation | UUID,
    before: int | None = None,
    after: int | None = None,
    around: int | None = None,
    limit: int = 50,
) -> MessagePage:
    """Return messages of a direct conversation as `message_page` does: one statement.

    Raises: InvalidInput; NotVisible when `viewer` takes no part in it, or has left.
    """
    params = _window(before=before, after=after, around=around, limit=limit)
    params["viewer"] = viewer_id = identify("viewer", viewer, User)
    params["conversation"] = place = identify("conversation", conversation, DirectConversation)
    rows = _DIRECT_PAGE.tuples(params, using=alias())
    if not rows:
        raise NotVisible("conversation", place, to=viewer_id)
    return _page(rows, params)


def pins(
    *,
    viewer: User | UUID,
    channel: Channel | UUID,
    before: Cursor | None = None,
    limit: int = 50,
) -> PinPage:
    """Return the pinned messages of a channel, last pinned first: one statement.

    Raises: as `message_page`.
    """
    params = _pinned(before, limit)
    params["viewer"] = viewer_id = identify("viewer", viewer, User)
    params["channel"] = channel_id = identify("channel", channel, Channel)
    rows = _MESSAGE_PINS.tuples(params, using=alias())
    _check_channel(rows, viewer=viewer_id, channel=channel_id)
    return _pin_page(rows, limit)


def direct_pins(
    *,
    viewer: User | UUID,
    conversation: DirectConversation | UUID,
    before: Cursor | None = None,
    limit: int = 50,
) -> PinPage:
    """Return the pinned messages of a conversation, last pinned first: one statement.

    Raises: as `direct_page`.
    """
    params = _pinned(before, limit)
    params["viewer"] = viewer_id = identify("viewer", viewer, User)
    params["conversation"] = place = identify("conversation", conversation, DirectConversation)
    rows = _DIRECT_PINS.tuples(params, using=alias())
    if not rows:
        raise NotVisible("conversation", place, to=viewer_id)
    return _pin_page(rows, limit)


def _window(
    *, before: int | None, after: int | None, around: int | None, limit: int
) -> dict[str, Any]:
    """Return how many messages up to which number, and how many above it."""
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
    upto, older, newer = _LARGEST_SEQ, limit, 0
    if before is not None:
        upto = check_seq("before", before) - 1
    elif after is not None:
        upto = check_number("after", after, least=0, most=_LARGEST_SEQ)
        older, newer = 0, limit
    elif around is not None:
        upto = check_seq("around", around)
        newer = (limit - 1) // 2
        older = limit - newer
    return {"upto": bigint(upto), "older": bigint(older), "newer": bigint(newer)}


def _pinned(before: Cursor | None, limit: int) -> dict[str, Any]:
    cursor = check_cursor("before", before, default=LATEST)
    return {
        "before_at": cursor.at,
        "before_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }


def _check_channel(rows: list[tuple[Any, ...]], *, viewer: UUID, channel: UUID) -> None:
    """Raise unless the permissions in the first column are enough to read there."""
    if not rows:
        raise NotVisible("channel", channel, to=viewer)
    if not rows[0][0] & _READ:
        raise MissingPermission(
            Permission.READ_MESSAGE_HISTORY, user=viewer, place=f"channel {channel}"
        )


def _page(rows: list[tuple[Any, ...]], window: dict[str, Any]) -> MessagePage:
    last_seq = rows[0][1]
    if rows[0][2] is None:
        upto = int(window["upto"])
        is_above = window["older"] == 0 and last_seq > 0
        return MessagePage(
            messages=(),
            last_seq=last_seq,
            older=min(upto, last_seq) + 1 if is_above else None,
            newer=upto if upto < last_seq else None,
        )
    messages = message_rows(rows)
    newest, oldest = messages[0].seq, messages[-1].seq
    return MessagePage(
        messages=messages,
        last_seq=last_seq,
        older=oldest if oldest > 1 else None,
        newer=newest if newest < last_seq else None,
    )


def _pin_page(rows: list[tuple[Any, ...]], limit: int) -> PinPage:
    if rows[0][2] is None:
        return PinPage(messages=(), next=None)
    messages = message_rows(rows)
    last = messages[-1]
    if len(messages) < limit or last.pinned_at is None:
        return PinPage(messages=messages, next=None)
    return PinPage(messages=messages, next=Cursor(last.pinned_at, last.id))
