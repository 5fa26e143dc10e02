"""How the tables grew, from the statistics that ANALYZE keeps: no table is read.

The histogram of a column has the bounds of buckets with equally many rows. Ids that are UUIDs of
version 7 begin with the time of their creation, so the bounds are times, and the number of bounds
before a time tells how many rows there were then: to one percent, as of the last ANALYZE.
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
    AND tables.relnamespace = 'public'::regnamespace
JOIN pg_attribute AS ids ON ids.attrelid = tables.oid AND ids.attname = 'id'
WHERE
    statistics.schemaname = 'public'
    AND statistics.attname = 'id'
    AND statistics.histogram_bounds IS NOT NULL
    AND ids.atttypid = 'uuid'::regtype
    -- Where a cluster has taken the rows away, the histogram is that of before.
    AND tables.reltuples > 0
ORDER BY tables.reltuples DESC, tables.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """One table: its rows by PostgreSQL's estimate, and the times between buckets of equal size."""

    table: str
    rows: int
    bounds: tuple[datetime, ...]

    def rows_at(self, moment: datetime) -> int:
        """Return how many of the rows of today were there at a time."""
        after = bisect_right(self.bounds, moment)
        if after == 0:
            return 0
        if after == len(self.bounds):
            return self.rows
        before, next_ = self.bounds[after - 1], self.bounds[after]
        part = after - 1 + (moment - before) / (next_ - before)
        return round(self.rows * part / (len(self.bounds) - 1))


def read_growth(connection: BaseDatabaseWrapper) -> list[Growth]:
    """Return the tables whose ids have the time in them, the biggest first; one statement.

    Without those that ANALYZE has not seen, or that this role may not read.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HISTOGRAMS)
        return [
            Growth(table=table, rows=rows, bounds=tuple(sorted(map(_moment, ids))))
            for table, rows, ids in cursor.fetchall()
            if len(ids) > 1 and all(id_.version == _VERSION for id_ in ids)
        ]


def _moment(id_: UUID) -> datetime:
    milliseconds = id_.int >> 80
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)
