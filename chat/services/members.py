"""Members of a server: joining, leaving, and the moderation of them."""

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from chat.db.statements import Statement, read_sql
from chat.errors import Banned, InvalidInput, NotVisible, OwnerProtected, RankTooLow
from chat.inputs import check_moment, check_name, check_reason, id_of
from chat.models import Ban, Server, ServerMember, User
from chat.rules.limits import NICKNAME_LENGTH, TIMEOUT_LIMIT
from chat.rules.permissions import Permission
from chat.services.core.authority import (
    MemberAuthority,
    authority_over_member,
    authority_over_user,
    member_authority,
)
from chat.services.core.locks import LockMode, lock_active_user, lock_server, lock_user
from chat.services.core.use_case import constraint_of, save_fields, use_case, write_alias


@use_case
def join_server(*, user: User | UUID, server: Server | UUID) -> ServerMember:
    """Make a user a member of a server without an invite; no permission is checked.

    Earlier messages count as read. A member stays a member. A timeout goes on for a user who left
    during it. Four statements. Locks the user's row FOR KEY SHARE, then the server's FOR SHARE.
    Raises: InvalidInput, NotVisible, Banned; DatabaseRefused, in a transaction of the caller's that
    is not READ COMMITTED.
    """
    user_id, server_id = id_of("user", user, User), id_of("server", server, Server)

    lock_active_user(user_id)
    lock_server(server_id, actor=user_id, mode=LockMode.SHARE)
    admit(server_id, user_id)
    return ServerMember.objects.using(write_alias()).get(server_id=server_id, user_id=user_id)


@use_case
def leave_server(*, user: User | UUID, server: Server | UUID) -> None:
    """End the user's own membership, with their roles and read marks in the server.

    Two statements. Locks the server's row FOR SHARE. Raises: InvalidInput; NotVisible, when the
    user is no member; OwnerProtected for the owner.
    """
    user_id, server_id = id_of("user", user, User), id_of("server", server, Server)

    owner_id = lock_server(server_id, actor=user_id, mode=LockMode.SHARE)
    if owner_id == user_id:
        raise OwnerProtected(f"User {user_id} owns server {server_id}; hand it over first.")
    if not _remove(server_id, user_id):
        raise NotVisible("server", server_id, to=user_id)


@use_case
def kick_member(
    *, actor: User | UUID, server: Server | UUID, user: User | UUID, reason: str = ""
) -> None:
    """End a membership; the user can join again. Needs KICK_MEMBERS and a higher rank.

    Five statements. Locks the user's row FOR KEY SHARE, then the server's. Raises: InvalidInput,
    NotVisible, MissingPermission, TimedOut, OwnerProtected, RankTooLow.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    reason = check_reason(reason)

    own, _ = _authorise_against(server_id, actor_id, user_id, needs=Permission.KICK_MEMBERS)
    _remove(server_id, user_id)
    own.log("member.kick", user_id, reason=reason)


@use_case
def ban_user(
    *,
    actor: User | UUID,
    server: Server | UUID,
    user: User | UUID,
    reason: str = "",
    expires_at: datetime | None = None,
) -> Ban:
    """Ban a user, a member or not, for ever or until `expires_at`.

    A second ban replaces reason, end and actor of the first. Needs BAN_MEMBERS, and a higher rank
    than a member. Six statements. Locks the user's row FOR KEY SHARE, then the server's. Raises: as
    `kick_member`; DatabaseRefused, in a transaction of the caller's that is not READ COMMITTED.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    reason = check_reason(reason)
    if expires_at is not None:
        expires_at = check_moment("expires_at", expires_at)

    is_there = lock_user(user_id)
    lock_server(server_id, actor=actor_id)
    own, target = authority_over_user(server_id, actor=actor_id, target=user_id)
    own.require(Permission.BAN_MEMBERS)
    if not is_there:
        raise NotVisible("user", user_id, to=actor_id)
    if target is not None:
        own.require_against(target)
    _require_future("expires_at", expires_at, now=own.asked_at)
    _remove(server_id, user_id)
    ban = _upsert_ban(server_id, user_id, actor=actor_id, reason=reason, expires_at=expires_at)
    own.log("member.ban", user_id, reason=reason, expires_at=(None, expires_at))
    return ban


@use_case
def unban_user(
    *, actor: User | UUID, server: Server | UUID, user: User | UUID, reason: str = ""
) -> None:
    """Delete a ban; the audit log keeps it. Needs BAN_MEMBERS.

    Five statements. Locks as `kick_member`. Raises: InvalidInput; NotVisible, when there is no such
    ban; MissingPermission, TimedOut.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    reason = check_reason(reason)

    lock_user(user_id)
    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    own.require(Permission.BAN_MEMBERS)
    lifted, _ = (
        Ban.objects.using(write_alias()).filter(server_id=server_id, user_id=user_id).delete()
    )
    if not lifted:
        raise NotVisible("ban of user", user_id, to=actor_id)
    own.log("member.unban", user_id, reason=reason)


@use_case
def set_timeout(
    *,
    actor: User | UUID,
    server: Server | UUID,
    user: User | UUID,
    until: datetime,
    reason: str = "",
) -> ServerMember:
    """Put a member in a timeout until a moment at most 28 days away: they can only read.

    Leaving and joining again does not end it. Needs MODERATE_MEMBERS and a higher rank. Six
    statements. Locks and raises as `kick_member`; RankTooLow also for an administrator.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    until = check_moment("until", until)
    reason = check_reason(reason)

    own, target = _authorise_against(
        server_id, actor_id, user_id, needs=Permission.MODERATE_MEMBERS
    )
    if target.is_administrator:
        raise RankTooLow(
            f"User {user_id} is an administrator of server {server_id}; they cannot be timed out."
        )
    _require_future("until", until, now=own.asked_at)
    if until > own.asked_at + TIMEOUT_LIMIT:
        raise InvalidInput("until", seen=until.isoformat(), expected="at most 28 days away")
    return _time_out(own, user_id, until=until, reason=reason)


