"""The rows that moderation locks.

The order of locks, for all services: the user's row, the server's, the invite's, the rows of
channels by id, then what belongs to them. Whatever depends on who is a member, who has which role
and where roles and channels stand locks the server's row FOR NO KEY UPDATE, so the moderation of
one server happens one after another. Joining and leaving lock it FOR SHARE: they wait for
moderation, and not for each other. No insert of a row that only points at the server waits for
either.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import Literal
from uuid import UUID

from chat.db.distributed import is_distributed
from chat.db.statements import Statement
from chat.errors import NotVisible
from chat.services.core.use_case import write_alias


class LockMode(Enum):
    """How a server's row is locked."""

    NO_KEY_UPDATE = auto()
    SHARE = auto()


def lock_server(server: UUID, *, actor: UUID, mode: LockMode = LockMode.NO_KEY_UPDATE) -> UUID:
    """Lock a server's row and return the id of its owner: one statement.

    Raises: NotVisible, when there is none or it is deleted.
    """
    owner: UUID | None = _SERVER[mode].value({"server": server}, using=write_alias())
    if owner is None:
        raise NotVisible("server", server, to=actor)
    return owner


def lock_server_of(
    what: Literal["channel", "invite", "role"],
    id: UUID,  # noqa: A002
    *,
    actor: UUID,
) -> UUID:
    """Lock the row FOR NO KEY UPDATE of the server that has this, and return its id: one statement.

    Raises: NotVisible for this, when there is none, or it or its server is deleted.
    """
    server: UUID | None = _SERVER_OF[what].value({"id": id}, using=write_alias())
    if server is None:
        raise NotVisible(what, id, to=actor)
    return server


def lock_active_user(user: UUID) -> None:
    """Lock a user's row as `lock_user` does: one statement.

    Raises: NotVisible, when there is no such user, or they were erased or switched off.
    """
    if not lock_user(user):
        raise NotVisible("user", user)


def lock_user(user: UUID) -> bool:
    """Lock a user's row FOR KEY SHARE and tell whether they can act: one statement.

    They are not erased before the end of the transaction, so that no reason for an act against
    them, or against what is theirs, comes after their erasure. Nothing is raised: a stranger to the
    server is not told whether there is such a user.
    """
    return lock_users([user]).get(user) is True


def lock_users(users: Sequence[UUID]) -> dict[UUID, bool | None]:
    """Lock users' rows FOR KEY SHARE, by id; return whether each can act, None for the erased.

    One statement; on a cluster two.
    """
    using = write_alias()
    params = {"users": sorted(users)}
    if is_distributed(using):
        _SHARE.run(params, using=using)
        return dict(_USERS.tuples(params, using=using))
    return dict(_LOCKED_USERS.tuples(params, using=using))


def lock_for_erasure(user: UUID) -> None:
    """Wait on a cluster for whoever has locked the user there; one statement, else none.

    There FOR KEY SHARE locks all of users: of two who lock any row and then write what points at
    users, each waits for the other. So the users are locked by name, where all sessions come in.
    """
    if is_distributed(write_alias()):
        _EXCLUDE.run({"users": [user]}, using=write_alias())


_SERVER = {
    LockMode.NO_KEY_UPDATE: Statement(
        """
        SELECT owner_id
        FROM servers
        WHERE space_id = %(server)s AND deleted_at IS NULL
        FOR NO KEY UPDATE
        """
    ),
    LockMode.SHARE: Statement(
        """
        SELECT owner_id
        FROM servers
        WHERE space_id = %(server)s AND deleted_at IS NULL
        FOR SHARE
        """
    ),
}
_SERVER_OF = {
    # A conversation has no server.
    "channel": Statement(
        """
        SELECT id
        FROM servers
        WHERE
            space_id = (SELECT space_id FROM channels WHERE id = %(id)s AND deleted_at IS NULL)
            AND deleted_at IS NULL
        FOR NO KEY UPDATE
        """
    ),
    "invite": Statement(
        """
        SELECT id
        FROM servers
        WHERE
            space_id = (SELECT space_id FROM invites WHERE id = %(id)s)
            AND deleted_at IS NULL
        FOR NO KEY UPDATE
        """
    ),
    "role": Statement(
        """
        SELECT id
        FROM servers
        WHERE
            space_id = (SELECT space_id FROM roles WHERE id = %(id)s)
            AND deleted_at IS NULL
        FOR NO KEY UPDATE
        """
    ),
}
_USERS = Statement(
    """
    SELECT id, CASE WHEN erased_at IS NULL THEN is_active END
    FROM users
    WHERE id = ANY (%(users)s::uuid[])
    ORDER BY id
    """
)
_LOCKED_USERS = Statement(f"{_USERS.sql} FOR KEY SHARE")
_SHARE = Statement(
    """
    SELECT pg_advisory_xact_lock_shared(hashtextextended(id::text, 0))
    FROM unnest(%(users)s::uuid[]) AS locked (id)
    """
)
_EXCLUDE = Statement(_SHARE.sql.replace("_lock_shared", "_lock"))
