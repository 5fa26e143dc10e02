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
    greatest(statistics.last_vacuum, statistics.last_autovacuum),
    greatest(statistics.last_analyze, statistics.last_autoanalyze)
FROM pg_class AS tables
LEFT JOIN pg_stat_all_tables AS statistics ON statistics.relid = tables.oid
WHERE tables.relnamespace = %s::regnamespace AND tables.relkind IN ('r', 'p')
ORDER BY pg_table_size(tables.oid) + pg_indexes_size(tables.oid) DESC, tables.relname
"""

_INDEXES: Final[LiteralString] = """
SELECT
    tables.relname,
    indexes.relname,
    coalesce(statistics.idx_scan, 0),
    pg_relation_size(indexes.oid),
    declared.indisunique,
    declared.indisvalid,
    (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database())
FROM pg_index AS declared
JOIN pg_class AS indexes ON indexes.oid = declared.indexrelid
JOIN pg_class AS tables ON tables.oid = declared.indrelid
LEFT JOIN pg_stat_all_indexes AS statistics ON statistics.indexrelid = indexes.oid
WHERE indexes.relnamespace = %s::regnamespace
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
    analyzed_at: datetime | None

    @property
    def total_bytes(self) -> int:
        """The table with its TOAST and its indexes."""
        return self.table_bytes + self.index_bytes

    @property
    def dead_ratio(self) -> float:
        """The dead rows' part of all rows, 0 when there are none."""
        kept = (self.rows or 0) + self.dead_rows
        return self.dead_rows / kept if kept else 0.0


class IndexStorage(NamedTuple):
    """One index; `scans` are counted since `counted_since`, None for since ever."""

    table: str
    name: str
    scans: int
    size_bytes: int
    is_unique: bool
    is_valid: bool
    counted_since: datetime | None

    @property
    def is_idle(self) -> bool:
        """Whether it was never used, and is not there to keep values unique either."""
        return self.scans == 0 and not self.is_unique


def table_storage(connection: BaseDatabaseWrapper, *, schema: str = "public") -> list[TableStorage]:
    """Return every table, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, (schema,))
        return [TableStorage._make(row) for row in cursor.fetchall()]


def index_storage(connection: BaseDatabaseWrapper, *, schema: str = "public") -> list[IndexStorage]:
    """Return every index, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, (schema,))
        return [IndexStorage._make(row) for row in cursor.fetchall()]
