"""The parts of imported messages: mentions, reactions, attachments."""

from collections.abc import Sequence
from uuid import UUID

from chat.errors import InvalidInput
from chat.inputs import (
    check_digest,
    check_emoji,
    check_measure,
    check_moment,
    check_name,
    check_number,
    check_text,
    check_uuid,
)
from chat.rules.emoji import full_emoji
from chat.rules.limits import (
    ALT_TEXT_LENGTH,
    ATTACHMENT_BYTES,
    ATTACHMENT_LIMIT,
    CONTENT_TYPE_LENGTH,
    EMOJI_LIMIT,
    FILENAME_LENGTH,
    STORAGE_KEY_LENGTH,
)
from chat.services.core.use_case import write_alias
from chat.services.imports.checks import check_rows
from chat.services.imports.copying import copy_rows
from chat.services.imports.rows import AttachmentRow, MentionRow, MessageRow, ReactionRow

_MENTION_COLUMNS = ("space_id", "channel_id", "seq", "user_id", "role_id", "created_at")
_REACTION_COLUMNS = ("space_id", "message_id", "user_id", "emoji", "created_at")
_ATTACHMENT_COLUMNS = (
    *("space_id", "message_id", "uploader_id", "position", "created_at", "updated_at"),
    *("id", "filename", "content_type", "size_bytes", "sha256", "storage_key"),
    *("width", "height", "duration_ms", "alt_text"),
)


def check_parts(message: MessageRow) -> None:
    """Refuse mentions, reactions and attachments of a message that cannot be stored."""
    if message.mentions:
        check_rows("mentions", message.mentions, MentionRow, _check_mention)
    if message.reactions:
        check_rows("reactions", message.reactions, ReactionRow, _check_reaction)
        different = len({full_emoji(reaction.emoji) for reaction in message.reactions})
        if different > EMOJI_LIMIT:
            raise InvalidInput(
                "reactions",
                seen=f"{different} different emoji",
                expected=f"at most {EMOJI_LIMIT} different ones",
            )
    if message.attachments:
        check_rows("attachments", message.attachments, AttachmentRow, _check_attachment)
        files = len(message.attachments)
        if files > ATTACHMENT_LIMIT or message.author is None:
            raise InvalidInput(
                "attachments",
                seen=f"{files} files" if message.author else "files of nobody",
                expected=f"at most {ATTACHMENT_LIMIT} files, of an author",
            )


def copy_parts(
    space_id: UUID, channel_id: UUID, news: Sequence[MessageRow], *, first_seq: int
) -> dict[str, int]:
    """Insert mentions, reactions and attachments; return how many of each."""
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
            (reaction.user, full_emoji(reaction.emoji)): reaction.created_at
            for reaction in row.reactions
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
            copy_rows(table, columns, rows, using=write_alias())
    return {
        "mentions": len(mentions),
        "reactions": len(reactions),
        "attachments": len(attachments),
    }


def _check_mention(mention: MentionRow) -> None:
    if mention.user is not None:
        check_uuid("user", mention.user)
    if mention.role is not None:
        check_uuid("role", mention.role)


def _check_reaction(reaction: ReactionRow) -> None:
    check_uuid("user", reaction.user)
    check_emoji("emoji", reaction.emoji)
    if reaction.created_at is not None:
        check_moment("created_at", reaction.created_at)


def _check_attachment(file: AttachmentRow) -> None:
    check_uuid("id", file.id)
    check_name("filename", file.filename, most=FILENAME_LENGTH)
    check_text("content_type", file.content_type, most=CONTENT_TYPE_LENGTH)
    check_number("size_bytes", file.size_bytes, least=1, most=ATTACHMENT_BYTES)
    check_digest("sha256", file.sha256)
    check_text("storage_key", file.storage_key, most=STORAGE_KEY_LENGTH)
    check_measure("width", file.width, least=1)
    check_measure("height", file.height, least=1)
    check_measure("duration_ms", file.duration_ms, least=0)
    check_text("alt_text", file.alt_text, most=ALT_TEXT_LENGTH)
