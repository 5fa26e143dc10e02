"""Why somebody may do what in a channel: explained from the tables, and asked of the database."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connections
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.db.models.functions import Now

from chat.models import Ban, Channel, ChannelPermission, MemberRole, Role, ServerMember, User
from chat.rules.permissions import Permission
from chat.rules.resolution import (
    ChannelKind,
    Explanation,
    NamedOverwrite,
    NamedRole,
    Overwrite,
    explain,
)


@dataclass(frozen=True, kw_only=True)
class AccessExplanation:
    """Why somebody may do what in a channel, and what the database's own function answers.

    With an `obstacle`, such as not being a member, there is no permission and no explanation.
    """

    obstacle: str | None
    explanation: Explanation | None
    in_database: Permission

    @property
    def permissions(self) -> Permission:
        """The permissions by the explanation; none without one."""
        return self.explanation.permissions if self.explanation else Permission(0)

    @property
    def is_confirmed(self) -> bool:
        """Whether the database answers the same."""
        return self.permissions == self.in_database


def explain_access(*, user: User, channel: Channel) -> AccessExplanation:
    """Return the explanation for a channel that was fetched with its server and its parent.

    At most four statements, two for somebody who is not a member. When somebody changes a role
    between them the two answers differ, until the page is loaded again.
    """
    in_database = _ask_database(user, channel)
    obstacle = _deleted(channel)
    member = None
    if obstacle is None:
        member = (
            ServerMember.objects.filter(server_id=channel.space_id, user_id=user.pk)
            .annotate(
                is_timed_out=ExpressionWrapper(
                    Q(timed_out_until__gt=Now()), output_field=BooleanField()
                )
            )
            .first()
        )
        obstacle = None if member else _not_a_member(user, channel)
    explanation = None
    if member is not None:
        roles = _roles(user, channel)
        explanation = _explanation(
            channel=channel,
            is_owner=channel.server.owner_id == user.pk,
            is_timed_out=bool(getattr(member, "is_timed_out", False)),
            roles=roles,
            overwrites=_overwrites(user, channel, roles),
        )
    return AccessExplanation(obstacle=obstacle, explanation=explanation, in_database=in_database)


def _ask_database(user: User, channel: Channel) -> Permission:
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT public.channel_permissions(%s, %s, %s)",
            [user.pk, channel.space_id, channel.pk],
        )
        (mask,) = cursor.fetchone()
    return Permission(mask)


def _deleted(channel: Channel) -> str | None:
    if channel.server.deleted_at is not None:
        return "The server was deleted."
    if channel.deleted_at is not None:
        return "The channel was deleted."
    if (
        channel.kind == ChannelKind.THREAD
        and channel.parent is not None
        and channel.parent.deleted_at is not None
    ):
        return "The channel that this thread belongs to was deleted."
    return None


def _not_a_member(user: User, channel: Channel) -> str:
    is_banned = (
        Ban.objects.filter(server_id=channel.space_id, user_id=user.pk)
        .filter(Q(expires_at=None) | Q(expires_at__gt=Now()))
        .exists()
    )
    banned = " They are banned from it." if is_banned else ""
    return f"{user.username} is not a member of {channel.server.name}.{banned}"


def _roles(user: User, channel: Channel) -> list[Role]:
    given = MemberRole.objects.filter(server_id=channel.space_id, user_id=user.pk)
    return list(
        Role.objects.filter(server_id=channel.space_id)
        .filter(Q(position=0) | Q(pk__in=given.values("role_id")))
        .order_by("position")
    )


def _overwrites(user: User, channel: Channel, roles: Sequence[Role]) -> list[ChannelPermission]:
    # A thread has those of its parent.
    of = (channel.kind == ChannelKind.THREAD and channel.parent_id) or channel.pk
    return list(
        ChannelPermission.objects.filter(server_id=channel.space_id, channel_id=of).filter(
            Q(user_id=user.pk) | Q(role_id__in=[role.pk for role in roles])
        )
    )


def _explanation(
    *,
    channel: Channel,
    is_owner: bool,
    is_timed_out: bool,
    roles: Sequence[Role],
    overwrites: Sequence[ChannelPermission],
) -> Explanation:
    everyone = next((role for role in roles if role.position == 0), None)
    own = [role for role in roles if role.position > 0]
    by_role = {row.role_id: Overwrite(row.allow, row.deny) for row in overwrites if row.role_id}
    of_member = next((row for row in overwrites if row.user_id), None)
    return explain(
        is_owner=is_owner,
        everyone=NamedRole(
            name=everyone.name if everyone else "everyone's role",
            permissions=everyone.permissions if everyone else 0,
        ),
        roles=[NamedRole(name=role.name, permissions=role.permissions) for role in own],
        everyone_overwrite=by_role.get(everyone.pk) if everyone else None,
        role_overwrites=[
            NamedOverwrite(name=role.name, overwrite=by_role[role.pk])
            for role in own
            if role.pk in by_role
        ],
        member_overwrite=Overwrite(of_member.allow, of_member.deny) if of_member else None,
        kind=ChannelKind(channel.kind),
        is_timed_out=is_timed_out,
    )
