"""Channels, categories and threads: created, changed, moved, deleted."""

from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.db.models.functions import Now

from chat.db.statements import Statement
from chat.errors import InvalidInput, SlowModeActive
from chat.inputs import (
    UNCHANGED,
    Checks,
    Unchanged,
    check_choice,
    check_flag,
    check_given,
    check_name,
    check_number,
    check_reason,
    check_text,
    id_of,
)
from chat.models import Channel, Invite, Server, User
from chat.rules.limits import CHANNEL_LIMIT, NAME_LENGTH, SLOWMODE_SECONDS, TOPIC_LENGTH
from chat.rules.permissions import Permission
from chat.services.core.authority import (
    MemberAuthority,
    ServerChannelAuthority,
    channel_authority,
    member_authority,
)
from chat.services.core.category_overwrites import copy_overwrites, take_overwrites
from chat.services.core.locks import lock_server, lock_server_of
from chat.services.core.use_case import use_case, write_alias
from chat.services.overwrites import clear_overwrite, set_overwrite

# Public here; they have a file of their own.
__all__ = ["clear_overwrite", "set_overwrite"]

_EXEMPT_FROM_SLOW_MODE = (
    Permission.BYPASS_SLOWMODE | Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
)
_CHECKS: Checks = {
    "name": partial(check_name, "name", most=NAME_LENGTH),
    "topic": partial(check_text, "topic", most=TOPIC_LENGTH),
    "slowmode_seconds": partial(check_number, "slowmode_seconds", least=0, most=SLOWMODE_SECONDS),
    "nsfw": partial(check_flag, "nsfw"),
}
# A thread is made in a channel, and a conversation is no channel of a server.
_KINDS = frozenset(Channel.Kind) - {Channel.Kind.THREAD, Channel.Kind.PAIR, Channel.Kind.GROUP}


@use_case
def create_channel(
    *,
    actor: User | UUID,
    server: Server | UUID,
    name: str,
    kind: str = Channel.Kind.TEXT,
    parent: Channel | UUID | None = None,
    topic: str = "",
    slowmode_seconds: int = 0,
    nsfw: bool = False,
    reason: str = "",
) -> Channel:
    """Create a channel or a category, the last in its category or among those without one.

    It begins with the overwrites of its category, so that in a hidden one it is hidden from the
    start. Needs MANAGE_CHANNELS, in the category where there is one. Five statements, seven in a
    category.
    Locks the server's row. Raises: InvalidInput, NotVisible, MissingPermission, TimedOut;
    LimitReached; DatabaseRefused, in a transaction of the caller's that is not READ COMMITTED.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    parent_id = None if parent is None else id_of("parent", parent, Channel)
    kind = check_choice("kind", kind, among=_KINDS)
    if kind == Channel.Kind.CATEGORY and parent_id is not None:
        raise InvalidInput("parent", seen=str(parent_id), expected="None for a category")
    wanted = check_given(
        _CHECKS, name=name, topic=topic, slowmode_seconds=slowmode_seconds, nsfw=nsfw
    )
    reason = check_reason(reason)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    if parent_id is None:
        own.require(Permission.MANAGE_CHANNELS)
    else:
        _category(own, parent_id).require(Permission.MANAGE_CHANNELS)
    channel = _insert(own, kind=kind, parent=parent_id, wanted=wanted, reason=reason)
    if parent_id is not None:
        copy_overwrites(server_id, category=parent_id, channel=channel.pk)
    return channel


@use_case
def create_thread(*, actor: User | UUID, channel: Channel | UUID, name: str) -> Channel:
    """Create a thread in a text or announcement channel; needs CREATE_PUBLIC_THREADS there.

    It inherits the slow mode of its channel. Slow mode limits the threads that a member creates as
    it limits messages, with the same exemptions. Six statements, seven in slow mode. Locks the
    server's row. Raises: InvalidInput, also for a channel that cannot have threads; NotVisible,
    MissingPermission, TimedOut; SlowModeActive; LimitReached; DatabaseRefused, in a transaction of
    the caller's that is not READ COMMITTED.
    """
    actor_id, parent_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    wanted = check_given(_CHECKS, name=name)

    server_id = lock_server_of("channel", parent_id, actor=actor_id)
    own = member_authority(server_id, actor_id, asked_for=("channel", parent_id))
    here = channel_authority(own, parent_id)
    here.require(Permission.CREATE_PUBLIC_THREADS)
    if here.channel.kind not in {Channel.Kind.TEXT, Channel.Kind.ANNOUNCEMENT}:
        raise InvalidInput(
            "channel", seen=f"a {here.channel.kind}", expected="a text or announcement channel"
        )
    _require_slow_mode(here)
    wanted["slowmode_seconds"] = here.channel.slowmode_seconds
    return _insert(own, kind=Channel.Kind.THREAD, parent=parent_id, wanted=wanted, reason="")


@use_case
def update_channel(
    *,
    actor: User | UUID,
    channel: Channel | UUID,
    name: str | Unchanged = UNCHANGED,
    topic: str | Unchanged = UNCHANGED,
    slowmode_seconds: int | Unchanged = UNCHANGED,
    nsfw: bool | Unchanged = UNCHANGED,
    reason: str = "",
) -> Channel:
    """Change a channel; needs MANAGE_CHANNELS there, for a thread MANAGE_THREADS.

    Five statements, three when nothing changes. Locks the server's row, then the channel's. Raises:
    InvalidInput, NotVisible, MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    wanted = check_given(
        _CHECKS, name=name, topic=topic, slowmode_seconds=slowmode_seconds, nsfw=nsfw
    )
    reason = check_reason(reason)

    here = _manageable(actor_id, channel_id)
    row = here.channel
    here.update(row, wanted, action="channel.update", reason=reason)
    return row


