"""Overwrites: what a channel allows or denies to a role or a member. Public in `channels`."""

from uuid import UUID

from django.db.models import QuerySet

from chat.errors import InvalidInput, NotVisible
from chat.inputs import check_permissions, check_reason, id_of
from chat.models import Channel, ChannelPermission, Role, ServerMember, User
from chat.rules.permissions import OVERWRITABLE, Permission
from chat.services.core.authority import (
    ServerChannelAuthority,
    channel_authority,
    member_authority,
)
from chat.services.core.locks import lock_server_of, lock_user
from chat.services.core.use_case import use_case, write_alias

# One of the two is None.
_Target = dict[str, "UUID | None"]


@use_case
def set_overwrite(
    *,
    actor: User | UUID,
    channel: Channel | UUID,
    role: Role | UUID | None = None,
    user: User | UUID | None = None,
    allow: int = 0,
    deny: int = 0,
    reason: str = "",
) -> ChannelPermission:
    """Create or replace the overwrite of a role or a member in a channel.

    Needs MANAGE_ROLES in the channel, and each permission there that the overwrite changes. Seven
    statements, eight for a member, two fewer when nothing changes. Locks the user's row FOR KEY
    SHARE, then the server's. Raises: InvalidInput, also for a thread, which has the overwrites of
    its channel; NotVisible, MissingPermission, TimedOut.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    target = _target(role, user)
    allowed = int(check_permissions("allow", allow, among=OVERWRITABLE))
    denied = int(check_permissions("deny", deny, among=OVERWRITABLE))
    if allowed & denied:
        raise InvalidInput(
            "deny",
            seen=f"{Permission(allowed & denied)!r}, which is allowed as well",
            expected="without what is allowed",
        )
    reason = check_reason(reason)

    here = _authorise(actor_id, channel_id, target)
    _require_target(here, target)
    stored = _stored(here, target).first()
    row = stored or ChannelPermission(server_id=here.space_id, channel_id=channel_id, **target)
    before, after = (row.allow, row.deny), (allowed, denied)
    here.require_grantable((before[0] ^ allowed) | (before[1] ^ denied))
    if stored is None or before != after:
        row.allow, row.deny = after
        row.save(using=write_alias())
        _record(here, target, before=before if stored else None, after=after, reason=reason)
    return row


@use_case
def clear_overwrite(
    *,
    actor: User | UUID,
    channel: Channel | UUID,
    role: Role | UUID | None = None,
    user: User | UUID | None = None,
    reason: str = "",
) -> bool:
    """Delete the overwrite of a role or a user in a channel, and tell whether there was one.

    Needs MANAGE_ROLES in the channel, and each permission that was allowed or denied. Six
    statements, seven for a user, two fewer when there is no overwrite. Locks and raises as
    `set_overwrite`.
    """
    actor_id, channel_id = id_of("actor", actor, User), id_of("channel", channel, Channel)
    target = _target(role, user)
    reason = check_reason(reason)

    here = _authorise(actor_id, channel_id, target)
    stored = _stored(here, target)
    row = stored.first()
    if row is None:
        return False
    here.require_grantable(row.allow | row.deny)
    stored.delete()
    _record(here, target, before=(row.allow, row.deny), after=None, reason=reason)
    return True


def _target(role: Role | UUID | None, user: User | UUID | None) -> _Target:
    if (role is None) == (user is None):
        seen = "None, and user too" if role is None else "given, and user too"
        raise InvalidInput("role", seen=seen, expected="given, or else user, and not both")
    if role is not None:
        return {"role_id": id_of("role", role, Role), "user_id": None}
    return {"role_id": None, "user_id": id_of("user", user, User)}


def _authorise(actor: UUID, channel: UUID, target: _Target) -> ServerChannelAuthority:
    if (user := target["user_id"]) is not None:
        lock_user(user)
    server = lock_server_of("channel", channel, actor=actor)
    own = member_authority(server, actor, asked_for=("channel", channel))
    here = channel_authority(own, channel)
    here.require(Permission.MANAGE_ROLES)
    if here.channel.kind == Channel.Kind.THREAD:
        raise InvalidInput(
            "channel", seen="a thread", expected="its channel, whose overwrites apply"
        )
    return here


def _require_target(here: ServerChannelAuthority, target: _Target) -> None:
    server, viewer = here.space_id, here.user_id
    if (role := target["role_id"]) is not None:
        if not Role.objects.using(write_alias()).filter(server_id=server, pk=role).exists():
            raise NotVisible("role", role, to=viewer)
    elif (user := target["user_id"]) is not None:
        members = ServerMember.objects.using(write_alias())
        if not members.filter(server_id=server, user_id=user).exists():
            raise NotVisible("member", user, to=viewer)


def _stored(here: ServerChannelAuthority, target: _Target) -> QuerySet[ChannelPermission]:
    return ChannelPermission.objects.using(write_alias()).filter(
        server_id=here.space_id, channel_id=here.channel.pk, **target
    )


def _record(
    here: ServerChannelAuthority,
    target: _Target,
    *,
    before: tuple[int, int] | None,
    after: tuple[int, int] | None,
    reason: str,
) -> None:
    old, new = before or (None, None), after or (None, None)
    here.log(
        "channel.overwrite" if after else "channel.clear_overwrite",
        here.channel.pk,
        reason=reason,
        allow=(old[0], new[0]),
        deny=(old[1], new[1]),
        **{field: (value, value) for field, value in target.items() if value is not None},
    )
