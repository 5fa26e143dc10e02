"""Roles: created, changed, moved, granted and revoked.

All need MANAGE_ROLES, and change only roles below the actor's highest; nobody grants a permission
that they lack.
"""

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from chat.db.statements import Statement
from chat.errors import InvalidInput, LimitReached, NotVisible
from chat.inputs import (
    UNCHANGED,
    Checks,
    Unchanged,
    check_flag,
    check_given,
    check_name,
    check_number,
    check_permissions,
    check_reason,
    id_of,
)
from chat.models import Role, Server, User
from chat.rules.limits import LARGEST_COLOR, NAME_LENGTH, ROLE_LIMIT
from chat.rules.permissions import Permission, Rank
from chat.services.core.audit import changed_fields
from chat.services.core.authority import (
    MemberAuthority,
    authority_over_member,
    member_authority,
)
from chat.services.core.locks import lock_server, lock_server_of, lock_user
from chat.services.core.use_case import use_case, write_alias

# With the lowest id there is, so that everyone's role does not outrank it.
_ABOVE_EVERYONES = Rank(position=0, id=UUID(int=0))
_CHECKS: Checks = {
    "name": partial(check_name, "name", most=NAME_LENGTH),
    "permissions": lambda value: int(check_permissions("permissions", value)),
    "color": partial(check_number, "color", least=0, most=LARGEST_COLOR),
    "hoist": partial(check_flag, "hoist"),
    "mentionable": partial(check_flag, "mentionable"),
}


