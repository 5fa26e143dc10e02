"""Rows of an import, each of them checked before any of its batch is written.

Row by row with the checks of chat/inputs.py: 6 µs for a message, of the 50 that its import takes.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, TypeVar

from chat.errors import InvalidInput
from chat.inputs import describe

Row = TypeVar("Row")


def check_rows(
    field: str, rows: Any, kind: type[Row], check: Callable[[Row], object], *, start: int = 0
) -> None:
    """Refuse what is no sequence of `kind`, and any row that `check` refuses, naming its place.

    The error of `check` names its column as `field`[place].column; `start` is the first place.
    """
    if not isinstance(rows, (list, tuple)):
        raise InvalidInput(field, seen=describe(rows), expected=f"a list of {kind.__name__}")
    for place, row in enumerate(rows, start):
        if type(row) is not kind:
            raise InvalidInput(
                f"{field}[{place}]", seen=describe(row), expected=f"a {kind.__name__}"
            )
        try:
            check(row)
        except InvalidInput as error:
            raise InvalidInput(
                f"{field}[{place}].{error.field}", seen=error.seen, expected=error.expected
            ) from error


def check_unique(field: str, values: Sequence[Hashable], *, column: str, start: int) -> None:
    """Refuse a value that comes twice in a column of the rows `field`, by its second place."""
    if len(set(values)) == len(values):
        return
    seen: set[Hashable] = set()
    for place, value in enumerate(values, start):
        if value in seen:
            raise InvalidInput(
                f"{field}[{place}].{column}",
                seen=f"{value!r} for the second time",
                expected="unique",
            )
        seen.add(value)
