"""Pinning messages."""

from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Now

from chat.errors import InvalidInput, NotVisible
from chat.inputs import id_of
from chat.models import Channel, Message, User
from chat.rules.permissions import Permission
from chat.services.core.authority import AnyMessage, MessageAuthority, message_authority
from chat.services.core.use_case import use_case, write_alias


@use_case
def pin_message(*, actor: User | UUID, message: AnyMessage) -> None:
    """Pin a message in its channel, and announce it there by a message of the system.

    Needs PIN_MESSAGES or MANAGE_MESSAGES, in a conversation to take part. Pinning again changes
    nothing. Another's message is logged, unless in a conversation. Four statements, five with the
    log; three when it is pinned already. Locks the channel's row, then the message's, then the
    channel's counter.

    Raises: InvalidInput, for a message of the system; NotVisible, TimedOut, MissingPermission;
    LimitReached, when 250 messages are pinned there; DatabaseRefused, in a channel that takes no
    messages, and in a transaction of the caller's that is not READ COMMITTED.
    """
    found = _pinnable(message, actor=id_of("actor", actor, User))
    if found.kind != Message.Kind.TEXT:
        raise InvalidInput("message", seen=f"a {found.kind} of the system", expected="a text")

    _lock_channel(found)
    pinned = _row(found).filter(deleted_at__isnull=True, pinned_at__isnull=False)
    if found.is_pinned and pinned.exists():
        return
    newly = _row(found).filter(deleted_at__isnull=True, pinned_at__isnull=True)
    if not newly.update(pinned_at=Now(), pinned_by_id=found.user_id):
        _raise_if_deleted(found)
        return
    Message.objects.using(write_alias()).create(
        space_id=found.space_id,
        channel_id=found.channel_id,
        kind=Message.Kind.PIN,
        reply_to_seq=found.seq,
    )
    if not found.is_own:
        found.log_moderation("message.pin")


@use_case
def unpin_message(*, actor: User | UUID, message: AnyMessage) -> None:
    """Unpin a message.

    Needs PIN_MESSAGES or MANAGE_MESSAGES, in a conversation to take part. For a message that is not
    pinned nothing changes. Another's message is logged, unless in a conversation. Three statements,
    four with the log. Locks the channel's row, then the message's.

    Raises: InvalidInput, NotVisible, TimedOut, MissingPermission.
    """
    found = _pinnable(message, actor=id_of("actor", actor, User))

    _lock_channel(found)
    pinned = _row(found).filter(deleted_at__isnull=True, pinned_at__isnull=False)
    if pinned.update(pinned_at=None, pinned_by=None) and not found.is_own:
        found.log_moderation("message.unpin")


def _pinnable(message: AnyMessage, *, actor: UUID) -> MessageAuthority:
    found = message_authority(message, user=actor)
    if not found.may(Permission.MANAGE_MESSAGES):
        found.require(Permission.PIN_MESSAGES)
    return found


def _lock_channel(message: MessageAuthority) -> None:
    """Lock the channel's row before the message's, so that pins are set one after another."""
    channels = Channel.objects.using(write_alias()).filter(
        space_id=message.space_id, pk=message.channel_id
    )
    channels.select_for_update(no_key=True).values_list("pk").get()


def _row(message: MessageAuthority) -> QuerySet[Message]:
    return Message.objects.using(write_alias()).filter(space_id=message.space_id, pk=message.id)


def _raise_if_deleted(message: MessageAuthority) -> None:
    """Raise NotVisible if the message was deleted meanwhile, and was not pinned by another."""
    if _row(message).filter(deleted_at__isnull=False).exists():
        raise NotVisible("message", message.id, to=message.user_id)
