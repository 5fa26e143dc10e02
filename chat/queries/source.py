"""The cursors of pages, and the servers and conversations of a user, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import InvalidInput
from chat.inputs import check_limit, check_moment, check_uuid, describe, is_real_instance
from chat.replicas import read
from chat.rules.limits import EARLIEST, LATEST


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position in a list ordered by time: moment and id of the last entry of a page.

    The id orders entries of the same moment, so that none is skipped or repeated.
    """

    at: datetime
    id: UUID


_OWN_SPACES = Statement(read_sql("queries/sql/own_spaces.sql"))


def merged(
    rows: Sequence[tuple[Any, ...]], *, edge: int, limit: int
) -> tuple[Cursor | None, list[tuple[Any, ...]]]:
    """Return where the search stopped before the page was full, if it did, and what was found.

    Newest first. After the first `edge` columns each row has the moment and the id of that edge,
    then those of what was found. On a cluster each space has rows of its own: what is older than
    the edge of any of them is left out, since that space may have more, and of the rest a page is
    returned.
    """
    edges = [row[edge : edge + 2] for row in rows if row[edge] is not None]
    bound = max(edges, default=None)
    found = [row[edge + 2 :] for row in rows if row[edge + 2] is not None]
    if bound is not None:
        found = [row for row in found if row[:2] >= bound]
    found = sorted(found, key=itemgetter(0, 1), reverse=True)[:limit]
    return (None if bound is None or len(found) == limit else Cursor(*bound)), found


# Before and after every moment that can be stored (chat.inputs.check_moment).
FIRST = Cursor(EARLIEST, UUID(int=0))
LAST = Cursor(LATEST, UUID(int=2**128 - 1))


def check_cursor(field: str, value: Any, *, default: Cursor) -> Cursor:
    """Return `value`, a Cursor, or `default` for None."""
    if value is None:
        return default
    if not isinstance(value, Cursor) or not is_real_instance(value.id, UUID):
        raise InvalidInput(
            field, seen=describe(value), expected="the cursor of a page of the same kind"
        )
    check_moment(f"{field}.at", value.at)
    return value


def of_space(space: UUID | None, *, with_archived: bool) -> dict[str, Any]:
    """Return the parameters of sql/places.sql for this space, or for all."""
    return {
        "first_space": space or FIRST.id,
        "last_space": space or LAST.id,
        "with_archived": with_archived,
    }


def own_spaces(
    user: UUID, *, after: UUID | None, limit: int, has_conversations: bool
) -> tuple[dict[str, Any] | None, UUID | None]:
    """Return the parameters of sql/places.sql for a page of a user's servers, and for the next one.

    One statement. Without archived threads. None when there are no more.
    """
    params = {
        "user": user,
        "after": FIRST.id if after is None else check_uuid("after", after),
        "has_conversations": has_conversations,
        "limit": bigint(check_limit(limit)),
    }
    spaces = read(_OWN_SPACES.values, params)
    if not spaces:
        return None, None
    page = {"first_space": spaces[0], "last_space": spaces[-1], "with_archived": False}
    return page, spaces[-1] if len(spaces) == limit else None
