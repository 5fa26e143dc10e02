"""Read marks of users, and their notification settings of channels."""

from datetime import datetime
from typing import Any
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.errors import InvalidInput, NotVisible
from chat.inputs import check_moment, check_seq, describe, id_of
from chat.models import Channel, ReadState, Server, User
from chat.queries.source import of_space
from chat.services.core.use_case import single_statement, write_alias

_MARK = Statement(read_sql("services/sql/mark_read.sql"))
_MARK_ALL = Statement(read_sql("services/sql/mark_all_read.sql"))
# Sets one of the two settings; the other and the mark stay.
_SETTING = Statement(
    """
    INSERT INTO public.read_states AS own (space_id, user_id, channel_id, notify, muted_until)
    SELECT
        channel.space_id,
        %(user)s::uuid,
        channel.id,
        %(notify)s::varchar,
        %(muted_until)s::timestamptz
    FROM public.channels AS channel
    WHERE
        channel.id = %(channel)s
        AND public.channel_permissions(%(user)s, channel.space_id, channel.id) <> 0
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE
    SET
        notify = CASE WHEN %(is_notify)s THEN excluded.notify ELSE own.notify END,
        muted_until = CASE WHEN %(is_notify)s THEN own.muted_until ELSE excluded.muted_until END
    """
)


@single_statement
def mark_read(*, user: User | UUID, channel: Channel | UUID, seq: int | None = None) -> int:
    """Mark a channel or a conversation as read up to message `seq`, or all of it; return the mark.

    Never moves a mark back: a late call changes nothing. One statement. Locks the user's read
    state. Raises: InvalidInput, also for a `seq` that no message has yet; NotVisible.
    """
    return _mark(user, channel, seq=None if seq is None else check_seq("seq", seq))


@single_statement
def mark_unread(*, user: User | UUID, channel: Channel | UUID, seq: int) -> int:
    """Mark message `seq` and all later ones as unread, all earlier ones as read; return the mark.

    Also those that were imported, or there before the user could read them. One statement. Locks
    the user's read state. Raises: as `mark_read`.
    """
    return _mark(user, channel, seq=check_seq("seq", seq), as_unread=True)


@single_statement
def mark_all_read(*, user: User | UUID, server: Server | UUID | None = None) -> int:
    """Mark all channels of a server as read, or all channels and conversations.

    Returns how many marks have moved. One statement. Locks the user's read states, by space and
    channel. Raises: InvalidInput; NotVisible, for a server in which the user sees nothing.
    """
    user_id = id_of("user", user, User)
    server_id = None if server is None else id_of("server", server, Server)
    params = {"user": user_id, "space": server_id, **of_space(server_id, with_archived=True)}
    moved: int = sum(_MARK_ALL.values(params, using=write_alias()))
    if moved < 0:
        raise NotVisible("server", str(server_id), to=user_id)
    return moved


@single_statement
def set_notify(*, user: User | UUID, channel: Channel | UUID, notify: str | None) -> None:
    """Set what a user is notified of in a channel or a conversation; None is the default.

    One statement. Locks the user's read state. Raises: InvalidInput, NotVisible.
    """
    if notify is not None and notify not in ReadState.Notify.values:
        expected = f"one of {', '.join(ReadState.Notify.values)}, or None"
        raise InvalidInput("notify", seen=describe(notify), expected=expected)
    _set(user, channel, notify=None if notify is None else str(notify), is_notify=True)


@single_statement
def mute_channel(*, user: User | UUID, channel: Channel | UUID, until: datetime | None) -> None:
    """Mute a channel or a conversation for a user until a moment, or with None unmute it.

    One statement. Locks the user's read state. Raises: InvalidInput, NotVisible.
    """
    if until is not None:
        check_moment("until", until)
    _set(user, channel, muted_until=until, is_notify=False)


def _mark(
    user: User | UUID, channel: Channel | UUID, *, seq: int | None, as_unread: bool = False
) -> int:
    user_id = id_of("user", user, User)
    channel_id = id_of("channel", channel, Channel)
    params = {"viewer": user_id, "channel": channel_id, "seq": seq, "as_unread": as_unread}
    found = _MARK.first(params, using=write_alias())
    if found is None:
        raise NotVisible("channel", channel_id, to=user_id)
    mark: int | None
    mark, newest = found
    if mark is None:
        raise InvalidInput("seq", seen=str(seq), expected=f"at most {newest}, the newest there is")
    return mark


def _set(
    user: User | UUID,
    channel: Channel | UUID,
    *,
    notify: str | None = None,
    muted_until: datetime | None = None,
    is_notify: bool,
) -> None:
    user_id = id_of("user", user, User)
    channel_id = id_of("channel", channel, Channel)
    params: dict[str, Any] = {
        "user": user_id,
        "channel": channel_id,
        "notify": notify,
        "muted_until": muted_until,
        "is_notify": is_notify,
    }
    if not _SETTING.run(params, using=write_alias()):
        raise NotVisible("channel", channel_id, to=user_id)
