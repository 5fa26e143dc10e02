"""Sending a message: one statement if it is allowed, and the reason if not."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

from django.db import transaction

from chat.db.distributed import is_distributed
from chat.db.statements import Statement, bigint, read_sql
from chat.errors import (
    Conflict,
    DatabaseRefused,
    IdTaken,
    InvalidInput,
    NotVisible,
    SlowModeActive,
    Unreachable,
)
from chat.inputs import id_of
from chat.models import Channel, MessageAttachment, User
from chat.rules.mentions import find_mentions
from chat.rules.permissions import Permission
from chat.services.core.authority import AnyMessage, ChannelAuthority
from chat.services.core.use_case import single_statement, write_alias
from chat.services.messages.drafts import Draft, check_draft
from chat.services.messages.editing import UPDATE_MENTIONS


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message as it was sent; services and queries take it as a message."""

    stands_for: ClassVar[str] = "Message"

    id: UUID
    space_id: UUID
    channel_id: UUID
    author_id: UUID
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime


class _Numbered(NamedTuple):
    space_id: UUID
    seq: int
    reply_to_seq: int | None
    created_at: datetime
    # Always None: a permission lost meanwhile fails the statement.
    permitted: str | None = None


class _Destination(NamedTuple):
    space: UUID
    channel: UUID
    permissions: int


@dataclass(frozen=True, slots=True)
class _Refusal(ChannelAuthority):
    kind: str
    is_closed: bool
    is_other_erased: bool
    is_reply_there: bool
    files: list[UUID]
    wait: timedelta


class _AlreadySent(NamedTuple):
    space_id: UUID
    channel_id: UUID
    author_id: UUID | None
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime
    reply_to: UUID | None
    files: list[UUID]


# Constraints by which the statement fails: an id that was stored meanwhile or in another space
# (either key), a channel that was closed, an author who left or lost the permission.
_CHANGED_MEANWHILE = frozenset(
    {
        "messages_pkey",
        "messages_uq",
        "messages_channel_open",
        "messages_member",
        "messages_participant",
        "messages_permitted",
    }
)

_SEND = Statement(read_sql("services/sql/send_message.sql"), _Numbered)
_SEND_RICH = Statement(read_sql("services/sql/send_rich_message.sql"), _Numbered)
_DESTINATION = Statement(read_sql("services/sql/sendable.sql"), _Destination)
_LOCK_FILES = Statement(
    """
    SELECT id
    FROM public.message_attachments
    WHERE
        space_id = (SELECT space_id FROM public.channels WHERE id = %(channel)s)
        AND id = ANY (%(files)s::uuid[])
        AND uploader_id = %(author)s
        AND message_id IS NULL
    ORDER BY id
    FOR UPDATE
    """
)
_ANSWERED = Statement(
    """
    SELECT seq
    FROM public.messages
    WHERE
        space_id = %(space)s
        AND id = %(reply_to)s
        AND channel_id = %(channel)s
        AND deleted_at IS NULL
    """
)
_INSERT = Statement(
    """
    INSERT INTO public.messages (id, space_id, channel_id, author_id, content, reply_to_seq)
    VALUES (%(id)s, %(space)s, %(channel)s, %(author)s, %(content)s, %(reply_to_seq)s)
    RETURNING space_id, seq, reply_to_seq, created_at
    """,
    _Numbered,
)
_ATTACH = Statement(
    """
    UPDATE public.message_attachments
    SET message_id = %(id)s, position = array_position(%(files)s::uuid[], id) - 1
    WHERE space_id = %(space)s AND id = ANY (%(files)s::uuid[])
    """
)
_REQUIRE = Statement(
    "SELECT public.require_permissions(%(author)s, %(space)s, %(channel)s, %(needed)s)"
)
_REFUSAL = Statement(read_sql("services/sql/send_refusal.sql"), _Refusal)
_ALREADY_SENT = Statement(read_sql("services/sql/sent_message.sql"), _AlreadySent)


def send_message(
    *,
    author: User | UUID,
    channel: Channel | UUID,
    content: str,
    id: UUID | None = None,  # noqa: A002
    reply_to: AnyMessage | None = None,
    attachments: Sequence[MessageAttachment | UUID] = (),
) -> SentMessage:
    """Send a message in a channel or a conversation, with the mentions in its content.

    With an `id` of the caller's the send can be repeated: the same message is returned, and nothing
    is written. The content may be blank only beside attachments, which the author has reserved in
    this channel's server or in this conversation. In a server it needs SEND_MESSAGES, for a reply
    also READ_MESSAGE_HISTORY, and ATTACH_FILES for attachments. A mention of a user counts if they
    can see the channel; @everyone and roles that are not mentionable need MENTION_EVERYONE; others
    stay plain text. Slow mode applies to all who have none of BYPASS_SLOWMODE, MANAGE_MESSAGES and
    MANAGE_CHANNELS. For the author the message counts as read.

    One statement; for a refusal or a repeated send one or two more. Locks the attachments by id,
    then the channel's counter until the transaction ends: in a transaction of your own, send in one
    channel only, or in channels in the order of their ids.

    Raises: InvalidInput, also for a category and an archived channel; NotVisible, for the channel,
    the message replied to, the attachments, and an author who is being erased; TimedOut,
    MissingPermission; SlowModeActive; Unreachable, when the other of a pair was erased; IdTaken,
    when `id` is that of another message; Conflict, when the reason for the refusal is gone already.
    """
    author_id = id_of("author", author, User)
    channel_id = id_of("channel", channel, Channel)
    draft = check_draft(content=content, id=id, reply_to=reply_to, attachments=attachments)
    try:
        numbered = _insert(draft, author=author_id, channel=channel_id)
    except DatabaseRefused as error:
        if error.constraint not in _CHANGED_MEANWHILE:
            raise
        numbered = None
    if numbered is None:
        return _find_sent(draft, author=author_id, channel=channel_id, is_repeatable=id is not None)
    return _sent(draft, numbered, author=author_id, channel=channel_id)


