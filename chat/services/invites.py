"""Invites: codes that make their users members of a server."""

import secrets
from datetime import datetime
from uuid import UUID

from chat.db.statements import Statement
from chat.errors import InvalidInput, InviteUnusable, NotVisible
from chat.inputs import check_moment, check_number, check_reason, check_text, id_of
from chat.models import Channel, Invite, Server, ServerMember, User
from chat.rules.limits import INVITE_USES_LIMIT
from chat.rules.permissions import Permission
from chat.services.core.authority import channel_authority, member_authority
from chat.services.core.locks import lock_active_user, lock_server, lock_server_of
from chat.services.core.use_case import save_fields, use_case, write_alias
from chat.services.members import admit

# Without letters and digits that look or sound alike.
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
# 57 to the 12th: 70 bits, too many to guess.
_CODE_LENGTH = 12


@use_case
def create_invite(
    *,
    actor: User | UUID,
    server: Server | UUID,
    channel: Channel | UUID | None = None,
    max_uses: int | None = None,
    expires_at: datetime | None = None,
) -> Invite:
    """Create an invite to a server or to one of its channels; needs CREATE_INSTANT_INVITE there.

    Without `max_uses` it can be used any number of times, without `expires_at` for ever. Four
    statements, five with a channel. Locks the server's row. Raises: InvalidInput, NotVisible,
    MissingPermission, TimedOut.
    """
    actor_id, server_id = id_of("actor", actor, User), id_of("server", server, Server)
    channel_id = None if channel is None else id_of("channel", channel, Channel)
    if max_uses is not None:
        max_uses = check_number("max_uses", max_uses, least=1, most=INVITE_USES_LIMIT)
    if expires_at is not None:
        expires_at = check_moment("expires_at", expires_at)

    lock_server(server_id, actor=actor_id)
    own = member_authority(server_id, actor_id)
    if channel_id is None:
        own.require(Permission.CREATE_INSTANT_INVITE)
    else:
        channel_authority(own, channel_id).require(Permission.CREATE_INSTANT_INVITE)
    if expires_at is not None and expires_at <= own.asked_at:
        raise InvalidInput(
            "expires_at", seen=expires_at.isoformat(), expected="a moment in the future"
        )
    (columns,) = _CREATE.tuples(
        {
            "server": server_id,
            "channel": channel_id,
            "code": "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH)),
            "creator": actor_id,
            "max_uses": max_uses,
            "expires_at": expires_at,
        },
        using=write_alias(),
    )
    invite = Invite.from_db(write_alias(), (), columns)
    own.log(
        "invite.create",
        invite.pk,
        channel_id=(None, channel_id),
        max_uses=(None, max_uses),
        expires_at=(None, expires_at),
    )
    return invite


@use_case
def redeem_invite(*, user: User | UUID, code: str) -> ServerMember:
    """Make a user a member by an invite, and count that use.

    Earlier messages count as read. For a member nothing changes and no use is counted, even if the
    invite has ended. Five statements, four for a member. Locks the user's row FOR KEY SHARE, the
    server's FOR SHARE and the invite's. Raises: InvalidInput; InviteUnusable; NotVisible, when
    there is no such user; Banned; DatabaseRefused, in a transaction of the caller's that is not
    READ COMMITTED.
    """
    user_id = id_of("user", user, User)
    code = check_text("code", code, least=1, most=100)

    lock_active_user(user_id)
    server_id = _SHARE_SERVER.value({"code": code}, using=write_alias())
    if server_id is None:
        raise InviteUnusable(f"There is no invite {code!r}.")
    # The invite last: its row is the one that many users wait for at once.
    params = {"server": server_id, "code": code}
    if admit(server_id, user_id) and not _USE.run(params, using=write_alias()):
        raise InviteUnusable(f"Invite {code!r} is used up, expired or revoked.")
    return ServerMember.objects.using(write_alias()).get(server_id=server_id, user_id=user_id)


@use_case
def revoke_invite(*, actor: User | UUID, invite: Invite | UUID, reason: str = "") -> Invite:
    """End an invite; its users stay members. A second time changes nothing.

    The actor's own needs no permission, another's MANAGE_GUILD, or MANAGE_CHANNELS in the invite's
    channel. Five statements, six for a channel's, two fewer when it has ended. Locks the server's
    row, then the invite's. Raises: InvalidInput, NotVisible, MissingPermission, TimedOut.
    """
    actor_id, invite_id = id_of("actor", actor, User), id_of("invite", invite, Invite)
    reason = check_reason(reason)

    server_id = lock_server_of("invite", invite_id, actor=actor_id)
    own = member_authority(server_id, actor_id, asked_for=("invite", invite_id))
    # Locked: an erasure of the creator's account deletes it.
    known = Invite.objects.using(write_alias()).select_for_update(no_key=True)
    row = known.filter(server_id=server_id, pk=invite_id).first()
    if row is None:
        raise NotVisible("invite", invite_id, to=actor_id)
    if row.creator_id != actor_id and not own.may(Permission.MANAGE_GUILD):
        if row.channel_id is None:
            own.require(Permission.MANAGE_GUILD)
        else:
            channel_authority(own, row.channel_id).require(Permission.MANAGE_CHANNELS)
    if row.revoked_at is None:
        save_fields(row, {"revoked_at": own.asked_at})
        own.log("invite.revoke", invite_id, reason=reason, revoked_at=(None, row.revoked_at))
    return row


# The code first, which no other invite of any server has had. The columns are all, in the model's
# order.
_CREATE = Statement(
    """
    WITH coded AS (
        INSERT INTO invite_codes (code, space_id)
        VALUES (%(code)s, %(server)s)
    )
    INSERT INTO invites (space_id, channel_id, code, creator_id, max_uses, expires_at)
    VALUES (
        %(server)s, %(channel)s, %(code)s, %(creator)s, %(max_uses)s, %(expires_at)s
    )
    RETURNING
        id, created_at, updated_at, space_id, channel_id, code, creator_id, max_uses, uses,
        expires_at, revoked_at
    """,
)
_SHARE_SERVER = Statement(
    """
    SELECT id
    FROM servers
    WHERE
        space_id = (SELECT space_id FROM invite_codes WHERE code = %(code)s)
        AND deleted_at IS NULL
    FOR SHARE
    """,
)
# The second of two waits for the first, and then sees what is left.
_USE = Statement(
    """
    UPDATE invites
    SET uses = uses + 1
    WHERE
        space_id = %(server)s
        AND code = %(code)s
        AND revoked_at IS NULL
        AND (expires_at IS NULL OR expires_at > statement_timestamp())
        AND (max_uses IS NULL OR uses < max_uses)
    """,
)
