"""How many rows a table has and how many values a column, exactly or about."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import Final

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.sql import SQL, Composed, Identifier, Literal

from chat.schema.rollback.relations import Relation
from chat.schema.rollback.time_limit import rolled_back, sqlstate

LOCK_TIMEOUT: Final = timedelta(seconds=1)
TIME_LIMIT: Final = timedelta(seconds=10)

# lock_not_available, query_canceled, insufficient_privilege
_UNCOUNTABLE: Final = frozenset({"55P03", "57014", "42501"})


class Precision(IntEnum):
    """How far a number can be trusted, the best first."""

    EXACT = 0
    AT_MOST = 1
    ABOUT = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Count:
    """A number of rows or values; an unknown one has the number 0."""

    number: int
    precision: Precision = Precision.EXACT

    @property
    def is_nothing(self) -> bool:
        """Whether it is certain that there is none."""
        return self.precision <= Precision.AT_MOST and self.number == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounts:
    """The rows of a table, and by its name the values of each column asked for."""

    rows: Count
    values: dict[str, Count]


def count_table(
    connection: BaseDatabaseWrapper,
    relation: Relation,
    *,
    columns: Sequence[str],
    row_budget: int,
) -> TableCounts:
    """Return the number of rows of a table itself, and of the values of some of its columns.

    Exact up to `row_budget` rows, of which no more than that are read; above it, and where the
    table cannot be read in time, from the planner's statistics. Partitions and children are tables
    of their own. Takes ACCESS SHARE, waits for it at most a second, reads at most ten.
    """
    if relation.estimated_rows <= row_budget:
        try:
            counted = _counted(connection, relation, columns=columns, row_budget=row_budget)
        except Error as exc:
            if sqlstate(exc) not in _UNCOUNTABLE:
                raise
            counted = None
        if isinstance(counted, TableCounts):
            return counted
        known = counted or relation.estimated_rows
    else:
        known = relation.estimated_rows
    rows = Count(known, Precision.ABOUT) if known > 0 else Count(0, Precision.UNKNOWN)
    return _estimated(connection, relation, columns=columns, rows=rows)


def total(counts: Iterable[Count]) -> Count:
    """Return the sum, which is as good as the worst of its parts."""
    counts = list(counts)
    return Count(
        sum(count.number for count in counts),
        max((count.precision for count in counts), default=Precision.EXACT),
    )


def _counted(
    connection: BaseDatabaseWrapper, relation: Relation, *, columns: Sequence[str], row_budget: int
) -> TableCounts | int:
    """Return exact counts, or the planner's number of rows if the table is beyond the budget."""
    table = Identifier(relation.schema, relation.name)
    names = [Identifier(column) for column in columns]
    statement = SQL("SELECT {} FROM (SELECT {} FROM ONLY {} LIMIT {}) AS counted").format(
        SQL(", ").join([SQL("count(*)"), *(SQL("count({})").format(name) for name in names)]),
        SQL(", ").join(names),
        table,
        Literal(row_budget + 1),
    )
    with (
        rolled_back(connection, lock_timeout=LOCK_TIMEOUT, time_limit=TIME_LIMIT),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
        rows, *values = cursor.fetchone() or (0,)
        if rows > row_budget:
            return max(rows, _planned(connection, table))
        return TableCounts(
            rows=Count(rows),
            values={column: Count(number) for column, number in zip(columns, values, strict=True)},
        )


def _planned(connection: BaseDatabaseWrapper, table: Identifier) -> int:
    explain: Composed = SQL("EXPLAIN (FORMAT JSON) SELECT FROM ONLY {}").format(table)
    with connection.cursor() as cursor:
        cursor.execute(explain)
        row = cursor.fetchone()
    return int(row[0][0]["Plan"]["Plan Rows"]) if row else 0


def _estimated(
    connection: BaseDatabaseWrapper, relation: Relation, *, columns: Sequence[str], rows: Count
) -> TableCounts:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, null_frac FROM pg_stats "
            "WHERE schemaname = %s AND tablename = %s AND NOT inherited",
            [relation.schema, relation.name],
        )
        null_fractions = dict(cursor.fetchall())
    return TableCounts(
        rows=rows,
        values={column: _values(rows, null_fractions.get(column)) for column in columns},
    )


def _values(rows: Count, null_fraction: float | None) -> Count:
    if rows.precision is Precision.UNKNOWN:
        return rows
    if null_fraction is None:
        return Count(rows.number, Precision.AT_MOST)
    return Count(round(rows.number * (1 - null_fraction)), Precision.ABOUT)
