"""INVALID indexes that an interrupted CREATE INDEX CONCURRENTLY left.

PostgreSQL keeps such an index up to date and never uses it. Left alone, it makes the same
statement fail when it is run again, or, with IF NOT EXISTS, do nothing at all.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from psycopg.sql import SQL, Identifier

_NAME: Final = r'(?:"[^"]+"|\w+)'
_QUALIFIED: Final = rf"(?:{_NAME}\s*\.\s*)?({_NAME})"
_CREATE: Final = re.compile(
    rf"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?"
    rf"(?:(?!ON\b)({_NAME})\s+)?ON\s+(?:ONLY\s+)?{_QUALIFIED}",
    re.IGNORECASE,
)

_INVALID: Final[LiteralString] = """
SELECT n.nspname, c.relname, t.relname, p.pid
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_progress_create_index AS p
    ON p.datname = current_database() AND p.relid = i.indrelid
WHERE NOT i.indisvalid AND c.relkind = 'i' AND n.nspname = ANY (current_schemas(false))
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An INVALID index on a table that the migration builds an index on.

    `is_own` when the migration itself gives it that name and nobody is building an index on the
    table now, so that it can be from nowhere else worth keeping.
    """

    schema: str
    name: str
    table: str
    is_own: bool

    def __str__(self) -> str:
        return f"{self.schema}.{self.name} on {self.table}"


def find_leftovers(
    connection: BaseDatabaseWrapper, migration: Migration, *, is_backwards: bool
) -> list[Leftover]:
    """Return the INVALID indexes that running this migration may have left; one statement."""
    built = list(_built(migration.operations, is_backwards=is_backwards))
    names = {name for name, _ in built if name}
    tables = {table for name, table in built if table and not name}
    if not built:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_INVALID)
        return [
            Leftover(
                schema=schema, name=name, table=table, is_own=name in names and builder is None
            )
            for schema, name, table, builder in cursor.fetchall()
            if name in names or table in tables
        ]


def drop_leftover(connection: BaseDatabaseWrapper, leftover: Leftover) -> None:
    """Drop the index without blocking anybody; one statement, outside of any transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(
                Identifier(leftover.schema, leftover.name)
            )
        )


def _built(
    operations: Iterable[Operation], *, is_backwards: bool
) -> Iterator[tuple[str | None, str | None]]:
    """Yield (index, table) of what is built concurrently; one of the two may not be known."""
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _built(operation.database_operations, is_backwards=is_backwards)
        elif type(operation).__name__ == _concurrent_operation(is_backwards=is_backwards):
            index = getattr(operation, "index", None)
            yield getattr(index or operation, "name", None), None
        else:
            sql = getattr(operation, "reverse_sql" if is_backwards else "sql", None)
            for script in _scripts(sql):
                for name, table in _CREATE.findall(script):
                    yield _folded(name) or None, _folded(table)


def _concurrent_operation(*, is_backwards: bool) -> str:
    # By name, because importing django.contrib.postgres is for projects that have it installed.
    return "RemoveIndexConcurrently" if is_backwards else "AddIndexConcurrently"


def _scripts(sql: Any) -> Iterator[str]:
    """Yield the statements of what RunSQL takes: a string, or a list of strings and pairs."""
    if isinstance(sql, str):
        yield sql
    elif isinstance(sql, (list, tuple)):
        for one in sql:
            yield one if isinstance(one, str) else str(one[0])


def _folded(name: str) -> str:
    """Return a name as the server keeps it."""
    return name[1:-1] if name.startswith('"') else name.lower()