@single_statement
def _insert(draft: Draft, *, author: UUID, channel: UUID) -> _Numbered | None:
    """Insert the message; return None if it is refused, or its id is known already."""
    mentions = find_mentions(draft.content)
    params: dict[str, Any] = {
        "id": draft.id,
        "author": author,
        "channel": channel,
        "content": draft.content,
        "needed": bigint(_needed(draft)),
    }
    is_plain = not mentions and not draft.files and draft.reply_to is None
    if is_plain and not is_distributed(write_alias()):
        return _SEND.first(params, using=write_alias())
    params |= {
        "reply_to": draft.reply_to,
        "files": draft.files,
        "users": list(mentions.users),
        "roles": list(mentions.roles),
        "everyone": mentions.everyone,
    }
    if is_distributed(write_alias()):
        with transaction.atomic(using=write_alias()):
            return _insert_in_steps(params)
    return _SEND_RICH.first(params, using=write_alias())


def _insert_in_steps(params: dict[str, Any]) -> _Numbered | None:
    """Do what send_rich_message.sql does, one statement after another.

    On several machines: each goes to the machine of the space, where no statement does it all.
    """
    using = write_alias()
    files, reply_to = params["files"], params["reply_to"]
    if files and len(_LOCK_FILES.values(params, using=using)) < len(files):
        return None
    place = _DESTINATION.first(params, using=using)
    if place is None:
        return None
    params |= place._asdict() | {"reply_to_seq": None}
    if reply_to is not None:
        params["reply_to_seq"] = _ANSWERED.value(params, using=using)
        if params["reply_to_seq"] is None:
            return None
    sent = _INSERT.first(params, using=using)
    if sent is None:
        return None
    params["seq"] = sent.seq
    if files:
        _ATTACH.run(params, using=using)
    if params["users"] or params["roles"] or params["everyone"]:
        UPDATE_MENTIONS.run(params, using=using)
    # What was taken from the author meanwhile.
    _REQUIRE.run(params, using=using)
    return sent


@single_statement
def _find_sent(draft: Draft, *, author: UUID, channel: UUID, is_repeatable: bool) -> SentMessage:
    """Return the message that was sent before under the same id, or raise why none was sent now."""
    found = _ALREADY_SENT.first({"id": draft.id}, using=write_alias()) if is_repeatable else None
    if found is None:
        raise _refusal(draft, author=author, channel=channel)
    was = (found.author_id, found.channel_id, found.content, found.reply_to, found.files)
    if was != (author, channel, draft.content, draft.reply_to, draft.files):
        # Who may not send there must not learn that the message exists.
        if found.author_id != author:
            refusal = _refusal(draft, author=author, channel=channel)
            if not isinstance(refusal, Conflict):
                raise refusal
        raise IdTaken(
            f"The id {draft.id} belongs to another message; a retry has to repeat author, channel, "
            "content, reply and attachments exactly."
        )
    return _sent(draft, found, author=author, channel=channel)


def _needed(draft: Draft) -> Permission:
    needed = Permission.SEND_MESSAGES
    if draft.reply_to is not None:
        needed |= Permission.READ_MESSAGE_HISTORY
    if draft.files:
        needed |= Permission.ATTACH_FILES
    return needed


def _sent(
    draft: Draft, at: _Numbered | _AlreadySent, *, author: UUID, channel: UUID
) -> SentMessage:
    return SentMessage(
        id=draft.id,
        space_id=at.space_id,
        channel_id=channel,
        author_id=author,
        content=draft.content,
        seq=at.seq,
        reply_to_seq=at.reply_to_seq,
        created_at=at.created_at,
    )


def _refusal(draft: Draft, *, author: UUID, channel: UUID) -> Exception:
    params = {
        "author": author,
        "channel": channel,
        "reply_to": draft.reply_to,
        "files": draft.files,
    }
    found = _REFUSAL.first(params, using=write_alias())
    if found is None:
        return NotVisible("channel", channel, to=author)
    if (error := found.permission_error(_needed(draft))) is not None:
        return error
    if found.is_closed:
        seen = "a category" if found.kind == Channel.Kind.CATEGORY else "archived"
        return InvalidInput("channel", seen=seen, expected="one that takes messages")
    if found.is_other_erased:
        return Unreachable()
    return _missing_part(draft, found, author=author) or (
        SlowModeActive(found.wait) if found.wait else Conflict()
    )


def _missing_part(draft: Draft, found: _Refusal, *, author: UUID) -> NotVisible | None:
    if draft.reply_to is not None and not found.is_reply_there:
        return NotVisible("message in that channel:", draft.reply_to, to=author)
    missing = next((file for file in draft.files if file not in found.files), None)
    return None if missing is None else NotVisible("unsent attachment", missing, to=author)
