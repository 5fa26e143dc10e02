"""Editing and deleting messages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from chat.db.statements import Statement, read_sql
from chat.errors import Conflict, NotAuthor
from chat.inputs import check_number, id_of
from chat.models import User
from chat.rules.limits import LARGEST_INTEGER
from chat.rules.mentions import find_mentions
from chat.rules.permissions import Permission
from chat.services.core.authority import AnyMessage, MessageAuthority, message_authority
from chat.services.core.use_case import use_case, write_alias
from chat.services.messages.drafts import check_content


@dataclass(frozen=True, slots=True)
class EditedMessage:
    """A message after an edit; `edited_at` is None for one that was never changed."""

    stands_for: ClassVar[str] = "Message"

    id: UUID
    content: str
    version: int
    edited_at: datetime | None


# The trigger keeps the old content and raises the version.
_EDIT = Statement(
    """
    UPDATE public.messages
    SET content = %(content)s
    WHERE space_id = %(space)s AND id = %(id)s
    RETURNING id, content, version, edited_at
    """,
    EditedMessage,
)
UPDATE_MENTIONS = Statement(read_sql("services/sql/update_mentions.sql"))
_DELETE = Statement(
    """
    WITH hidden AS (
        UPDATE public.messages
        SET deleted_at = statement_timestamp(), deleted_by_id = %(actor)s
        WHERE space_id = %(space)s AND id = %(id)s
    )
    DELETE FROM public.mentions
    WHERE space_id = %(space)s AND channel_id = %(channel)s AND seq = %(seq)s
    """
)


@use_case
def edit_message(
    *,
    actor: User | UUID,
    message: AnyMessage,
    content: str,
    expected_version: int | None = None,
) -> EditedMessage:
    """Replace the content of the actor's own message and update its mentions.

    The old content is kept as a revision; the same content again changes nothing. With
    `expected_version` no other version is replaced. A mention that stays keeps its row. Nobody
    edits in a timeout.

    Two statements, three when there are mentions in the old content or in the new one. Locks the
    message's row. Raises: InvalidInput, NotVisible, TimedOut; NotAuthor, for another's message,
    also for a moderator; Conflict, when the version is another.
    """
    actor_id = id_of("actor", actor, User)
    if expected_version is not None:
        check_number("expected_version", expected_version, least=1, most=LARGEST_INTEGER)
    check_content(content, has_files=True)

    own = message_authority(message, user=actor_id, lock=True)
    if not own.is_own:
        raise NotAuthor(f"User {actor_id} did not write message {own.id}, and cannot edit it.")
    own.require_no_timeout()
    if expected_version is not None and own.version != expected_version:
        raise Conflict(
            f"Message {own.id} is at version {own.version}, not {expected_version}: somebody "
            "edited it meanwhile. Read it again and repeat."
        )
    check_content(content, has_files=own.has_files)
    params = {"space": own.space_id, "id": own.id, "content": content}
    edited = _EDIT.rows(params, using=write_alias())[0]
    _update_mentions(own, content)
    return edited


@use_case
def delete_message(*, actor: User | UUID, message: AnyMessage) -> None:
    """Mark a message as deleted, and delete its mentions; its number stays taken.

    Another's message needs MANAGE_MESSAGES, and is logged. Deleting it again is NotVisible. Two
    statements, three for another's. Locks the message's row.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    actor_id = id_of("actor", actor, User)

    found = message_authority(message, user=actor_id, lock=True)
    if not found.is_own:
        found.require(Permission.MANAGE_MESSAGES)
    params = {
        "space": found.space_id,
        "channel": found.channel_id,
        "seq": found.seq,
        "id": found.id,
        "actor": actor_id,
    }
    _DELETE.run(params, using=write_alias())
    if not found.is_own:
        found.log_moderation("message.delete")


def _update_mentions(message: MessageAuthority, content: str) -> None:
    named, before = find_mentions(content), find_mentions(message.content)
    if not named and not before:
        return
    params: dict[str, Any] = {
        "space": message.space_id,
        "channel": message.channel_id,
        "seq": message.seq,
        "users": list(named.users),
        "roles": list(named.roles),
        "everyone": named.everyone,
        "permissions": message.permissions,
    }
    UPDATE_MENTIONS.run(params, using=write_alias())
