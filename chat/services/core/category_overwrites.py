"""The overwrites that a channel takes from its category."""

from uuid import UUID

from django.db.models import Q

from chat.db.statements import Statement
from chat.models import ChannelPermission
from chat.services.core.use_case import write_alias

# By role and user, of which one is None: what is allowed and what is denied.
_Overwrites = dict[tuple["UUID | None", "UUID | None"], tuple[int, int]]


def copy_overwrites(server: UUID, *, category: UUID, channel: UUID) -> None:
    """Give a new channel the overwrites of its category: one statement."""
    _COPY.run({"server": server, "category": category, "channel": channel}, using=write_alias())


def take_overwrites(server: UUID, *, channel: UUID, left: UUID | None, entered: UUID) -> None:
    """Make a channel that was moved as hidden as its new category: one to three statements.

    One that had the overwrites of the category that it left gets those of the one it entered; any
    other keeps its own, and in addition denies what the category denies. Rows that stay are not
    touched, and others are deleted last: those who can read before and after can read in between
    too, and so keep what they have not read.
    """
    rows = ChannelPermission.objects.using(write_alias()).filter(server_id=server)
    found: dict[UUID | None, _Overwrites] = {}
    for row in rows.filter(channel_id__in=[each for each in (channel, left, entered) if each]):
        overwrites = found.setdefault(row.channel_id, {})
        overwrites[row.role_id, row.user_id] = (row.allow, row.deny)
    own, category = found.get(channel, {}), found.get(entered, {})
    wanted = category
    if own != found.get(left, {}):
        wanted = dict(own)
        for target, (_, deny) in category.items():
            if deny:
                allowed, denied = own.get(target, (0, 0))
                wanted[target] = (allowed & ~deny, denied | deny)
    changed = [
        ChannelPermission(
            server_id=server, channel_id=channel, role_id=role, user_id=user, allow=allow, deny=deny
        )
        for (role, user), (allow, deny) in wanted.items()
        if own.get((role, user)) != (allow, deny)
    ]
    if changed:
        ChannelPermission.objects.using(write_alias()).bulk_create(
            changed,
            update_conflicts=True,
            unique_fields=["server", "channel", "role", "user"],
            update_fields=["allow", "deny"],
        )
    gone = Q()
    for role, user in own.keys() - wanted.keys():
        gone |= Q(role_id=role, user_id=user)
    if gone:
        rows.filter(gone, channel_id=channel).delete()


_COPY = Statement(
    """
    INSERT INTO channel_permissions (space_id, channel_id, role_id, user_id, allow, deny)
    SELECT space_id, %(channel)s, role_id, user_id, allow, deny
    FROM channel_permissions
    WHERE space_id = %(server)s AND channel_id = %(category)s
    """
)
