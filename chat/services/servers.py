"""Servers: created, changed, handed over, deleted."""

from functools import partial
from uuid import UUID

from django.db.models.functions import Now

from chat.errors import NotVisible, OwnerProtected
from chat.inputs import (
    UNCHANGED,
    Checks,
    Unchanged,
    check_given,
    check_name,
    check_reason,
    check_text,
    id_of,
)
from chat.models import Channel, Role, Server, User
from chat.rules.limits import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    SERVER_NAME_MINIMUM,
    STORAGE_KEY_LENGTH,
)
from chat.rules.permissions import ADMIN, DEFAULT_EVERYONE, MODERATOR, Permission
from chat.services.core.authority import (
    MemberAuthority,
    authority_over_member,
    member_authority,
)
from chat.services.core.locks import lock_active_user, lock_server, lock_user
from chat.services.core.use_case import save_fields, use_case, write_alias

# By position.
_ROLES = (
    ("member", DEFAULT_EVERYONE),
    ("moderator", MODERATOR),
    ("admin", ADMIN),
)
FIRST_CHANNEL = "general"


def _check_icon_key(value: str | None) -> str | None:
    if value is None:
        return None
    return check_text("icon_key", value, least=1, most=STORAGE_KEY_LENGTH)


_CHECKS: Checks = {
    "name": partial(check_name, "name", least=SERVER_NAME_MINIMUM, most=NAME_LENGTH),
    "description": partial(check_text, "description", most=DESCRIPTION_LENGTH),
    "icon_key": _check_icon_key,
}


@use_case
def create_server(*, owner: User | UUID, name: str) -> Server:
    """Create a server with its owner as the first member, three roles and a channel.

    The roles are everyone's ("member", at position 0), "moderator" and "admin"; nobody has the last
    two yet. Six statements. Locks the owner's row FOR KEY SHARE. Raises: InvalidInput; NotVisible,
    when there is no such user.
    """
    owner_id = id_of("owner", owner, User)
    name = _CHECKS["name"](name)
    lock_active_user(owner_id)
    server = insert_server(Server(name=name, owner_id=owner_id))
    Channel.objects.using(write_alias()).create(server=server, name=FIRST_CHANNEL)
    member_authority(server.pk, owner_id).log("server.create", server.pk)
    return server


def insert_server(server: Server) -> Server:
    """Insert a server, whose owner becomes a member by a trigger, and its three roles."""
    server.save(using=write_alias(), force_insert=True)
    Role.objects.using(write_alias()).bulk_create(
        Role(server=server, name=name, position=position, permissions=int(permissions))
        for position, (name, permissions) in enumerate(_ROLES)
    )
    return server


@use_case
def update_server(
    *,
    actor: User | UUID,
    server: Server | UUID,
    name: str | Unchanged = UNCHANGED,
    description: str | Unchanged = UNCHANGED,
    icon_key: str | Unchanged | None = UNCHANGED,
    reason: str = "",
) -> Server:
    """Change a server's name, description or icon; needs MANAGE_GUILD.

    Five statements, three when nothing changes. Locks the server's row. Raises: InvalidInput,
    NotVisible, MissingPermission, TimedOut.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    wanted = check_given(_CHECKS, name=name, description=description, icon_key=icon_key)
    reason = check_reason(reason)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    own.require(Permission.MANAGE_GUILD)
    row = Server.objects.using(write_alias()).get(pk=server_id)
    own.update(row, wanted, action="server.update", reason=reason)
    return row


@use_case
def transfer_ownership(
    *, actor: User | UUID, server: Server | UUID, to: User | UUID, reason: str = ""
) -> Server:
    """Make another member the owner; only the owner can.

    Six statements, four when `to` owns it already. Locks the new owner's row FOR KEY SHARE, then
    the server's. Raises: InvalidInput; NotVisible, when `to` is no member; OwnerProtected, when the
    actor is not the owner.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    new_owner = id_of("to", to, User)
    reason = check_reason(reason)

    is_there = lock_user(new_owner)
    lock_server(server_id, actor=actor_id)
    own, _ = authority_over_member(server_id, actor=actor_id, target=new_owner)
    _require_owner(own)
    if not is_there:
        raise NotVisible("user", new_owner, to=actor_id)
    row = Server.objects.using(write_alias()).get(pk=server_id)
    if new_owner != actor_id:
        save_fields(row, {"owner_id": new_owner})
        own.log("server.transfer", server_id, reason=reason, owner_id=(actor_id, new_owner))
    return row


@use_case
def delete_server(*, actor: User | UUID, server: Server | UUID, reason: str = "") -> None:
    """Mark a server as deleted, which hides all that is in it; only the owner can.

    The rows stay, so that support can restore it. Four statements. Locks the server's row. Raises:
    InvalidInput, NotVisible; OwnerProtected, when the actor is not the owner.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    reason = check_reason(reason)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    _require_owner(own)
    Server.objects.using(write_alias()).filter(pk=server_id).update(deleted_at=Now())
    own.log("server.delete", server_id, reason=reason)


def _require_owner(actor: MemberAuthority) -> None:
    if not actor.is_owner:
        raise OwnerProtected(
            f"User {actor.user_id} does not own server {actor.space_id}; only its owner can "
            "hand it over or delete it."
        )
