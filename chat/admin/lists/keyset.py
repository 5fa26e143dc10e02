"""Keyset pagination: each page is as fast as the first, and nothing is counted.

Knows querysets and nothing of the admin.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from django.core.exceptions import ValidationError
from django.db import connections
from django.db.models import F, Model, QuerySet
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from chat.db.distributed import is_distributed


class CursorError(Exception):
    """A cursor that no page in this order has made."""


@dataclass(frozen=True, kw_only=True)
class KeysetPage:
    """Rows in the order of the list, and the cursors of the previous and the next page, if any."""

    rows: list[Any]
    before: str | None
    after: str | None


def keyset_page(
    queryset: QuerySet[Any],
    *,
    order: Sequence[str],
    size: int,
    before: str | None = None,
    after: str | None = None,
) -> KeysetPage:
    """Return the page that ends before one cursor or begins after another; one statement.

    `order` names columns that no two rows share, all rising or all falling ("-"), none NULL.

    Raises:
        CursorError: the cursor was not made by a page in this order.
    """
    names = [name.removeprefix("-") for name in order]
    is_falling = order[0].startswith("-")
    is_backwards = before is not None and after is None
    ordered = queryset.order_by(*(_reversed(name) if is_backwards else name for name in order))
    cursor = before if is_backwards else after
    if cursor is not None:
        values = _decode(queryset.model, names, cursor)
        beyond = TupleLessThan if is_falling is not is_backwards else TupleGreaterThan
        ordered = ordered.filter(beyond(Tuple(*map(F, names)), values))
    found = list(ordered[: size + 1])
    has_more = len(found) > size
    rows = found[:size][::-1] if is_backwards else found[:size]
    came_from = cursor is not None
    return KeysetPage(
        rows=rows,
        before=_encode(names, rows[0])
        if rows and (has_more if is_backwards else came_from)
        else None,
        after=_encode(names, rows[-1])
        if rows and (came_from if is_backwards else has_more)
        else None,
    )


def cursor_at(*values: object) -> str:
    """Return the cursor of a row with these values in the columns of the order."""
    return ",".join(quote(str(value), safe="") for value in values)


def estimated_rows(queryset: QuerySet[Any]) -> int:
    """Return how many rows the planner expects, from statistics alone; one statement, no scan.

    On a cluster two, in a transaction of the caller's.
    """
    if queryset.query.is_empty():
        return 0
    if is_distributed(queryset.db):
        with connections[queryset.db].cursor() as cursor:
            cursor.execute("SET LOCAL citus.explain_all_tasks = on")
    plan = json.loads(queryset.order_by().explain(format="json"))[0]["Plan"]
    if "Distributed Query" not in plan:
        return int(plan["Plan Rows"])
    tasks = plan["Distributed Query"]["Job"]["Tasks"]
    expected = [int(task["Remote Plan"][0][0]["Plan"]["Plan Rows"]) for task in tasks]
    # Where there is none, a part expects one.
    return sum(rows for rows in expected if rows > 1) or len(expected)


def _reversed(name: str) -> str:
    return name.removeprefix("-") if name.startswith("-") else f"-{name}"


def _encode(names: Sequence[str], row: Model) -> str:
    return cursor_at(*(getattr(row, name) for name in names))


def _decode(model: type[Model], names: Sequence[str], cursor: str) -> tuple[Any, ...]:
    parts = [unquote(part) for part in cursor.split(",")]
    if len(parts) != len(names) or "\x00" in "".join(parts):
        raise CursorError(cursor)
    options = model._meta
    fields: list[Any] = [options.pk if name == "pk" else options.get_field(name) for name in names]
    try:
        values = tuple(field.to_python(part) for field, part in zip(fields, parts, strict=True))
        for field, value in zip(fields, values, strict=True):
            field.run_validators(value)
    except ValidationError as error:
        raise CursorError(cursor) from error
    return values
