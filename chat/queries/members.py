"""The members of a server."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import NotVisible
from chat.inputs import check_limit, id_of
from chat.models import Server, User
from chat.queries.source import FIRST, Cursor, check_cursor
from chat.replicas import read

_MEMBER_PAGE = Statement(read_sql("queries/sql/member_page.sql"))


class Member(NamedTuple):
    """A member in the list of members."""

    user_id: UUID
    joined_at: datetime
    username: str
    # The first there is of nickname, display name and username.
    name: str
    avatar_key: str | None
    # chat.models.User.Kind
    kind: str
    nickname: str | None
    timed_out_until: datetime | None
    # Highest first, without everyone's.
    role_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Members in the order in which they joined."""

    members: tuple[Member, ...]
    # Pass it as `after` for members who joined later; None when there are none.
    next: Cursor | None


def member_page(
    *,
    viewer: User | UUID,
    server: Server | UUID,
    after: Cursor | None = None,
    limit: int = 50,
) -> MemberPage:
    """Return members of a server, first who joined first, at most `limit`: one statement.

    Raises: InvalidInput; NotVisible for a server that `viewer` is not in.
    """
    viewer_id = id_of("viewer", viewer, User)
    server_id = id_of("server", server, Server)
    cursor = check_cursor("after", after, default=FIRST)
    params = {
        "viewer": viewer_id,
        "server": server_id,
        "after_at": cursor.at,
        "after_id": cursor.id,
        "limit": bigint(check_limit(limit)),
    }
    rows = read(_MEMBER_PAGE.tuples, params)
    if not rows:
        raise NotVisible("server", server_id, to=viewer_id)
    members = tuple(
        Member._make((*known, tuple(role_ids))) for *known, role_ids in rows if known[0] is not None
    )
    last = members[-1] if len(members) == limit else None
    return MemberPage(
        members=members, next=None if last is None else Cursor(last.joined_at, last.user_id)
    )
