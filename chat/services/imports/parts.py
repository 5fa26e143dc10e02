"""What hangs on imported messages: who is named, who reacted, which files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat.errors import InvalidInput
from chat.inputs import check_number, is_plain, shown
from chat.rules.limits import (
    ALT_TEXT_LENGTH,
    ATTACHMENT_BYTES,
    ATTACHMENT_LIMIT,
    CONTENT_TYPE_LENGTH,
    EMOJI_LENGTH,
    EMOJI_LIMIT,
    FILENAME_LENGTH,
    LARGEST_INTEGER,
    SHA256_BYTES,
    STORAGE_KEY_LENGTH,
)
from chat.services.core.use_case import alias
from chat.services.imports.checks import (
    check_ids,
    check_moments,
    check_names,
    check_rows,
    check_texts,
)
from chat.services.imports.copying import copy_rows
from chat.services.imports.rows import AttachmentRow, MentionRow, ReactionRow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from chat.services.imports.rows import MessageRow

_MENTION_COLUMNS = ("space_id", "channel_id", "seq", "user_id", "role_id", "created_at")
_REACTION_COLUMNS = ("space_id", "message_id", "user_id", "emoji", "created_at")
_ATTACHMENT_COLUMNS = (
    *("space_id", "message_id", "uploader_id", "position", "created_at", "updated_at"),
    *("id", "filename", "content_type", "size_bytes", "sha256", "storage_key"),
    *("width", "height", "duration_ms", "alt_text"),
)


def check_parts(batch: Sequence[MessageRow], *, start: int) -> None:
    """Refuse mentions, reactions and attachments that cannot be stored, naming the message."""
    for place, row in enumerate(batch, start):
        if row.mentions:
            field = f"messages[{place}].mentions"
            check_rows(field, row.mentions, MentionRow)
            check_ids(f"{field}.user", [mention.user for mention in row.mentions], optional=True)
            check_ids(f"{field}.role", [mention.role for mention in row.mentions], optional=True)
        if row.reactions:
            field = f"messages[{place}].reactions"
            check_rows(field, row.reactions, ReactionRow)
            check_ids(f"{field}.user", [reaction.user for reaction in row.reactions])
            emoji = [reaction.emoji for reaction in row.reactions]
            check_texts(f"{field}.emoji", emoji, least=1, most=EMOJI_LENGTH)
            if len(emoji) > EMOJI_LIMIT and (kinds := len(set(emoji))) > EMOJI_LIMIT:
                raise InvalidInput(
                    field,
                    seen=f"{kinds} different emoji",
                    expected=f"at most {EMOJI_LIMIT} different ones",
                )
            check_moments(
                f"{field}.created_at", [reaction.created_at for reaction in row.reactions]
            )
        if row.attachments:
            _check_attachments(row, f"messages[{place}].attachments")


def copy_parts(
    space_id: UUID, channel_id: UUID, news: Sequence[MessageRow], *, first_seq: int
) -> dict[str, int]:
    """Write who is named, who reacted with what, and which files were sent; return how many."""
    mentions = [
        (space_id, channel_id, seq, user, role, row.created_at)
        for seq, row in enumerate(news, first_seq)
        if row.mentions
        for user, role in dict.fromkeys(row.mentions)
    ]
    reactions = [
        (space_id, row.id, user, emoji, created_at or row.created_at)
        for row in news
        if row.reactions
        for (user, emoji), created_at in {
            (reaction.user, reaction.emoji): reaction.created_at for reaction in row.reactions
        }.items()
    ]
    attachments = [
        (space_id, row.id, row.author, place, row.created_at, row.created_at, *attachment)
        for row in news
        if row.attachments
        for place, attachment in enumerate(row.attachments)
    ]
    for table, columns, rows in (
        ("mentions", _MENTION_COLUMNS, mentions),
        ("reactions", _REACTION_COLUMNS, reactions),
        ("message_attachments", _ATTACHMENT_COLUMNS, attachments),
    ):
        if rows:
            copy_rows(table, columns, rows, using=alias())
    return {
        "mentions": len(mentions),
        "reactions": len(reactions),
        "attachments": len(attachments),
    }


def _check_attachments(row: MessageRow, field: str) -> None:
    files = row.attachments
    check_rows(field, files, AttachmentRow)
    if len(files) > ATTACHMENT_LIMIT or row.author is None:
        raise InvalidInput(
            field,
            seen=f"{len(files)} files" if row.author else "files of nobody",
            expected=f"at most {ATTACHMENT_LIMIT} files, of an author",
        )
    check_ids(f"{field}.id", [file.id for file in files])
    check_names(f"{field}.filename", [file.filename for file in files], most=FILENAME_LENGTH)
    for name, most in (
        ("content_type", CONTENT_TYPE_LENGTH),
        ("storage_key", STORAGE_KEY_LENGTH),
        ("alt_text", ALT_TEXT_LENGTH),
    ):
        check_texts(f"{field}.{name}", [getattr(file, name) for file in files], most=most)
    for place, file in enumerate(files):
        check_number(
            f"{field}[{place}].size_bytes", file.size_bytes, least=1, most=ATTACHMENT_BYTES
        )
        for name, least in (("width", 1), ("height", 1), ("duration_ms", 0)):
            if (measure := getattr(file, name)) is not None:
                check_number(f"{field}[{place}].{name}", measure, least=least, most=LARGEST_INTEGER)
        if not is_plain(file.sha256, bytes) or len(file.sha256) != SHA256_BYTES:
            raise InvalidInput(
                f"{field}[{place}].sha256", seen=shown(file.sha256), expected="32 bytes"
            )
