"""Attachments: reserved while the file is uploaded, then sent with a message or swept.

And the files to remove from the store, whose rows are gone.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chat.db.ids import uuid7
from chat.db.statements import Statement, read_sql
from chat.errors import InvalidInput, NotVisible, Unreachable
from chat.inputs import (
    check_digest,
    check_measure,
    check_moment,
    check_name,
    check_number,
    check_text,
    describe,
    id_of,
    is_real_instance,
)
from chat.models import Channel, MessageAttachment, User
from chat.rules.limits import (
    ALT_TEXT_LENGTH,
    ATTACHMENT_BYTES,
    CONTENT_TYPE_LENGTH,
    FILENAME_LENGTH,
    STORAGE_KEY_LENGTH,
    SWEEP_LIMIT,
)
from chat.rules.permissions import Permission
from chat.services.core.authority import ChannelAuthority
from chat.services.core.use_case import use_case, write_alias

# RFC 6838, section 4.2, without parameters.
_CONTENT_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]*/[a-z0-9][a-z0-9!#$&^_.+-]*")
# Characters with a meaning of their own in a shell, a header or a file system.
STRAY_IN_FILENAME = re.compile(r"[\x00-\x1f\x7f-\x9f/\\\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class SweptFile:
    """A reservation that was removed; its file is among `files_to_remove`."""

    id: UUID
    storage_key: str
    size_bytes: int
    reserved_at: datetime


@dataclass(frozen=True, slots=True)
class FileToRemove:
    """A file in the store that no row names any more."""

    id: UUID
    storage_key: str
    discarded_at: datetime


@dataclass(frozen=True, slots=True)
class _ReservingAuthority(ChannelAuthority):
    is_other_erased: bool


@use_case
def reserve_attachment(
    *,
    uploader: User | UUID,
    channel: Channel | UUID,
    filename: str,
    content_type: str,
    size_bytes: int,
    sha256: bytes,
    width: int | None = None,
    height: int | None = None,
    duration_ms: int | None = None,
    alt_text: str = "",
) -> MessageAttachment:
    """Reserve a storage key for a file, to be uploaded and then sent in `channel`.

    Needs SEND_MESSAGES and ATTACH_FILES, in a conversation to take part. A file reserved in one
    channel can be sent in every channel of its server. The storage key has nothing in it that the
    uploader chose. Two statements; no locks.

    Raises: InvalidInput; NotVisible, TimedOut, MissingPermission; Unreachable, when the other of a
    pair was erased.
    """
    uploader_id = id_of("uploader", uploader, User)
    channel_id = id_of("channel", channel, Channel)
    values: dict[str, Any] = {
        "filename": _check_filename(filename),
        "content_type": _check_content_type(content_type),
        "size_bytes": check_number("size_bytes", size_bytes, least=1, most=ATTACHMENT_BYTES),
        "sha256": check_digest("sha256", sha256),
        "width": check_measure("width", width, least=1),
        "height": check_measure("height", height, least=1),
        "duration_ms": check_measure("duration_ms", duration_ms, least=0),
        "alt_text": check_text("alt_text", alt_text, most=ALT_TEXT_LENGTH),
    }

    space = _space_to_reserve_in(channel_id, uploader=uploader_id)
    return MessageAttachment.objects.using(write_alias()).create(
        space_id=space,
        uploader_id=uploader_id,
        storage_key=f"attachments/{space.hex}/{uuid7().hex}",
        **values,
    )


def unsent_attachments(*, before: datetime, limit: int = 1000) -> list[SweptFile]:
    """Return reservations made before a moment and never sent, oldest first: one statement.

    Raises: InvalidInput.
    """
    return _UNSENT.rows(_sweep_params(before, limit), using=write_alias())


@use_case
def sweep_attachments(*, before: datetime, limit: int = 1000) -> list[SweptFile]:
    """Remove reservations made before a moment and never sent, oldest first.

    At most `limit` of them, and none that somebody is just sending. Their files are among
    `files_to_remove` until their removal is confirmed, even if this answer is lost. One statement;
    locks the rows that it removes. Raises: InvalidInput.
    """
    swept = _SWEEP.rows(_sweep_params(before, limit), using=write_alias())
    return sorted(swept, key=lambda file: (file.reserved_at, file.id))


def files_to_remove(*, limit: int = 1000, after: UUID | None = None) -> list[FileToRemove]:
    """Return files in the store that no row names any more, oldest first.

    At most `limit` of them; for the next ones pass the id of the last as `after`. Remove them from
    the store, where one may be gone already, then call `confirm_removal`: until then they are
    returned again. In a transaction of your own they are locked until it ends, and another worker
    gets others; outside one, two workers may get the same. A key that its old row names again is
    left out. One statement; locks the rows that it returns. Raises: InvalidInput.
    """
    if after is not None and not is_real_instance(after, UUID):
        raise InvalidInput("after", seen=describe(after), expected="the id of a file, or None")
    params = {
        "limit": check_number("limit", limit, least=1, most=SWEEP_LIMIT),
        "after": after or _BEFORE_ALL,
    }
    found = _TO_REMOVE.rows(params, using=write_alias())
    return sorted(found, key=lambda file: file.id)[:limit]


@use_case
def confirm_removal(*, storage_keys: Collection[str]) -> int:
    """Forget files that were removed from the store, and return how many were known.

    At most 10,000 keys; an unknown one, for instance confirmed before, is no error. One statement;
    locks the rows that it removes. Raises: InvalidInput.
    """
    if (
        not isinstance(storage_keys, (list, tuple, set, frozenset))
        or len(storage_keys) > SWEEP_LIMIT
    ):
        raise InvalidInput(
            "storage_keys",
            seen=describe(storage_keys),
            expected=f"a list or set of at most {SWEEP_LIMIT} keys",
        )
    keys = [
        check_text("storage_keys", key, least=1, most=STORAGE_KEY_LENGTH) for key in storage_keys
    ]
    return _CONFIRM.run({"keys": keys}, using=write_alias())


def _sweep_params(before: datetime, limit: int) -> dict[str, Any]:
    return {
        "before": check_moment("before", before),
        "limit": check_number("limit", limit, least=1, most=SWEEP_LIMIT),
    }


def _space_to_reserve_in(channel: UUID, *, uploader: UUID) -> UUID:
    """Return the space of a channel in which the uploader may send files: one statement.

    Raises: NotVisible, TimedOut, MissingPermission, Unreachable.
    """
    found = _AUTHORITY.first({"channel": channel, "user": uploader}, using=write_alias())
    if found is None:
        raise NotVisible("channel", channel, to=uploader)
    found.require(Permission.SEND_MESSAGES | Permission.ATTACH_FILES)
    if found.is_other_erased:
        raise Unreachable
    return found.space_id


def _check_filename(value: Any) -> str:
    filename = check_text("filename", value, least=1, most=FILENAME_LENGTH)
    stray = STRAY_IN_FILENAME.search(filename)
    if stray or not filename.strip(" ."):
        raise InvalidInput(
            "filename",
            seen=f"a name with {stray[0]!r} in it" if stray else describe(filename),
            expected="the name of a file, without directories or control characters",
        )
    return check_name("filename", filename, most=FILENAME_LENGTH)


def _check_content_type(value: Any) -> str:
    content_type = check_text("content_type", value, least=3, most=CONTENT_TYPE_LENGTH)
    if not _CONTENT_TYPE.fullmatch(content_type):
        raise InvalidInput(
            "content_type", seen=describe(content_type), expected="like image/png, in lower case"
        )
    return content_type


_UNSENT = Statement(
    """
    SELECT file.id, file.storage_key, file.size_bytes, file.created_at
    FROM public.message_attachments AS file
    WHERE
        file.message_id IS NULL
        AND file.created_at < %(before)s
    ORDER BY file.created_at, file.id
    LIMIT %(limit)s
    """,
    SweptFile,
)
# What somebody is just sending is locked, and left out. On a cluster as many of each space at most.
_SWEEP = Statement(
    """
    -- spaces on a cluster: SELECT DISTINCT space_id FROM public.message_attachments
    WITH unsent AS MATERIALIZED (
        SELECT file.space_id, file.id
        FROM public.message_attachments AS file
        WHERE file.message_id IS NULL AND file.created_at < %(before)s
        -- on a cluster: AND file.space_id = %(space)s
        ORDER BY file.created_at, file.id
        LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    )
    DELETE FROM public.message_attachments AS file
    USING unsent
    WHERE file.space_id = unsent.space_id AND file.id = unsent.id
    RETURNING file.id, file.storage_key, file.size_bytes, file.created_at
    """,
    SweptFile,
)
_TO_REMOVE = Statement(read_sql("services/sql/files_to_remove.sql"), FileToRemove)
_BEFORE_ALL = UUID(int=0)
_CONFIRM = Statement("DELETE FROM public.discarded_files WHERE storage_key = ANY (%(keys)s)")
_AUTHORITY = Statement(read_sql("services/sql/reserving_authority.sql"), _ReservingAuthority)
