"""Pinning messages in channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models.functions import Now

from chat.errors import InvalidInput, NotVisible
from chat.inputs import identify
from chat.models import Channel, Message, User
from chat.permissions import Permission
from chat.services.posts import PostAccess, find_post, log
from chat.services.use_case import alias, use_case

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


@use_case
def pin_message(*, actor: User | UUID, message: Message | UUID) -> None:
    """Pin a message in its channel, and tell the channel so by a message of the system.

    Needs PIN_MESSAGES or MANAGE_MESSAGES. Pinning again changes nothing. The audit log tells when
    the message is another's. Four statements, five for another's; three when it is pinned already.
    Locks the channel's row, then the message's.

    Raises: InvalidInput, for a message of the system; NotVisible, TimedOut, MissingPermission;
    LimitReached, when 250 messages are pinned there; DatabaseRefused, in a transaction of the
    caller's that is not READ COMMITTED.
    """
    post = _pinnable(message, actor=identify("actor", actor, User))
    if post.kind != Message.Kind.TEXT:
        raise InvalidInput("message", seen=f"a {post.kind} of the system", expected="a text")

    _lock_channel(post)
    pinned = _row(post).filter(deleted_at__isnull=True, pinned_at__isnull=False)
    if post.is_pinned and pinned.exists():
        return
    newly = _row(post).filter(deleted_at__isnull=True, pinned_at__isnull=True)
    if not newly.update(pinned_at=Now(), pinned_by_id=post.user_id):
        _gone_or_done(post)
        return
    place: dict[str, Any] = {"server_id": post.space_id, "channel_id": post.channel_id}
    Message.objects.using(alias()).create(**place, kind=Message.Kind.PIN, reply_to_seq=post.seq)
    if not post.is_own:
        log(post, "message.pin")


@use_case
def unpin_message(*, actor: User | UUID, message: Message | UUID) -> None:
    """Take a message from the pins of its channel.

    Needs PIN_MESSAGES or MANAGE_MESSAGES. One that is not pinned stays as it is. The audit log
    tells when the message is another's. Three statements, four for another's. Locks the channel's
    row, then the message's.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    post = _pinnable(message, actor=identify("actor", actor, User))

    _lock_channel(post)
    pinned = _row(post).filter(deleted_at__isnull=True, pinned_at__isnull=False)
    if pinned.update(pinned_at=None, pinned_by=None) and not post.is_own:
        log(post, "message.unpin")


def _pinnable(message: Message | UUID, *, actor: UUID) -> PostAccess:
    post = find_post(identify("message", message, Message), user=actor)
    if not post.may(Permission.MANAGE_MESSAGES):
        post.require(Permission.PIN_MESSAGES)
    return post


def _lock_channel(post: PostAccess) -> None:
    """Lock the channel before the message, so that pins come one after another."""
    where: dict[str, Any] = {"server_id": post.space_id, "pk": post.channel_id}
    channels = Channel.objects.using(alias()).filter(**where)
    channels.select_for_update(no_key=True).values_list("pk").get()


def _row(post: PostAccess) -> QuerySet[Message]:
    return Message.objects.using(alias()).filter(server_id=post.space_id, pk=post.id)


def _gone_or_done(post: PostAccess) -> None:
    """Raise NotVisible if the message was deleted meanwhile; else somebody else pinned it."""
    if _row(post).filter(deleted_at__isnull=False).exists():
        raise NotVisible("message", post.id, to=post.user_id)
