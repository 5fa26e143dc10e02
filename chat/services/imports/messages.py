"""Importing the messages of a channel or conversation, numbered on from its last message.

The database checks the numbers and updates the counter once for each COPY, not once for each
message (migration 0003). Sends wait meanwhile.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, InternalError, transaction
from psycopg import Error

from chat.db.statements import Statement
from chat.errors import IdTaken, InvalidInput, NotVisible, OutOfOrder
from chat.inputs import check_flag, check_moment, check_text, check_uuid, describe, id_of
from chat.models import Channel
from chat.rules.limits import CONTENT_LENGTH
from chat.services.core.use_case import constraint_of, unrepeated_use_case, use_case, write_alias
from chat.services.imports.checks import check_unique
from chat.services.imports.copying import BEGIN_IMPORT, END_IMPORT, copy_rows, row_batches
from chat.services.imports.parts import check_parts, copy_parts
from chat.services.imports.rows import MessageRow

_COLUMNS = (
    "space_id",
    "channel_id",
    "id",
    "seq",
    "author_id",
    "created_at",
    "updated_at",
    "content",
    "kind",
    "reply_to_seq",
    "edited_at",
    "pinned_at",
    "pinned_by_id",
    "deleted_at",
    "deleted_by_id",
)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows an import inserted, and how many messages it skipped."""

    messages: int = 0
    already_there: int = 0
    replies_to_nothing: int = 0
    mentions: int = 0
    reactions: int = 0
    attachments: int = 0


@dataclass(frozen=True, slots=True)
class _Destination:
    space_id: UUID
    channel_id: UUID
    last_seq: int
    last_message_at: datetime | None


# The channel first, as whoever pins or deletes does before a number is taken.
_LOCK = Statement(
    """
    SELECT counter.space_id, counter.channel_id, counter.last_seq, counter.last_message_at
    FROM public.channels AS channel
    INNER JOIN public.channel_counters AS counter
        ON counter.space_id = channel.space_id AND counter.channel_id = channel.id
    WHERE channel.id = %(channel)s
    FOR NO KEY UPDATE OF channel, counter
    """,
    _Destination,
)
_FIND = Statement(
    """
    SELECT id, channel_id, seq
    FROM public.messages
    WHERE space_id = %(space)s AND id = ANY (%(ids)s)
    """
)
_WHOSE_ID = {
    "messages_pkey": "a message",
    # On a cluster, where the primary key is made anew and is asked last.
    "messages_uq": "a message",
    "message_attachments_pkey": "a file",
}


def import_messages(
    *,
    channel: Channel | UUID,
    messages: Iterable[MessageRow],
    allow_missing_replies: bool = False,
    on_progress: Callable[[int], object] | None = None,
) -> Imported:
    """Append messages to a channel or a conversation, oldest first, all of them or none.

    A message whose id is in the channel already is skipped, so that an import that was interrupted
    can be run again. Any other that is older than the channel's newest is refused: its number would
    be higher. A reply to a message that is not there is an error, or with `allow_missing_replies` a
    message without a reply. In a conversation all authors have to be participants. `on_progress` is
    called with the number of messages read since the last call.

    One statement, and for each 10,000 messages three to eight, by what belongs to them. Locks the
    rows of the channel and of its counter until the transaction ends: sends wait. Raises:
    InvalidInput; OutOfOrder; NotVisible, when there is no such channel; IdTaken; LimitReached, for
    the 251st pin; DatabaseRefused; Conflict, which is never retried here, because an iterable
    cannot be read twice.
    """
    channel_id = id_of("channel", channel, Channel)
    check_flag("allow_missing_replies", allow_missing_replies)
    if on_progress is not None and not callable(on_progress):
        raise InvalidInput(
            "on_progress", seen=describe(on_progress), expected="a function, or None"
        )
    with transaction.atomic(using=write_alias()):
        return _append(
            _lock_destination(channel_id),
            messages,
            allow_missing_replies=allow_missing_replies,
            on_progress=on_progress,
        )


@use_case
def _lock_destination(channel_id: UUID) -> _Destination:
    destination = _LOCK.first({"channel": channel_id}, using=write_alias())
    if destination is None:
        raise NotVisible("channel", channel_id)
    return destination


@unrepeated_use_case
def _append(
    destination: _Destination,
    messages: Iterable[MessageRow],
    *,
    allow_missing_replies: bool,
    on_progress: Callable[[int], object] | None,
) -> Imported:
    done: Counter[str] = Counter()
    read = 0
    first_seq = destination.last_seq + 1
    newest_at = destination.last_message_at
    for batch in row_batches("messages", messages, MessageRow, _check):
        check_unique("messages", [row.id for row in batch], column="id", start=read)
        news = batch if destination.last_seq == 0 else _not_there(destination, batch)
        newest_at = _check_order(batch, news, start=read, newest_at=newest_at)
        replies = _reply_seqs(destination, news, first_seq=first_seq)
        missing = [
            row for row, seq in zip(news, replies, strict=True) if row.reply_to and seq is None
        ]
        if missing and not allow_missing_replies:
            raise InvalidInput(
                f"messages[{read + batch.index(missing[0])}].reply_to",
                seen=str(missing[0].reply_to),
                expected="the id of an earlier message in the same channel",
            )
        done.update(
            messages=len(news),
            already_there=len(batch) - len(news),
            replies_to_nothing=len(missing),
        )
        done.update(_copy(destination, news, replies, first_seq=first_seq))
        first_seq += len(news)
        read += len(batch)
        if on_progress is not None:
            on_progress(len(batch))
    return Imported(**done)


