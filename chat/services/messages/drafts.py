"""Checks of what is to be sent, before the database is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from chat.db.ids import uuid7
from chat.errors import InvalidInput
from chat.inputs import check_text, describe, id_of, is_real_instance
from chat.models import Message, MessageAttachment
from chat.rules.limits import ATTACHMENT_LIMIT, CONTENT_LENGTH
from chat.rules.names import describe_illegible, is_visible


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a message that its sender chooses."""

    id: UUID
    content: str
    reply_to: UUID | None
    files: list[UUID]


def check_draft(
    *,
    content: Any,
    id: Any,  # noqa: A002
    reply_to: Any,
    attachments: Any,
) -> Draft:
    """Return the checked parts, with a new id when `id` is None.

    Raises: InvalidInput.
    """
    if id is not None and not is_real_instance(id, UUID):
        raise InvalidInput("id", seen=describe(id), expected="a UUID, or None to have one made")
    files = _check_files(attachments) if attachments != () else []
    return Draft(
        id=uuid7() if id is None else id,
        content=check_content(content, has_files=bool(files)),
        reply_to=None if reply_to is None else id_of("reply_to", reply_to, Message),
        files=files,
    )


def check_content(value: Any, *, has_files: bool) -> str:
    """Return `value`, the content of a message; it may be blank only beside files."""
    content = check_text("content", value, most=CONTENT_LENGTH)
    if not has_files and not is_visible(content):
        raise InvalidInput(
            "content",
            seen=describe_illegible(content),
            expected="a text with a visible character, or an attachment",
        )
    return content


def _check_files(attachments: Sequence[MessageAttachment | UUID]) -> list[UUID]:
    expected = f"at most {ATTACHMENT_LIMIT} attachments, each of them once"
    if not isinstance(attachments, (list, tuple)):
        raise InvalidInput("attachments", seen=describe(attachments), expected="a list or tuple")
    files = [id_of("attachments", each, MessageAttachment) for each in attachments]
    if len(files) > ATTACHMENT_LIMIT:
        raise InvalidInput("attachments", seen=f"{len(files)} of them", expected=expected)
    if len(set(files)) < len(files):
        raise InvalidInput("attachments", seen="with one of them twice", expected=expected)
    return files
