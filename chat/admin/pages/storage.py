"""The sizes of tables and indexes, and whether these are used, from PostgreSQL's statistics.

No table is read, so numbers of rows are estimates.
"""

from datetime import datetime
from typing import Final, LiteralString, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper

_TABLES: Final[LiteralString] = """
SELECT
    tables.relname,
    nullif(tables.reltuples, -1)::bigint,
    coalesce(statistics.n_dead_tup, 0),
    pg_table_size(tables.oid),
    pg_indexes_size(tables.oid),
    greatest(statistics.last_vacuum, statistics.last_autovacuum)
FROM pg_class AS tables
LEFT JOIN pg_stat_all_tables AS statistics ON statistics.relid = tables.oid
WHERE tables.relnamespace = 'public'::regnamespace AND tables.relkind IN ('r', 'p')
ORDER BY pg_table_size(tables.oid) + pg_indexes_size(tables.oid) DESC, tables.relname
"""

_INDEXES: Final[LiteralString] = """
SELECT
    tables.relname,
    indexes.relname,
    coalesce(statistics.idx_scan, 0),
    pg_relation_size(indexes.oid),
    declared.indisunique,
    declared.indisvalid
FROM pg_index AS declared
JOIN pg_class AS indexes ON indexes.oid = declared.indexrelid
JOIN pg_class AS tables ON tables.oid = declared.indrelid
LEFT JOIN pg_stat_all_indexes AS statistics ON statistics.indexrelid = indexes.oid
WHERE indexes.relnamespace = 'public'::regnamespace
ORDER BY pg_relation_size(indexes.oid) DESC, indexes.relname
"""


class TableStorage(NamedTuple):
    """One table; `rows` is an estimate, None before the first VACUUM or ANALYZE."""

    name: str
    rows: int | None
    dead_rows: int
    table_bytes: int
    index_bytes: int
    vacuumed_at: datetime | None

    @property
    def dead_ratio(self) -> float:
        """The dead rows' part of all rows, 0 when there are none."""
        kept = (self.rows or 0) + self.dead_rows
        return self.dead_rows / kept if kept else 0.0


class IndexStorage(NamedTuple):
    """One index; `scans` are counted since the statistics were last reset."""

    table: str
    name: str
    scans: int
    size_bytes: int
    is_unique: bool
    is_valid: bool

    @property
    def is_idle(self) -> bool:
        """Whether it was never used, and is not there to keep values unique either."""
        return self.scans == 0 and not self.is_unique


def table_storage(connection: BaseDatabaseWrapper) -> list[TableStorage]:
    """Return every table, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        return [TableStorage._make(row) for row in cursor.fetchall()]


def index_storage(connection: BaseDatabaseWrapper) -> list[IndexStorage]:
    """Return every index, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        return [IndexStorage._make(row) for row in cursor.fetchall()]
