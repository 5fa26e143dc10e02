"""Editing and deleting messages in channels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from chat.errors import Conflict, NotAuthor
from chat.inputs import check_number, identify
from chat.mentions import find_mentions
from chat.models import Mention, Message, User
from chat.permissions import Permission
from chat.services.drafts import check_content
from chat.services.posts import PostAccess, find_post, log
from chat.services.use_case import alias, use_case
from chat.statements import Statement

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

_SQL = Path(__file__).parent / "sql"
_LARGEST_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True)
class EditedMessage:
    """A message after an edit; `edited_at` is None for one that was never changed."""

    id: UUID
    content: str
    version: int
    edited_at: datetime | None


_EDIT = Statement.read(_SQL / "edit_message.sql", row=EditedMessage)
_FORGET = Statement.read(_SQL / "forget_mentions.sql", row=int)
_NAME = Statement.read(_SQL / "name_mentions.sql", row=int)


@use_case
def edit_message(
    *,
    actor: User | UUID,
    message: Message | UUID,
    content: str,
    expected_version: int | None = None,
) -> EditedMessage:
    """Give one's own message another content, and name whom that names.

    What was there becomes a revision; the same content again changes nothing. With
    `expected_version` only the version that the editor has seen is replaced. Who was named already
    stays so with the same row, who no longer is goes. Nobody edits in a timeout.

    Two statements, four when somebody is named in the old content or in the new one. Locks the
    message's row. Raises: InvalidInput, NotVisible, TimedOut; NotAuthor, for another's message,
    a moderator too; Conflict, when the version is another.
    """
    actor_id = identify("actor", actor, User)
    check_version(expected_version)
    check_content(content, has_files=True)

    post = find_post(identify("message", message, Message), user=actor_id, lock=True)
    require_own(post)
    post.require_no_timeout()
    require_version(post, expected_version)
    check_content(content, has_files=post.has_files)
    edited = _EDIT.rows(
        {"server": post.space_id, "id": post.id, "content": content}, using=alias()
    )[0]
    _rename(post, content)
    return edited


@use_case
def delete_message(*, actor: User | UUID, message: Message | UUID) -> None:
    """Hide a message: its place and its number stay, whom it named is no longer named.

    One's own, or with MANAGE_MESSAGES that of another, which the audit log tells. Deleting it
    again is NotVisible. Three statements, four for another's. Locks the message's row.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = identify("actor", actor, User)

    post = find_post(identify("message", message, Message), user=actor_id, lock=True)
    if not post.is_own:
        post.require(Permission.MANAGE_MESSAGES)
    Message.objects.using(alias()).filter(server_id=post.space_id, pk=post.id).update(
        deleted_at=Now(), deleted_by_id=actor_id
    )
    _mentions(post).delete()
    if not post.is_own:
        log(post, "message.delete")


def check_version(value: Any) -> None:
    """Raise InvalidInput unless `value` is None or a version that a message can have."""
    if value is not None:
        check_number("expected_version", value, least=1, most=_LARGEST_VERSION)


def require_own(post: PostAccess) -> None:
    """Raise NotAuthor unless the user wrote the message: no permission makes up for it."""
    if not post.is_own:
        raise NotAuthor(f"User {post.user_id} did not write message {post.id}, and cannot edit it.")


def require_version(post: PostAccess, expected: int | None) -> None:
    """Raise Conflict when the message has moved on from the expected version."""
    if expected is not None and post.version != expected:
        raise Conflict(
            f"Message {post.id} is at version {post.version}, not {expected}: somebody edited it "
            "meanwhile. Look at it again and repeat."
        )


def _rename(post: PostAccess, content: str) -> None:
    named, before = find_mentions(content), find_mentions(post.content)
    if not named and not before:
        return
    params = {
        "server": post.space_id,
        "channel": post.channel_id,
        "seq": post.seq,
        "users": list(named.users),
        "roles": list(named.roles),
        "everyone": named.everyone,
        "permissions": post.permissions,
    }
    _FORGET.rows(params, using=alias())
    _NAME.rows(params, using=alias())


def _mentions(post: PostAccess) -> QuerySet[Mention]:
    place: dict[str, Any] = {
        "server_id": post.space_id,
        "channel_id": post.channel_id,
        "seq": post.seq,
    }
    return Mention.objects.using(alias()).filter(**place)