def _check(message: MessageRow) -> None:
    check_uuid("id", message.id)
    for name in ("author", "reply_to", "pinned_by", "deleted_by"):
        if (value := getattr(message, name)) is not None:
            check_uuid(name, value)
    check_text("content", message.content, most=CONTENT_LENGTH)
    check_text("kind", message.kind, least=1, most=8)
    check_moment("created_at", message.created_at)
    for name in ("edited_at", "pinned_at", "deleted_at"):
        if (value := getattr(message, name)) is not None:
            check_moment(name, value)
    check_parts(message)


def _not_there(destination: _Destination, batch: Sequence[MessageRow]) -> Sequence[MessageRow]:
    """Return the messages that are not in this channel yet. Raises: IdTaken, for one in another."""
    there = _found(destination, [row.id for row in batch])
    for message_id, (channel_id, _) in there.items():
        if channel_id != destination.channel_id:
            raise IdTaken(
                f"Message {message_id} is in {channel_id} already, not {destination.channel_id}."
            )
    return [row for row in batch if row.id not in there] if there else batch


def _check_order(
    batch: Sequence[MessageRow],
    news: Sequence[MessageRow],
    *,
    start: int,
    newest_at: datetime | None,
) -> datetime | None:
    """Return the moment of the newest message. Raises: OutOfOrder, for one before an earlier one.

    Under the lock on the counter, which knows how far the channel has come.
    """
    for row in news:
        if newest_at is not None and row.created_at < newest_at:
            raise OutOfOrder(
                f"messages[{start + batch.index(row)}].created_at",
                message=row.id,
                sent_at=row.created_at,
                newest_at=newest_at,
            )
        newest_at = row.created_at
    return newest_at


def _reply_seqs(
    destination: _Destination, news: Sequence[MessageRow], *, first_seq: int
) -> list[int | None]:
    """Return for each message the number of the earlier message that it replies to, or None."""
    answered = {row.reply_to for row in news if row.reply_to is not None}
    if not answered:
        return [None] * len(news)
    seqs = {row.id: seq for seq, row in enumerate(news, first_seq) if row.id in answered}
    if elsewhere := [message_id for message_id in answered if message_id not in seqs]:
        found = _found(destination, elsewhere)
        seqs |= {
            found_id: seq
            for found_id, (channel_id, seq) in found.items()
            if channel_id == destination.channel_id
        }
    replies = []
    for own_seq, row in enumerate(news, first_seq):
        seq = seqs.get(row.reply_to) if row.reply_to else None
        replies.append(seq if seq is not None and seq < own_seq else None)
    return replies


def _found(destination: _Destination, ids: list[UUID]) -> dict[UUID, tuple[UUID, int]]:
    """Return the channel and the number of each message of this space, by id."""
    found = _FIND.tuples({"space": destination.space_id, "ids": ids}, using=write_alias())
    return {message_id: (channel_id, seq) for message_id, channel_id, seq in found}


def _copy_values(
    destination: _Destination,
    news: Sequence[MessageRow],
    replies: Sequence[int | None],
    *,
    first_seq: int,
) -> Iterator[tuple[Any, ...]]:
    """Yield the rows for COPY, with ids and moments as text already.

    psycopg would convert the channel again for each row, the moment for each column, and each id by
    a call of Python's: a quarter of the client's time.
    """
    space_id, channel_id = destination.space_id.hex, destination.channel_id.hex
    for seq, (row, reply_to_seq) in enumerate(zip(news, replies, strict=True), first_seq):
        created_at = str(row.created_at)
        edited_at = None if row.edited_at is None else str(row.edited_at)
        yield (
            space_id,
            channel_id,
            row.id.hex,
            seq,
            None if row.author is None else row.author.hex,
            created_at,
            edited_at or created_at,
            row.content,
            row.kind,
            reply_to_seq,
            edited_at,
            row.pinned_at,
            row.pinned_by,
            row.deleted_at,
            row.deleted_by,
        )


def _copy(
    destination: _Destination,
    news: Sequence[MessageRow],
    replies: Sequence[int | None],
    *,
    first_seq: int,
) -> dict[str, int]:
    """Insert the messages and their parts; return how many parts of each kind."""
    rows = _copy_values(destination, news, replies, first_seq=first_seq)
    BEGIN_IMPORT.run({}, using=write_alias())
    try:
        copy_rows("messages", _COLUMNS, rows, using=write_alias())
        parts = copy_parts(destination.space_id, destination.channel_id, news, first_seq=first_seq)
    except (IntegrityError, InternalError) as error:
        what = _WHOSE_ID.get(constraint_of(error))
        if what is None or not isinstance(error.__cause__, Error):
            raise
        raise IdTaken(
            f"The id of {what} is taken already, here or in another space:"
            f" {error.__cause__.diag.message_detail}"
        ) from error
    # The caller's transaction may go on and send.
    END_IMPORT.run({}, using=write_alias())
    return parts
