"""Sending, editing and deleting in direct conversations."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.db import IntegrityError
from django.db.models.functions import Now

from chat.errors import Conflict, IdTaken, MissingPermission, NotVisible, Unreachable
from chat.inputs import identify
from chat.models import DirectConversation, DirectMessage, User
from chat.permissions import Permission
from chat.services.drafts import Draft, check_content, check_draft
from chat.services.editing import EditedMessage, check_version, require_own, require_version
from chat.services.posts import find_direct_post
from chat.services.use_case import alias, constraint_of, one_statement, use_case
from chat.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from chat.models import MessageAttachment

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True, slots=True)
class SentDirectMessage:
    """A direct message as it was sent."""

    id: UUID
    conversation_id: UUID
    author_id: UUID
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime


class _Place(NamedTuple):
    seq: int
    reply_to_seq: int | None
    created_at: datetime


class _Refusal(NamedTuple):
    is_other_erased: bool
    is_reply_there: bool
    files: list[UUID]


class _Earlier(NamedTuple):
    conversation_id: UUID
    author_id: UUID | None
    content: str
    seq: int
    reply_to_seq: int | None
    created_at: datetime
    reply_to: UUID | None
    files: list[UUID]


# Who took part when the statement began, and had left or was erased when it had its lock.
_GONE = frozenset({"direct_messages_participant", "direct_messages_author_not_erased"})

_SEND = Statement.read(_SQL / "send_direct_message.sql", row=_Place)
_REFUSAL = Statement.read(_SQL / "send_direct_refusal.sql", row=_Refusal)
_EARLIER = Statement.read(_SQL / "sent_direct_message.sql", row=_Earlier)
_EDIT = Statement.read(_SQL / "edit_direct_message.sql", row=EditedMessage)


@one_statement
def send_direct_message(
    *,
    author: User | UUID,
    conversation: DirectConversation | UUID,
    content: str,
    id: UUID | None = None,  # noqa: A002
    reply_to: DirectMessage | UUID | None = None,
    attachments: Sequence[MessageAttachment | UUID] = (),
) -> SentDirectMessage:
    """Send a message in a conversation that one takes part in.

    Repeated with an `id`, blank beside attachments: as `messages.send_message`. Nobody is named in
    a conversation, for everybody in it is told.

    One statement; for a refusal or a repeated send one or two more. Locks the author's row FOR KEY
    SHARE, the attachments by id, then the conversation's row until the transaction ends.

    Raises: InvalidInput; NotVisible, for the conversation, the message answered and the
    attachments; Unreachable, when the other of a pair was erased; IdTaken, when `id` is that of
    another message; Conflict, when what stood against it has gone meanwhile.
    """
    author_id = identify("author", author, User)
    place_id = identify("conversation", conversation, DirectConversation)
    draft = check_draft(
        content=content, id=id, reply_to=reply_to, attachments=attachments, model=DirectMessage
    )

    params = {
        "id": draft.id,
        "author": author_id,
        "conversation": place_id,
        "content": draft.content,
        "reply_to": draft.reply_to,
        "files": draft.files,
    }
    try:
        place = _SEND.first(params, using=alias())
    except IntegrityError as error:
        if constraint_of(error) not in _GONE:
            raise
        raise NotVisible("conversation", place_id, to=author_id) from error
    if place is None:
        earlier = None if id is None else _earlier(draft, author=author_id, conversation=place_id)
        if earlier is None:
            raise _refusal(draft, author=author_id, conversation=place_id)
        return earlier
    return SentDirectMessage(
        id=draft.id,
        conversation_id=place_id,
        author_id=author_id,
        content=draft.content,
        seq=place.seq,
        reply_to_seq=place.reply_to_seq,
        created_at=place.created_at,
    )


@use_case
def edit_direct_message(
    *,
    actor: User | UUID,
    message: DirectMessage | UUID,
    content: str,
    expected_version: int | None = None,
) -> EditedMessage:
    """Give one's own direct message another content; what was there becomes a revision.

    With `expected_version` only the version that the editor has seen is replaced. Two statements.
    Locks the message's row. Raises: InvalidInput, NotVisible; NotAuthor, for another's message;
    Conflict, when the version is another.
    """
    actor_id = identify("actor", actor, User)
    check_version(expected_version)
    check_content(content, has_files=True)

    post = find_direct_post(message, user=actor_id, lock=True)
    require_own(post)
    require_version(post, expected_version)
    check_content(content, has_files=post.has_files)
    params = {"conversation": post.space_id, "id": post.id, "content": content}
    return _EDIT.rows(params, using=alias())[0]


@use_case
def delete_direct_message(*, actor: User | UUID, message: DirectMessage | UUID) -> None:
    """Hide one's own direct message; its place and its number stay.

    Deleting it again is NotVisible. Two statements. Locks the message's row. Raises: InvalidInput,
    NotVisible; MissingPermission, for another's message, since nobody moderates a conversation.
    """
    actor_id = identify("actor", actor, User)

    post = find_direct_post(message, user=actor_id, lock=True)
    if not post.is_own:
        raise MissingPermission(
            Permission.MANAGE_MESSAGES, user=actor_id, place=f"conversation {post.space_id}"
        )
    DirectMessage.objects.using(alias()).filter(conversation_id=post.space_id, pk=post.id).update(
        deleted_at=Now(), deleted_by_id=actor_id
    )


def _earlier(draft: Draft, *, author: UUID, conversation: UUID) -> SentDirectMessage | None:
    """Return what was sent under the id, if that was the same; None, if there is nothing."""
    found = _EARLIER.first({"id": draft.id}, using=alias())
    if found is None:
        return None
    was = (found.author_id, found.conversation_id, found.content, found.reply_to, found.files)
    if was != (author, conversation, draft.content, draft.reply_to, draft.files):
        # As in a channel: a stranger learns nothing.
        if found.author_id != author:
            refusal = _refusal(draft, author=author, conversation=conversation)
            if not isinstance(refusal, Conflict):
                raise refusal
        raise IdTaken(
            f"The id {draft.id} belongs to another message; a retry has to repeat author, "
            "conversation, content, reply and attachments exactly."
        )
    return SentDirectMessage(
        id=draft.id,
        conversation_id=conversation,
        author_id=author,
        content=draft.content,
        seq=found.seq,
        reply_to_seq=found.reply_to_seq,
        created_at=found.created_at,
    )


def _refusal(draft: Draft, *, author: UUID, conversation: UUID) -> Exception:
    params = {
        "author": author,
        "conversation": conversation,
        "reply_to": draft.reply_to,
        "files": draft.files,
    }
    found = _REFUSAL.first(params, using=alias())
    if found is None:
        return NotVisible("conversation", conversation, to=author)
    if found.is_other_erased:
        return Unreachable()
    if draft.reply_to is not None and not found.is_reply_there:
        return NotVisible("message to answer in that conversation,", draft.reply_to, to=author)
    missing = next((file for file in draft.files if file not in found.files), None)
    if missing is not None:
        return NotVisible("unsent attachment", missing, to=author)
    return Conflict()
