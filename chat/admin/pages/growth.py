"""How the tables grew, out of what ANALYZE keeps: no table is read, and nothing is written down.

The histogram of a column cuts its values into parts of as many rows each. Ids that are UUIDs of
version 7 begin with the time at which they were made, so those cuts are moments, and how many rows
there were at a moment is how many cuts lie before it. To a hundredth part, as of the last ANALYZE.
"""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, LiteralString
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

_VERSION: Final = 7

_HISTOGRAMS: Final[LiteralString] = """
SELECT
    tables.relname,
    tables.reltuples::bigint,
    statistics.histogram_bounds::text::uuid[]
FROM pg_stats AS statistics
JOIN pg_class AS tables
    ON tables.relname = statistics.tablename
    AND tables.relnamespace = %(schema)s::text::regnamespace
JOIN pg_attribute AS ids ON ids.attrelid = tables.oid AND ids.attname = 'id'
WHERE
    statistics.schemaname = %(schema)s::text
    AND statistics.attname = 'id'
    AND statistics.histogram_bounds IS NOT NULL
    AND ids.atttypid = 'uuid'::regtype
ORDER BY tables.reltuples DESC, tables.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One table: its rows by PostgreSQL's estimate, and the moments that cut them evenly."""

    table: str
    rows: int
    cuts: tuple[datetime, ...]

    def rows_at(self, moment: datetime) -> int:
        """Return how many of the rows that are there now were there at a moment."""
        after = bisect_right(self.cuts, moment)
        if after == 0:
            return 0
        if after == len(self.cuts):
            return self.rows
        before, next_ = self.cuts[after - 1], self.cuts[after]
        part = after - 1 + (moment - before) / (next_ - before)
        return round(self.rows * part / (len(self.cuts) - 1))


def read_growth(connection: BaseDatabaseWrapper, *, schema: str = "public") -> list[Growth]:
    """Return the tables whose ids say when they were made, the biggest first; one statement.

    Without those that ANALYZE has not seen, or that this role may not read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAMS, {"schema": schema})
        return [
            Growth(table=table, rows=rows, cuts=tuple(sorted(map(_moment, bounds))))
            for table, rows, bounds in cursor.fetchall()
            if len(bounds) > 1 and all(bound.version == _VERSION for bound in bounds)
        ]


def _moment(id_: UUID) -> datetime:
    milliseconds = id_.int >> 80
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
