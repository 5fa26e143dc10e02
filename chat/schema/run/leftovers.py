"""INVALID indexes: what CREATE INDEX CONCURRENTLY leaves when it is cut off.

PostgreSQL keeps such an index up to date and never uses it. The statement that was to make it fails
on it the next time, or, with IF NOT EXISTS, does nothing at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import Diagnostic, DuplicateTable
from psycopg.rows import class_row
from psycopg.sql import SQL, Identifier

from chat.schema.catalogue.objects import Catalogue, ObjectKind

# A session may be building it that has a lock which building an index takes or excludes;
# pg_stat_progress_create_index hides what other roles build. Autovacuum, which has no user, builds
# none.
_INVALID: Final[LiteralString] = """
SELECT n.nspname AS schema, c.relname AS name, i.indrelid::regclass::text AS table, (
           SELECT min(l.pid)
           FROM pg_locks AS l
           JOIN pg_stat_activity AS a ON a.pid = l.pid
           WHERE l.locktype = 'relation'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.relation IN (i.indrelid, i.indexrelid)
             AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
             AND l.pid <> pg_backend_pid()
             AND a.usesysid IS NOT NULL
       ) AS builder_pid,
       format('%I.%I', n.nspname, c.relname) AS qualified_name
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname = ANY (current_schemas(false)) AND NOT i.indisvalid
ORDER BY c.relname
"""
_GAP: Final = r"(?:\s|/\*.*?\*/|--[^\n]*)+"
_IF_NOT_EXISTS: Final = re.compile(rf"\bIF{_GAP}NOT{_GAP}EXISTS\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class InvalidIndex:
    """An INVALID index; `builder_pid` is a server process that may be building it just now."""

    schema: str
    name: str
    qualified_name: str
    table: str
    builder_pid: int | None

    def __str__(self) -> str:
        return f"INVALID index {self.qualified_name} on {self.table}"


def find_leftovers(
    connection: BaseDatabaseWrapper, *, before: Catalogue | None
) -> list[InvalidIndex]:
    """Return the INVALID indexes that were not there before, by name; one statement.

    `before` is the catalogue from when the interrupted migration was begun; without it none are
    known.
    """
    if before is None:
        return []
    known = before.of_kind(ObjectKind.INDEX)
    return [index for index in _find_invalid(connection) if index.qualified_name not in known]


def drop_index(connection: BaseDatabaseWrapper, index: InvalidIndex) -> None:
    """Drop an index while others read and write its table; wait for those that do."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(Identifier(index.schema, index.name))
        )


class IndexWatch:
    """Collects within a block what may name indexes about which IF NOT EXISTS did nothing.

    That is the server's notices, and the statements themselves, since a migration may hide notices.
    Whoever begins a migration empties `said`. An error about an existing index gets a note if that
    is INVALID.
    """

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.said: list[str] = []
        self._connection = connection

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to the session, whoever uses it: also psycopg itself, or the body of a DO."""
        self._connection.ensure_connection()
        session = self._connection.connection
        session.add_notice_handler(self._hear)
        try:
            with self._connection.execute_wrapper(self._send):
                yield
        finally:
            session.remove_notice_handler(self._hear)

    def require_valid(self, *, before: Catalogue | None) -> None:
        """Raise when a migration relied on an INVALID index, or leaves one.

        `before` is the catalogue from when it was first begun, None for an atomic one, which leaves
        none. An index that somebody else is building does not count. One statement at most.

        Raises:
            OperationalError: IF NOT EXISTS did nothing about one, or it was not there before.
        """
        for index in _named_in(self.said, self._connection):
            error = OperationalError(f"IF NOT EXISTS does nothing about the {index}.")
            error.add_note(_what_to_do(index))
            raise error
        for index in find_leftovers(self._connection, before=before):
            if index.builder_pid is None:
                error = OperationalError(f"It leaves the {index}.")
                error.add_note("The next run of this migration drops it first.")
                raise error

    def _hear(self, notice: Diagnostic) -> None:
        if notice.sqlstate == DuplicateTable.sqlstate:
            self.said.append(str(notice.message_primary))

    def _send(self, execute: Callable[..., Any], statement: Any, *arguments: Any) -> Any:
        if _IF_NOT_EXISTS.search(str(statement)):
            self.said.append(str(statement))
        try:
            return execute(statement, *arguments)
        except DatabaseError as exc:
            is_there = isinstance(exc.__cause__, DuplicateTable)
            if is_there and not self._connection.in_atomic_block:
                for index in _named_in([str(exc)], self._connection):
                    exc.add_note(_what_to_do(index))
            raise


def _named_in(messages: Iterable[str], connection: BaseDatabaseWrapper) -> list[InvalidIndex]:
    """Return the INVALID indexes that these name; no statement without any."""
    text = "\n".join(messages)
    if not text:
        return []
    # The quotes around a name are in the server's language.
    return [
        index
        for index in _find_invalid(connection)
        if re.search(rf"(?<!\w){re.escape(index.name)}(?!\w)", text)
    ]


def _find_invalid(connection: BaseDatabaseWrapper) -> list[InvalidIndex]:
    with connection.cursor() as cursor:
        cursor.cursor.row_factory = class_row(InvalidIndex)
        cursor.execute(_INVALID)
        return list(cursor.fetchall())


def _what_to_do(index: InvalidIndex) -> str:
    if index.builder_pid is not None:
        return (
            f"Process {index.builder_pid} is at work on {index.table}, and may be building it. Let "
            "it finish, then run this again."
        )
    return (
        f"The {index} was there before this migration, so it is left alone. If nobody needs it, "
        f"drop it, then run this again: DROP INDEX CONCURRENTLY {index.qualified_name};"
    )