@use_case
def create_role(
    *,
    actor: User | UUID,
    server: Server | UUID,
    name: str,
    permissions: int = 0,
    color: int = 0,
    hoist: bool = False,
    mentionable: bool = False,
    reason: str = "",
) -> Role:
    """Create a role just above everyone's; the others move up.

    Six statements. Locks the server's row. Raises: InvalidInput, NotVisible, TimedOut;
    MissingPermission, also for a permission that the actor lacks; RankTooLow, when the actor has no
    role above everyone's; LimitReached.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    role = Role(
        server_id=server_id,
        position=1,
        **check_given(
            _CHECKS,
            name=name,
            permissions=permissions,
            color=color,
            hoist=hoist,
            mentionable=mentionable,
        ),
    )
    reason = check_reason(reason)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    own.require(Permission.MANAGE_ROLES)
    own.require_grantable(role.permissions)
    own.require_above(_ABOVE_EVERYONES, what="any but everyone's role")
    others = _sorted_roles(server_id)
    if len(others) + 1 >= ROLE_LIMIT:
        raise LimitReached("roles", ROLE_LIMIT)
    _set_positions(server_id, [each.pk for each in others], first=2)
    role.save(using=write_alias(), force_insert=True)
    own.log(
        "role.create",
        role.pk,
        reason=reason,
        name=(None, role.name),
        permissions=(None, role.permissions),
    )
    return role


@use_case
def update_role(
    *,
    actor: User | UUID,
    role: Role | UUID,
    name: str | Unchanged = UNCHANGED,
    permissions: int | Unchanged = UNCHANGED,
    color: int | Unchanged = UNCHANGED,
    hoist: bool | Unchanged = UNCHANGED,
    mentionable: bool | Unchanged = UNCHANGED,
    reason: str = "",
) -> Role:
    """Change a role; of everyone's only the permissions.

    A permission that the actor lacks can be neither added nor removed. Five statements, three when
    nothing changes. Locks the server's row. Raises: InvalidInput, NotVisible, MissingPermission,
    TimedOut, RankTooLow.
    """
    actor_id, role_id = id_of("actor", actor, User), id_of("role", role, Role)
    wanted = check_given(
        _CHECKS,
        name=name,
        permissions=permissions,
        color=color,
        hoist=hoist,
        mentionable=mentionable,
    )
    reason = check_reason(reason)

    own, row = _role_below(actor_id, role_id)
    changes = changed_fields(row, wanted)
    if row.position == 0 and changes.keys() - {"permissions"}:
        raise InvalidInput(
            next(iter(changes.keys() - {"permissions"})),
            seen="that of everyone's role",
            expected="left unchanged: only its permissions can be changed",
        )
    if "permissions" in changes:
        before, after = changes["permissions"]
        own.require_grantable(before ^ after)
    own.update(row, wanted, action="role.update", reason=reason)
    return row


@use_case
def delete_role(*, actor: User | UUID, role: Role | UUID, reason: str = "") -> None:
    """Delete a role, with its overwrites, and take it from all members.

    Five statements. Locks the server's row. Raises: InvalidInput, also for everyone's role;
    NotVisible, MissingPermission, TimedOut, RankTooLow.
    """
    actor_id, role_id = id_of("actor", actor, User), id_of("role", role, Role)
    reason = check_reason(reason)

    own, row = _role_below(actor_id, role_id)
    _refuse_everyones(row)
    Role.objects.using(write_alias()).filter(server_id=own.space_id, pk=role_id).delete()
    own.log(
        "role.delete",
        role_id,
        reason=reason,
        name=(row.name, None),
        permissions=(row.permissions, None),
    )


@use_case
def move_role(
    *, actor: User | UUID, role: Role | UUID, position: int, reason: str = ""
) -> list[Role]:
    """Move a role to another position below the actor's own, and return all roles, lowest first.

    Position 1 is the lowest above everyone's; the roles between move by one, and gaps are closed.
    Six statements, four when it is there already. Locks the server's row. Raises: InvalidInput,
    also for everyone's role and for a position above all roles; NotVisible, MissingPermission,
    TimedOut, RankTooLow.
    """
    actor_id, role_id = id_of("actor", actor, User), id_of("role", role, Role)
    position = check_number("position", position, least=1, most=ROLE_LIMIT - 1)
    reason = check_reason(reason)

    own, row = _role_below(actor_id, role_id)
    _refuse_everyones(row)
    order = _sorted_roles(own.space_id)
    if position > len(order):
        raise InvalidInput(
            "position", seen=str(position), expected=f"1 to {len(order)}, the number of roles"
        )
    old = next(index for index, each in enumerate(order) if each.pk == role_id)
    passed = order[old + 1 : position]
    for each in passed:
        own.require_above(Rank(each.position, each.pk), what=f"role {each.pk}")
    if old == position - 1:
        return order
    order.insert(position - 1, order.pop(old))
    _set_positions(own.space_id, [each.pk for each in order], first=1)
    for number, each in enumerate(order, start=1):
        each.position = number
    own.log("role.move", role_id, reason=reason, position=(old + 1, position))
    return order


@use_case
def grant_role(
    *, actor: User | UUID, user: User | UUID, role: Role | UUID, reason: str = ""
) -> bool:
    """Grant a role to a member, and tell whether it is new to them.

    The actor has all its permissions. Six statements, five when the member has the role. Locks the
    user's row FOR KEY SHARE, then the server's. Raises: InvalidInput, also for everyone's role;
    NotVisible, when the user is no member; MissingPermission, TimedOut, RankTooLow.
    """
    own, user_id, row = _role_for(actor, user, role)
    reason = check_reason(reason)
    own.require_grantable(row.permissions)
    params = {"server": own.space_id, "user": user_id, "role": row.pk}
    if not _GRANT.run(params, using=write_alias()):
        return False
    own.log("member.grant", user_id, reason=reason, role_id=(None, row.pk))
    return True


@use_case
def revoke_role(
    *, actor: User | UUID, user: User | UUID, role: Role | UUID, reason: str = ""
) -> bool:
    """Revoke a role from a member, and tell whether they had it.

    Six statements, five when they did not. Locks and raises as `grant_role`; a permission of the
    role that the actor lacks does not matter here.
    """
    own, user_id, row = _role_for(actor, user, role)
    reason = check_reason(reason)
    params = {"server": own.space_id, "user": user_id, "role": row.pk}
    if not _REVOKE.run(params, using=write_alias()):
        return False
    own.log("member.revoke", user_id, reason=reason, role_id=(row.pk, None))
    return True


def _role_below(actor: UUID, role: UUID) -> tuple[MemberAuthority, Role]:
    server = lock_server_of("role", role, actor=actor)
    own = member_authority(server, actor, asked_for=("role", role))
    return own, _manageable(own, role)


def _role_for(
    actor: User | UUID, user: User | UUID, role: Role | UUID
) -> tuple[MemberAuthority, UUID, Role]:
    actor_id, role_id = id_of("actor", actor, User), id_of("role", role, Role)
    user_id = id_of("user", user, User)
    lock_user(user_id)
    server = lock_server_of("role", role_id, actor=actor_id)
    own, _ = authority_over_member(
        server, actor=actor_id, target=user_id, asked_for=("role", role_id)
    )
    row = _manageable(own, role_id)
    _refuse_everyones(row)
    return own, user_id, row


def _manageable(own: MemberAuthority, role: UUID) -> Role:
    own.require(Permission.MANAGE_ROLES)
    row = Role.objects.using(write_alias()).filter(server_id=own.space_id, pk=role).first()
    if row is None:
        raise NotVisible("role", role, to=own.user_id)
    own.require_above(Rank(row.position, row.pk), what=f"role {role}")
    return row


def _refuse_everyones(role: Role) -> None:
    if role.position == 0:
        raise InvalidInput("role", seen="everyone's role", expected="a role above it")


def _sorted_roles(server: UUID) -> list[Role]:
    roles = Role.objects.using(write_alias()).filter(server_id=server, position__gt=0)
    return list(roles.order_by("position"))


def _set_positions(server: UUID, roles: Sequence[UUID], *, first: int) -> None:
    _SET_POSITIONS.run(
        {"server": server, "roles": list(roles), "first": first}, using=write_alias()
    )


# The key on (space_id, position) is deferred, so that positions may clash until all are set.
_SET_POSITIONS = Statement(
    """
    UPDATE roles
    SET position = wanted.number + %(first)s - 1
    FROM unnest(%(roles)s::uuid[]) WITH ORDINALITY AS wanted (id, number)
    WHERE
        roles.space_id = %(server)s
        AND roles.id = wanted.id
        AND roles.position <> wanted.number + %(first)s - 1
    """,
)
_GRANT = Statement(
    """
    INSERT INTO member_roles (space_id, user_id, role_id)
    VALUES (%(server)s, %(user)s, %(role)s)
    ON CONFLICT (space_id, user_id, role_id) DO NOTHING
    """,
)
_REVOKE = Statement(
    """
    DELETE FROM member_roles
    WHERE space_id = %(server)s AND user_id = %(user)s AND role_id = %(role)s
    """,
)