@use_case
def move_channel(
    *,
    actor: User | UUID,
    channel: Channel | UUID,
    position: int,
    parent: Channel | UUID | Unchanged | None = UNCHANGED,
    reason: str = "",
) -> Channel:
    """Move a channel to a position in its category, in another, or with None outside of any.

    Positions are counted from 0; later channels move on, and a position past the end is the end. In
    another category, a channel with the same overwrites as its category so far, or with none where
    it had no category, gets those of the new one; any other keeps its own, and in addition denies
    what the category denies. Needs MANAGE_CHANNELS in the server and in the channel. Six
    statements, eight with another category, nine or ten where that changes overwrites, five when it
    is there already. Locks the server's row, then the rows of the channels that move.

    Raises: InvalidInput, also for a thread; NotVisible, MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    position = check_number("position", position, least=0, most=CHANNEL_LIMIT)
    parent_id = (
        parent if parent is UNCHANGED or parent is None else id_of("parent", parent, Channel)
    )
    reason = check_reason(reason)

    here = _manageable(actor_id, channel_id)
    own, row = here.member, here.channel
    own.require(Permission.MANAGE_CHANNELS)
    if row.kind == Channel.Kind.THREAD:
        raise InvalidInput(
            "channel", seen="a thread", expected="one that has a position in the list"
        )
    if parent_id is UNCHANGED:
        parent_id = row.parent_id
    elif parent_id is not None and parent_id != row.parent_id:
        if row.kind == Channel.Kind.CATEGORY:
            raise InvalidInput("parent", seen=str(parent_id), expected="None for a category")
        _category(own, parent_id)

    before = (row.parent_id, row.position)
    siblings = [each for each in _siblings(own.space_id, parent_id) if each != channel_id]
    siblings.insert(position, channel_id)
    _SET_POSITIONS.run(
        {"server": own.space_id, "parent": parent_id, "channels": siblings, "moved": channel_id},
        using=write_alias(),
    )
    row.parent_id, row.position = parent_id, siblings.index(channel_id)
    if parent_id is not None and parent_id != before[0]:
        take_overwrites(own.space_id, channel=channel_id, left=before[0], entered=parent_id)
    if before != (row.parent_id, row.position):
        own.log(
            "channel.move",
            channel_id,
            reason=reason,
            parent_id=(before[0], row.parent_id),
            position=(before[1], row.position),
        )
    return row


@use_case
def delete_channel(*, actor: User | UUID, channel: Channel | UUID, reason: str = "") -> None:
    """Mark a channel and its threads as deleted; needs MANAGE_CHANNELS there.

    A thread needs MANAGE_THREADS. The messages stay in the database, hidden. The channels of a
    deleted category stay, without a category. Invites to what is deleted end. Six statements. Locks
    the server's row, then those of the channel, of its threads or of the channels in the category,
    and their counters: a message that is being sent there is stored before or refused. Raises:
    InvalidInput, NotVisible, MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    reason = check_reason(reason)

    here = _manageable(actor_id, channel_id)
    own, row = here.member, here.channel
    params = {"server": own.space_id, "channel": channel_id, "now": own.asked_at}
    is_category = row.kind == Channel.Kind.CATEGORY
    changed_ids = (_DELETE_CATEGORY if is_category else _DELETE).values(params, using=write_alias())
    Invite.objects.using(write_alias()).filter(
        server_id=own.space_id,
        channel_id__in=[channel_id] if is_category else changed_ids,
        revoked_at__isnull=True,
    ).update(revoked_at=Now())
    own.log(
        "channel.delete", channel_id, reason=reason, name=(row.name, None), kind=(row.kind, None)
    )


