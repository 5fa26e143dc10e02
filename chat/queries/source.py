"""The cursors of pages, and the servers and conversations of a user, page by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chat.db.statements import Statement, bigint, read_sql
from chat.errors import InvalidInput
from chat.inputs import check_limit, check_moment, check_uuid, describe, is_real_instance
from chat.replicas import read
from chat.rules.limits import EARLIEST, LATEST

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position in a list ordered by time: moment and id of the last entry of a page.

    The id orders entries of the same moment, so that none is skipped or repeated.
    """

    at: datetime
    id: UUID


_OWN_SPACES = Statement(read_sql("queries/sql/own_spaces.sql"))


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
