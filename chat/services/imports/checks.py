"""Batches of rows, checked before any of them is written.

A column at a time, at the speed of C; only when something is wrong, row by row, to say which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from chat.errors import InvalidInput
from chat.inputs import check_moment, check_name, check_text, shown
from chat.rules.limits import EARLIEST, LATEST
from chat.rules.names import is_legible

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_rows(field: str, rows: Any, kind: type[Any], *, start: int = 0) -> None:
    """Refuse what is no sequence of `kind`, naming the place of the first that is none."""
    if not isinstance(rows, (list, tuple)):
        raise InvalidInput(field, seen=shown(rows), expected=f"a list of {kind.__name__}")
    if not set(map(type, rows)) <= {kind}:
        for place, row in enumerate(rows, start):
            if type(row) is not kind:
                raise InvalidInput(
                    f"{field}[{place}]", seen=shown(row), expected=f"a {kind.__name__}"
                )


def check_ids(field: str, values: Sequence[Any], *, start: int = 0, optional: bool = False) -> None:
    """Refuse what is no UUID, naming the place of the first."""
    allowed = {UUID, type(None)} if optional else {UUID}
    if not set(map(type, values)) <= allowed:
        for place, value in enumerate(values, start):
            if type(value) not in allowed:
                raise InvalidInput(_at(field, place), seen=shown(value), expected="a UUID")


def check_unique(field: str, values: Sequence[Any], *, start: int = 0) -> None:
    """Refuse a value that comes twice."""
    if len(set(values)) != len(values):
        seen = set()
        for place, value in enumerate(values, start):
            if value in seen:
                raise InvalidInput(
                    _at(field, place), seen=f"{value!r} for the second time", expected="unique"
                )
            seen.add(value)


def check_texts(
    field: str,
    values: Sequence[Any],
    *,
    least: int = 0,
    most: int,
    start: int = 0,
    optional: bool = False,
) -> None:
    """Refuse a text that is too long or too short, or that PostgreSQL cannot store."""
    given: Sequence[Any] = [value for value in values if value is not None] if optional else values
    if not given:
        return
    try:
        together = "".join(given)
        together.encode()
        lengths = set(map(len, given))
        if "\0" not in together and min(lengths) >= least and max(lengths) <= most:
            return
    except (TypeError, UnicodeEncodeError):
        pass
    for place, value in enumerate(values, start):
        if value is not None or not optional:
            check_text(_at(field, place), value, least=least, most=most)


def check_names(
    field: str,
    values: Sequence[Any],
    *,
    least: int = 1,
    most: int,
    start: int = 0,
    optional: bool = False,
) -> None:
    """Refuse what `check_texts` does, and a name that nobody could read, naming the place."""
    check_texts(field, values, least=least, most=most, start=start, optional=optional)
    if not all(map(is_legible, filter(None, values))):
        for place, value in enumerate(values, start):
            if value is not None:
                check_name(_at(field, place), value, least=least, most=most)


def check_moments(field: str, values: Sequence[Any], *, start: int = 0) -> None:
    """Refuse a moment without a time zone, or of a year that some client cannot read; None goes."""
    given = [value for value in values if value is not None]
    if not given:
        return
    try:
        if min(given) >= EARLIEST and max(given) < LATEST:
            return
    except TypeError:
        pass
    for place, value in enumerate(values, start):
        if value is not None:
            check_moment(_at(field, place), value)


def _at(field: str, place: int) -> str:
    rows, _, column = field.rpartition(".")
    return f"{rows}[{place}].{column}"