@use_case
def clear_timeout(
    *, actor: User | UUID, server: Server | UUID, user: User | UUID, reason: str = ""
) -> ServerMember:
    """End a member's timeout. Needs MODERATE_MEMBERS and a higher rank.

    Six statements, four when there is none. Locks and raises as `kick_member`.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    reason = check_reason(reason)

    own, _ = _authorise_against(server_id, actor_id, user_id, needs=Permission.MODERATE_MEMBERS)
    return _time_out(own, user_id, until=None, reason=reason)


@use_case
def set_nickname(
    *,
    actor: User | UUID,
    server: Server | UUID,
    user: User | UUID,
    nickname: str | None,
    reason: str = "",
) -> ServerMember:
    """Set or, with None, remove the nickname of a member.

    The actor's own needs CHANGE_NICKNAME, another's MANAGE_NICKNAMES and a higher rank. The audit
    log has no names. Six statements, four when nothing changes. Locks and raises as `kick_member`.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    user_id = id_of("user", user, User)
    if nickname is not None:
        nickname = check_name("nickname", nickname, most=NICKNAME_LENGTH)
    reason = check_reason(reason)

    if actor_id == user_id:
        lock_user(user_id)
        lock_server(server_id, actor=actor_id)
        own = member_authority(server_id, actor_id)
        own.require(Permission.CHANGE_NICKNAME)
    else:
        own, _ = _authorise_against(server_id, actor_id, user_id, needs=Permission.MANAGE_NICKNAMES)
    member = _member(server_id, user_id)
    if member.nickname != nickname:
        save_fields(member, {"nickname": nickname})
        own.log("member.rename", user_id, reason=reason)
    return member


def admit(server: UUID, user: UUID) -> bool:
    """Insert a membership, with all earlier messages as read, and tell whether it is new.

    One statement. For services that have locked the user and the server. Raises: Banned.
    """
    try:
        return bool(_ADMIT.value({"server": server, "user": user}, using=write_alias()))
    except IntegrityError as error:
        if constraint_of(error) == "server_members_not_banned":
            raise Banned(f"User {user} is banned from server {server}.") from error
        raise


def _authorise_against(
    server: UUID, actor: UUID, target: UUID, *, needs: Permission
) -> tuple[MemberAuthority, MemberAuthority]:
    lock_user(target)
    lock_server(server, actor=actor)
    own, other = authority_over_member(server, actor=actor, target=target)
    own.require(needs)
    own.require_against(other)
    return own, other


def _member(server: UUID, user: UUID) -> ServerMember:
    return ServerMember.objects.using(write_alias()).get(server_id=server, user_id=user)


def _remove(server: UUID, user: UUID) -> bool:
    # One statement: what belongs to the membership is deleted by the database's cascades.
    members = ServerMember.objects.using(write_alias()).filter(server_id=server, user_id=user)
    return bool(members.delete()[0])


def _upsert_ban(
    server: UUID, user: UUID, *, actor: UUID, reason: str, expires_at: datetime | None
) -> Ban:
    (columns,) = _BAN.tuples(
        {
            "server": server,
            "user": user,
            "actor": actor,
            "reason": reason,
            "expires_at": expires_at,
        },
        using=write_alias(),
    )
    return Ban.from_db(write_alias(), (), columns)


def _time_out(
    own: MemberAuthority, user: UUID, *, until: datetime | None, reason: str
) -> ServerMember:
    member = _member(own.space_id, user)
    before = member.timed_out_until
    if until is None and (before is None or before <= own.asked_at):
        return member
    save_fields(member, {"timed_out_until": until})
    own.log("member.timeout", user, reason=reason, timed_out_until=(before, until))
    return member


def _require_future(field: str, moment: datetime | None, *, now: datetime) -> None:
    if moment is not None and moment <= now:
        raise InvalidInput(field, seen=moment.isoformat(), expected="a moment in the future")


_ADMIT = Statement(read_sql("services/sql/admit_member.sql"))

# All columns, in the model's order.
_BAN = Statement(
    """
    INSERT INTO bans (space_id, user_id, actor_id, reason, expires_at)
    VALUES (%(server)s, %(user)s, %(actor)s, %(reason)s, %(expires_at)s)
    ON CONFLICT (space_id, user_id) DO UPDATE
    SET actor_id = excluded.actor_id, reason = excluded.reason, expires_at = excluded.expires_at
    RETURNING id, created_at, updated_at, space_id, user_id, actor_id, reason, expires_at
    """,
)
