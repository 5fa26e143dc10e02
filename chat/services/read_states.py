"""How far somebody has read, and what they want to hear of."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from chat.errors import InvalidInput, NotVisible
from chat.inputs import check_moment, check_seq, identify, shown
from chat.models import Channel, DirectConversation, DirectParticipant, ReadState, Server, User
from chat.services.use_case import alias, one_statement
from chat.statements import Statement

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

_SQL = Path(__file__).parent / "sql"


def _marked(mark: int | None, newest: int) -> tuple[int | None, int]:
    return mark, newest


_MARK = Statement.read(_SQL / "mark_read.sql", row=_marked)
_MARK_DIRECT = Statement.read(_SQL / "mark_direct_read.sql", row=_marked)
_MARK_ALL = Statement.read(_SQL / "mark_all_read.sql", row=int)
_SETTING = Statement.read(_SQL / "set_channel_setting.sql", row=bool)


@one_statement
def mark_read(*, user: User | UUID, channel: Channel | UUID, seq: int | None = None) -> int:
    """Mark a channel as read up to message `seq`, or to the newest, and return the mark.

    The mark never moves back: an older `seq` leaves it. One statement. Locks the member's read
    state. Raises: InvalidInput, also for a `seq` that no message has yet; NotVisible.
    """
    user_id = identify("user", user, User)
    channel_id = identify("channel", channel, Channel)
    params = {"user": user_id, "channel": channel_id, "seq": _seq_or_none(seq)}
    found = _MARK.first(params, using=alias())
    if found is None:
        raise NotVisible("channel", channel_id, to=user_id)
    return _mark(*found, seq=seq)


@one_statement
def mark_direct_read(
    *, user: User | UUID, conversation: DirectConversation | UUID, seq: int | None = None
) -> int:
    """Mark a conversation as read up to message `seq`, or to the newest, and return the mark.

    As `mark_read`. One statement. Locks the participant's row. Raises: InvalidInput, NotVisible.
    """
    user_id = identify("user", user, User)
    place_id = identify("conversation", conversation, DirectConversation)
    params = {"user": user_id, "conversation": place_id, "seq": _seq_or_none(seq)}
    found = _MARK_DIRECT.first(params, using=alias())
    if found is None:
        raise NotVisible("conversation", place_id, to=user_id)
    return _mark(*found, seq=seq)


@one_statement
def mark_all_read(*, user: User | UUID, server: Server | UUID | None = None) -> int:
    """Mark every channel that the user sees as read, in one server or in all.

    Returns how many marks have moved. One statement. Locks the member's read states, by server and
    channel. Raises: InvalidInput; NotVisible, for a server in which the user sees nothing.
    """
    user_id = identify("user", user, User)
    server_id = None if server is None else identify("server", server, Server)
    moved = _MARK_ALL.rows({"user": user_id, "server": server_id}, using=alias())[0]
    if moved < 0:
        raise NotVisible("server", str(server_id), to=user_id)
    return moved


@one_statement
def set_notify(*, user: User | UUID, channel: Channel | UUID, notify: str | None) -> None:
    """Say what the user wants to hear of from a channel; None is the client's default.

    One statement. Locks the member's read state. Raises: InvalidInput, NotVisible.
    """
    if notify is not None and notify not in ReadState.Notify.values:
        expected = f"one of {', '.join(ReadState.Notify.values)}, or None"
        raise InvalidInput("notify", seen=shown(notify), expected=expected)
    _set(user, channel, notify=None if notify is None else str(notify), is_notify=True)


@one_statement
def mute_channel(*, user: User | UUID, channel: Channel | UUID, until: datetime | None) -> None:
    """Mute a channel for a user until a moment, or with None no longer.

    One statement. Locks the member's read state. Raises: InvalidInput, NotVisible.
    """
    if until is not None:
        check_moment("until", until)
    _set(user, channel, muted_until=until, is_notify=False)


@one_statement
def mute_conversation(
    *, user: User | UUID, conversation: DirectConversation | UUID, until: datetime | None
) -> None:
    """Mute a conversation for one who takes part, until a moment, or with None no longer.

    One statement. Locks the participant's row. Raises: InvalidInput, NotVisible.
    """
    user_id = identify("user", user, User)
    place_id = identify("conversation", conversation, DirectConversation)
    if until is not None:
        check_moment("until", until)
    own = DirectParticipant.objects.using(alias()).filter(
        conversation_id=place_id, user_id=user_id, left_at__isnull=True
    )
    if not own.update(muted_until=until):
        raise NotVisible("conversation", place_id, to=user_id)


def _set(
    user: User | UUID,
    channel: Channel | UUID,
    *,
    notify: str | None = None,
    muted_until: datetime | None = None,
    is_notify: bool,
) -> None:
    user_id = identify("user", user, User)
    channel_id = identify("channel", channel, Channel)
    params: dict[str, Any] = {
        "user": user_id,
        "channel": channel_id,
        "notify": notify,
        "muted_until": muted_until,
        "is_notify": is_notify,
    }
    if not _SETTING.first(params, using=alias()):
        raise NotVisible("channel", channel_id, to=user_id)


def _seq_or_none(seq: Any) -> int | None:
    return None if seq is None else check_seq("seq", seq)


def _mark(mark: int | None, newest: int, *, seq: int | None) -> int:
    if mark is None:
        raise InvalidInput("seq", seen=str(seq), expected=f"at most {newest}, the newest there is")
    return mark
