"""The locks that moderation takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat.db.statements import Statement
from chat.errors import NotVisible
from chat.services.core.use_case import alias

if TYPE_CHECKING:
    from uuid import UUID


def lock_server(server: UUID, *, actor: UUID) -> None:
    """Lock a server's row for the moderation of it: one statement.

    Raises: NotVisible, when there is none or it is deleted.
    """
    if not _LOCK.run({"server": server}, using=alias()):
        raise NotVisible("server", server, to=actor)


def lock_server_of_channel(channel: UUID, *, actor: UUID) -> UUID:
    """Lock the row of a channel's server and return its id: one statement. Raises: NotVisible."""
    server: UUID | None = _LOCK_OF_CHANNEL.value({"channel": channel}, using=alias())
    if server is None:
        raise NotVisible("channel", channel, to=actor)
    return server


def lock_server_of_role(role: UUID, *, actor: UUID) -> UUID:
    """Lock the row of a role's server and return its id: one statement. Raises: NotVisible."""
    server: UUID | None = _LOCK_OF_ROLE.value({"role": role}, using=alias())
    if server is None:
        raise NotVisible("role", role, to=actor)
    return server


def share_server(server: UUID, *, user: UUID) -> UUID:
    """Lock a server's row FOR SHARE, beside others who do, and return who owns it: one statement.

    Raises: NotVisible, when there is none or it is deleted.
    """
    owner: UUID | None = _SHARE.value({"server": server}, using=alias())
    if owner is None:
        raise NotVisible("server", server, to=user)
    return owner


def require_user(user: UUID) -> None:
    """Lock a user's row as `lock_user` does: one statement.

    Raises: NotVisible, when there is no such user or it was erased or switched off.
    """
    if not lock_user(user):
        raise NotVisible("user", user)


def lock_user(user: UUID) -> bool:
    """Lock a user's row FOR KEY SHARE and tell whether they can act: one statement.

    They are not erased before the end of the transaction, so whoever acts against them, or against
    what is theirs, leaves no reason behind that the erasure does not see. Nothing is raised: a
    stranger to the server is to be told nothing about the user.
    """
    return _LOCK_USER.value({"user": user}, using=alias()) is True


_LOCK = Statement(
    "SELECT id FROM servers WHERE space_id = %(server)s AND deleted_at IS NULL FOR NO KEY UPDATE",
)


# Of a conversation there is no server.
_LOCK_OF_CHANNEL = Statement(
    """
    SELECT id
    FROM servers
    WHERE
        space_id = (SELECT space_id FROM channels WHERE id = %(channel)s AND deleted_at IS NULL)
        AND deleted_at IS NULL
    FOR NO KEY UPDATE
    """,
)


_LOCK_OF_ROLE = Statement(
    """
    SELECT id
    FROM servers
    WHERE
        space_id = (SELECT space_id FROM roles WHERE id = %(role)s)
        AND deleted_at IS NULL
    FOR NO KEY UPDATE
    """,
)


_SHARE = Statement(
    "SELECT owner_id FROM servers WHERE space_id = %(server)s AND deleted_at IS NULL FOR SHARE",
)


_LOCK_USER = Statement(
    "SELECT erased_at IS NULL AND is_active FROM users WHERE id = %(user)s FOR KEY SHARE",
)
