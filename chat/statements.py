"""SQL that is kept in files and run, prepared, on Django's own connection.

For the hot paths alone: what is asked often is one statement, written by hand, and its rows become
slotted dataclasses without models in between. It runs through Django's cursor, so transactions,
routers and the counting of queries know of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

Row = TypeVar("Row")

# psycopg looks for the placeholders of a longer statement at each execution anew
# (psycopg._queries.MAX_CACHED_STATEMENT_LENGTH).
LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Statement(Generic[Row]):
    """One SQL statement with %(name)s for its parameters, and what becomes of a row.

    `row` is called with the columns in the order of the SELECT.
    """

    sql: str
    row: Callable[..., Row]

    @classmethod
    def read(cls, path: Path, row: Callable[..., Row]) -> Statement[Row]:
        """Return the statement that is in the file at `path`, without its comment lines."""
        lines = path.read_text(encoding="utf-8").splitlines()
        sql = "\n".join(line for line in lines if not line.lstrip().startswith("--")).strip()
        if len(sql.encode()) > LONGEST:
            raise ValueError(f"{path.name} is longer than {LONGEST} bytes without its comments")
        return cls(sql=sql, row=row)

    def rows(self, params: Mapping[str, Any], *, using: str) -> list[Row]:
        """Run the statement on the connection `using` and return all its rows: one statement."""
        row = self.row
        with connections[using].cursor() as cursor:
            cursor.execute(self.sql, params)
            return [row(*values) for values in cursor.fetchall()]

    def first(self, params: Mapping[str, Any], *, using: str) -> Row | None:
        """Run the statement and return its first row, or None: one statement."""
        with connections[using].cursor() as cursor:
            cursor.execute(self.sql, params)
            values = cursor.fetchone()
        return None if values is None else self.row(*values)
