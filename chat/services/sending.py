"""Sending in a channel: one statement when it may be done, and the reason when it may not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import IntegrityError

from chat.errors import (
    Conflict,
    IdTaken,
    InvalidInput,
    NotVisible,
    SlowModeActive,
)
from chat.inputs import identify
from chat.mentions import find_mentions
from chat.models import Channel, Message, User
from chat.permissions import Permission
from chat.services.drafts import Draft, check_draft
from chat.services.posts import lacking
from chat.services.use_case import alias, constraint_of, one_statement
from chat.statements import Statement, quick

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta
    from uuid import UUID

    from chat.models import MessageAttachment

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as it was sent."""

    id: UUID
    server_id: UUID
    channel_id: UUID
    author_id: UUID
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime


_SENT_MESSAGE = quick(SentMessage)


class _Place(NamedTuple):
    server_id: UUID
    seq: int
    reply_to_seq: int | None
    created_at: datetime


class _Refusal(NamedTuple):
    kind: str
    permissions: int
    is_timed_out: bool
    is_reply_there: bool
    files: list[UUID]
    wait: timedelta


class _Earlier(NamedTuple):
    server_id: UUID
    channel_id: UUID
    author_id: UUID | None
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime
    reply_to: UUID | None
    files: list[UUID]


# What was there when the statement began, and was deleted or erased when it had its lock.
_GONE = frozenset({"messages_channel_open", "messages_author_not_erased"})

_SEND = Statement.read(_SQL / "send_message.sql", row=_Place)
_SEND_RICH = Statement.read(_SQL / "send_rich_message.sql", row=_Place)
_REFUSAL = Statement.read(_SQL / "send_refusal.sql", row=_Refusal)
_EARLIER = Statement.read(_SQL / "sent_message.sql", row=_Earlier)


@one_statement
def send_message(
    *,
    author: User | UUID,
    channel: Channel | UUID,
    content: str,
    id: UUID | None = None,  # noqa: A002
    reply_to: Message | UUID | None = None,
    attachments: Sequence[MessageAttachment | UUID] = (),
) -> SentMessage:
    """Send a message in a channel, and name whom its content names.

    With an `id` of the caller's the send can be repeated: the same message comes back, and nothing
    is written. The content may be blank only beside attachments, which the author has reserved in
    this channel's server. Needs SEND_MESSAGES, to reply READ_MESSAGE_HISTORY too, and ATTACH_FILES
    for attachments. A name counts of members who can see the channel; everyone and roles that are
    not mentionable only with MENTION_EVERYONE; any other is text. Slow mode holds for all who have
    none of BYPASS_SLOWMODE, MANAGE_MESSAGES and MANAGE_CHANNELS.

    One statement; for a refusal or a repeated send one or two more. Locks the attachments by id,
    then the channel's row until the transaction ends: in a transaction of your own, send in one
    channel only, or in channels in the order of their ids.

    Raises: InvalidInput; NotVisible, for the channel, the message answered and the attachments;
    TimedOut, MissingPermission; SlowModeActive; IdTaken, when `id` is that of another message;
    Conflict, when what stood against it has gone meanwhile.
    """
    author_id = identify("author", author, User)
    channel_id = identify("channel", channel, Channel)
    draft = check_draft(
        content=content, id=id, reply_to=reply_to, attachments=attachments, model=Message
    )
    named = find_mentions(draft.content)

    params: dict[str, Any] = {
        "id": draft.id,
        "author": author_id,
        "channel": channel_id,
        "content": draft.content,
    }
    statement = _SEND
    if named or draft.files or draft.reply_to is not None:
        statement = _SEND_RICH
        params |= {
            "needed": int(_needed(draft)),
            "reply_to": draft.reply_to,
            "files": draft.files,
            "users": list(named.users),
            "roles": list(named.roles),
            "everyone": named.everyone,
        }
    try:
        place = statement.first(params, using=alias())
    except IntegrityError as error:
        if constraint_of(error) not in _GONE:
            raise
        raise NotVisible("channel", channel_id, to=author_id) from error
    if place is None:
        earlier = None if id is None else _earlier(draft, author=author_id, channel=channel_id)
        if earlier is None:
            raise _refusal(draft, author=author_id, channel=channel_id)
        return earlier
    return _sent(draft, place, author=author_id, channel=channel_id)


def _needed(draft: Draft) -> Permission:
    needed = Permission.SEND_MESSAGES
    if draft.reply_to is not None:
        needed |= Permission.READ_MESSAGE_HISTORY
    if draft.files:
        needed |= Permission.ATTACH_FILES
    return needed


def _earlier(draft: Draft, *, author: UUID, channel: UUID) -> SentMessage | None:
    """Return what was sent under the id, if that was the same; None, if there is nothing."""
    found = _EARLIER.first({"id": draft.id}, using=alias())
    if found is None:
        return None
    was = (found.author_id, found.channel_id, found.content, found.reply_to, found.files)
    if was != (author, channel, draft.content, draft.reply_to, draft.files):
        # Whoever may not send there does not learn either that there is such a message.
        if found.author_id != author:
            refusal = _refusal(draft, author=author, channel=channel)
            if not isinstance(refusal, Conflict):
                raise refusal
        raise IdTaken(
            f"The id {draft.id} belongs to another message; a retry has to repeat author, channel, "
            "content, reply and attachments exactly."
        )
    return _sent(draft, found, author=author, channel=channel)


def _sent(draft: Draft, at: _Place | _Earlier, *, author: UUID, channel: UUID) -> SentMessage:
    return _SENT_MESSAGE(
        draft.id,
        at.server_id,
        channel,
        author,
        draft.content,
        at.seq,
        at.reply_to_seq,
        at.created_at,
    )


def _refusal(draft: Draft, *, author: UUID, channel: UUID) -> Exception:
    found = _REFUSAL.first(
        {
            "author": author,
            "channel": channel,
            "reply_to": draft.reply_to,
            "files": draft.files,
        },
        using=alias(),
    )
    if found is None or not found.permissions:
        return NotVisible("channel", channel, to=author)
    lacks = lacking(
        _needed(draft),
        held=found.permissions,
        is_timed_out=found.is_timed_out,
        user=author,
        place=f"channel {channel}",
    )
    if lacks is not None:
        return lacks
    if found.kind == Channel.Kind.CATEGORY:
        return InvalidInput("channel", seen="a category", expected="a channel that holds messages")
    return _missing_part(draft, found, author=author) or (
        SlowModeActive(found.wait) if found.wait else Conflict()
    )


def _missing_part(draft: Draft, found: _Refusal, *, author: UUID) -> NotVisible | None:
    if draft.reply_to is not None and not found.is_reply_there:
        return NotVisible("message to answer in that channel,", draft.reply_to, to=author)
    missing = next((file for file in draft.files if file not in found.files), None)
    return None if missing is None else NotVisible("unsent attachment", missing, to=author)
