"""What the tables and indexes take, and whether they are used; read from PostgreSQL's statistics.

Estimates where PostgreSQL keeps estimates: no table is read.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, LiteralString

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


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStorage:
    """One table; `rows` is PostgreSQL's estimate, None before the first VACUUM or ANALYZE."""

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
        """How much of what is kept is dead; 0 where nothing is known to be there."""
        kept = (self.rows or 0) + self.dead_rows
        return self.dead_rows / kept if kept else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexStorage:
    """One index; `scans` are those since `counted_since`, None when they were never reset."""

    table: str
    name: str
    scans: int
    size_bytes: int
    is_unique: bool
    is_valid: bool
    counted_since: datetime | None

    @property
    def is_idle(self) -> bool:
        """Whether nothing was ever found by it, and it keeps no rule either."""
        return self.scans == 0 and not self.is_unique


def table_storage(connection: BaseDatabaseWrapper, *, schema: str = "public") -> list[TableStorage]:
    """Return every table, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES, (schema,))
        return [
            TableStorage(
                name=name,
                rows=rows,
                dead_rows=dead_rows,
                table_bytes=table_bytes,
                index_bytes=index_bytes,
                vacuumed_at=vacuumed_at,
                analyzed_at=analyzed_at,
            )
            for (
                name,
                rows,
                dead_rows,
                table_bytes,
                index_bytes,
                vacuumed_at,
                analyzed_at,
            ) in cursor.fetchall()
        ]


def index_storage(connection: BaseDatabaseWrapper, *, schema: str = "public") -> list[IndexStorage]:
    """Return every index, the biggest first; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, (schema,))
        return [
            IndexStorage(
                table=table,
                name=name,
                scans=scans,
                size_bytes=size_bytes,
                is_unique=is_unique,
                is_valid=is_valid,
                counted_since=counted_since,
            )
            for table, name, scans, size_bytes, is_unique, is_valid, counted_since in (
                cursor.fetchall()
            )
        ]
