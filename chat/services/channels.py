"""Channels, categories and threads: made, changed, sorted, deleted."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max
from django.db.models.functions import Now

from chat.db.statements import Statement
from chat.errors import InvalidInput, SlowModeActive
from chat.inputs import (
    UNCHANGED,
    Unchanged,
    check_choice,
    check_flag,
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
    ChannelAuthority,
    MemberAuthority,
    channel_authority,
    member_authority,
)
from chat.services.core.locks import lock_server, lock_server_of
from chat.services.core.use_case import use_case, write_alias
from chat.services.overwrites import clear_overwrite, set_overwrite

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "clear_overwrite",
    "create_channel",
    "create_thread",
    "delete_channel",
    "move_channel",
    "set_overwrite",
    "update_channel",
]

_UNBOUND_BY_SLOW_MODE = (
    Permission.BYPASS_SLOWMODE | Permission.MANAGE_MESSAGES | Permission.MANAGE_CHANNELS
)
_KINDS = frozenset(Channel.Kind) - {Channel.Kind.THREAD}


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
    """Make a channel or a category, the last of its category or of those without one.

    Needs MANAGE_CHANNELS, in the category where there is one. Five statements, six in a category.
    Locks the server's row. Raises: InvalidInput, NotVisible, MissingPermission, TimedOut;
    LimitReached; DatabaseRefused, in a transaction of the caller's that is not READ COMMITTED.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    parent_id = None if parent is None else id_of("parent", parent, Channel)
    kind = check_choice("kind", kind, among=_KINDS)
    if kind == Channel.Kind.CATEGORY and parent_id is not None:
        raise InvalidInput("parent", seen=str(parent_id), expected="None for a category")
    wanted = _checked(name=name, topic=topic, slowmode_seconds=slowmode_seconds, nsfw=nsfw)
    reason = check_reason(reason)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    if parent_id is None:
        own.require(Permission.MANAGE_CHANNELS)
    else:
        _category(own, parent_id).require(Permission.MANAGE_CHANNELS)
    return _insert(own, kind=kind, parent=parent_id, wanted=wanted, reason=reason)


@use_case
def create_thread(*, actor: User | UUID, channel: Channel | UUID, name: str) -> Channel:
    """Begin a thread in a text or announcement channel; needs CREATE_PUBLIC_THREADS there.

    It has the slow mode of its channel, which lets somebody begin one thread in that time; who is
    not bound by it when they send is not bound here either. Six statements, seven in slow mode.
    Locks the server's row. Raises: InvalidInput, for a channel that holds no threads too;
    NotVisible, MissingPermission, TimedOut; SlowModeActive; LimitReached; DatabaseRefused, in a
    transaction of the caller's that is not READ COMMITTED.
    """
    actor_id, parent_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    wanted: dict[str, Any] = {"name": check_name("name", name, most=NAME_LENGTH)}

    server_id = lock_server_of("channel", parent_id, actor=actor_id)
    own = member_authority(server_id, actor_id, asked_for=("channel", parent_id))
    place = channel_authority(own, parent_id)
    place.require(Permission.CREATE_PUBLIC_THREADS)
    if place.channel.kind not in {Channel.Kind.TEXT, Channel.Kind.ANNOUNCEMENT}:
        raise InvalidInput(
            "channel", seen=f"a {place.channel.kind}", expected="a text or announcement channel"
        )
    _require_slow_mode(place)
    wanted["slowmode_seconds"] = place.channel.slowmode_seconds
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
    wanted = _checked(name=name, topic=topic, slowmode_seconds=slowmode_seconds, nsfw=nsfw)
    reason = check_reason(reason)

    place = _managed_place(actor_id, channel_id)
    row = place.channel
    place.update(row, wanted, action="channel.update", reason=reason)
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
    """Put a channel at a place among those of its category, or of another, or (None) of none.

    Places are counted from 0; those that follow move on, and a place past the end is the end.
    Needs MANAGE_CHANNELS in the server and in the channel. Six statements, seven with another
    category, five when it stands there already. Locks the server's row, then the rows of the
    channels that change places. Raises: InvalidInput, for a thread too; NotVisible,
    MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    position = check_number("position", position, least=0, most=CHANNEL_LIMIT)
    parent_id = (
        parent if parent is UNCHANGED or parent is None else id_of("parent", parent, Channel)
    )
    reason = check_reason(reason)

    place = _managed_place(actor_id, channel_id)
    own, row = place.member, place.channel
    own.require(Permission.MANAGE_CHANNELS)
    if row.kind == Channel.Kind.THREAD:
        raise InvalidInput("channel", seen="a thread", expected="one that has a place in the list")
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
    """Hide a channel with its threads; needs MANAGE_CHANNELS there, for a thread MANAGE_THREADS.

    The messages stay where they are, unseen. What is in a category stays, without one. Invites to
    what is hidden end. Six statements. Locks the server's row, then those of the channel, of its
    threads or of what is in the category, and their counters: who is sending there comes first or
    is refused. Raises: InvalidInput, NotVisible, MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    reason = check_reason(reason)

    place = _managed_place(actor_id, channel_id)
    own, row = place.member, place.channel
    params = {"server": own.space_id, "channel": channel_id}
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


