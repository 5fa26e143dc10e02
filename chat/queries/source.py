"""The cursors of pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from chat.errors import InvalidInput
from chat.inputs import check_moment, describe, is_real_instance
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