def _manageable(actor: UUID, channel: UUID) -> ServerChannelAuthority:
    server = lock_server_of("channel", channel, actor=actor)
    own = member_authority(server, actor, asked_for=("channel", channel))
    here = channel_authority(own, channel)
    is_thread = here.channel.kind == Channel.Kind.THREAD
    here.require(Permission.MANAGE_THREADS if is_thread else Permission.MANAGE_CHANNELS)
    return here


def _require_slow_mode(here: ServerChannelAuthority) -> None:
    """Raise SlowModeActive if the actor has just begun a thread in a channel with slow mode."""
    if not here.channel.slowmode_seconds or here.permissions & _EXEMPT_FROM_SLOW_MODE:
        return
    wait = _THREAD_WAIT.value(
        {
            "server": here.space_id,
            "channel": here.channel.pk,
            "actor": here.user_id,
            "gap": timedelta(seconds=here.channel.slowmode_seconds),
        },
        using=write_alias(),
    )
    if wait:
        raise SlowModeActive(wait)


def _category(own: MemberAuthority, category: UUID) -> ServerChannelAuthority:
    here = channel_authority(own, category, what="category")
    if here.channel.kind != Channel.Kind.CATEGORY:
        raise InvalidInput("parent", seen=f"a {here.channel.kind}", expected="a category")
    here.require(Permission.MANAGE_CHANNELS)
    return here


def _insert(
    own: MemberAuthority, *, kind: str, parent: UUID | None, wanted: dict[str, Any], reason: str
) -> Channel:
    siblings = Channel.objects.using(write_alias()).filter(
        space_id=own.space_id, parent_id=parent, deleted_at__isnull=True
    )
    last = siblings.aggregate(last=Max("position"))["last"]
    channel = Channel.objects.using(write_alias()).create(
        server_id=own.space_id,
        kind=kind,
        parent_id=parent,
        position=0 if last is None else last + 1,
        **wanted,
    )
    own.log(
        "channel.create",
        channel.pk,
        reason=reason,
        name=(None, channel.name),
        kind=(None, str(kind)),
    )
    return channel


def _siblings(server: UUID, parent: UUID | None) -> list[UUID]:
    channels = Channel.objects.using(write_alias()).filter(
        space_id=server, parent_id=parent, deleted_at__isnull=True
    )
    return list(channels.order_by("position", "pk").values_list("pk", flat=True))


# The log knows who began a thread, and its index ends the look at the moment that counts.
_THREAD_WAIT = Statement(
    """
    SELECT max(entry.created_at) + %(gap)s - statement_timestamp()
    FROM audit_log AS entry
    INNER JOIN channels AS thread
        ON thread.space_id = %(server)s AND thread.id = entry.target_id
    WHERE
        entry.space_id = %(server)s
        AND entry.created_at > statement_timestamp() - %(gap)s
        AND entry.actor_id = %(actor)s
        AND entry.action = 'channel.create'
        AND thread.kind = 'thread'
        AND thread.parent_id = %(channel)s
    """,
)
_SET_POSITIONS = Statement(
    """
    UPDATE channels
    SET
        position = wanted.number - 1,
        parent_id = CASE WHEN channels.id = %(moved)s THEN %(parent)s ELSE channels.parent_id END
    FROM unnest(%(channels)s::uuid[]) WITH ORDINALITY AS wanted (id, number)
    WHERE
        channels.space_id = %(server)s
        AND channels.id = wanted.id
        AND (channels.position <> wanted.number - 1 OR channels.id = %(moved)s)
    """,
)
_DELETE = Statement(
    """
    UPDATE channels
    SET deleted_at = statement_timestamp()
    WHERE
        space_id = %(server)s
        AND (id = %(channel)s OR parent_id = %(channel)s)
        AND deleted_at IS NULL
    RETURNING id
    """,
)
_DELETE_CATEGORY = Statement(
    """
    UPDATE channels
    SET
        parent_id = NULL,
        deleted_at = CASE WHEN id = %(channel)s THEN %(now)s::timestamptz END
    WHERE
        space_id = %(server)s
        AND (id = %(channel)s OR parent_id = %(channel)s)
        AND deleted_at IS NULL
    RETURNING id
    """,
)