def _checked(
    *,
    name: str | Unchanged,
    topic: str | Unchanged,
    slowmode_seconds: int | Unchanged,
    nsfw: bool | Unchanged,
) -> dict[str, Any]:
    wanted: dict[str, Any] = {}
    if name is not UNCHANGED:
        wanted["name"] = check_name("name", name, most=NAME_LENGTH)
    if topic is not UNCHANGED:
        wanted["topic"] = check_text("topic", topic, most=TOPIC_LENGTH)
    if slowmode_seconds is not UNCHANGED:
        wanted["slowmode_seconds"] = check_number(
            "slowmode_seconds", slowmode_seconds, least=0, most=SLOWMODE_SECONDS
        )
    if nsfw is not UNCHANGED:
        wanted["nsfw"] = check_flag("nsfw", nsfw)
    return wanted


def _managed_place(actor: UUID, channel: UUID) -> ChannelAuthority:
    server = lock_server_of("channel", channel, actor=actor)
    own = member_authority(server, actor, asked_for=("channel", channel))
    place = channel_authority(own, channel)
    is_thread = place.channel.kind == Channel.Kind.THREAD
    place.require(Permission.MANAGE_THREADS if is_thread else Permission.MANAGE_CHANNELS)
    return place


def _require_slow_mode(place: ChannelAuthority) -> None:
    """Raise SlowModeActive if the actor has just begun a thread in a channel with slow mode."""
    if not place.channel.slowmode_seconds or place.permissions & _UNBOUND_BY_SLOW_MODE:
        return
    wait = _THREAD_WAIT.value(
        {
            "server": place.space_id,
            "channel": place.channel.pk,
            "actor": place.user_id,
            "gap": timedelta(seconds=place.channel.slowmode_seconds),
        },
        using=write_alias(),
    )
    if wait:
        raise SlowModeActive(wait)


def _category(own: MemberAuthority, category: UUID) -> ChannelAuthority:
    place = channel_authority(own, category, what="category")
    if place.channel.kind != Channel.Kind.CATEGORY:
        raise InvalidInput("parent", seen=f"a {place.channel.kind}", expected="a category")
    place.require(Permission.MANAGE_CHANNELS)
    return place


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
        position = wanted.place - 1,
        parent_id = CASE WHEN channels.id = %(moved)s THEN %(parent)s ELSE channels.parent_id END
    FROM unnest(%(channels)s::uuid[]) WITH ORDINALITY AS wanted (id, place)
    WHERE
        channels.space_id = %(server)s
        AND channels.id = wanted.id
        AND (channels.position <> wanted.place - 1 OR channels.id = %(moved)s)
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
        deleted_at = CASE WHEN id = %(channel)s THEN statement_timestamp() END
    WHERE
        space_id = %(server)s
        AND (id = %(channel)s OR parent_id = %(channel)s)
        AND deleted_at IS NULL
    RETURNING id
    """,
)
