"""The INVALID index that a migration left which was cut off, in the way of the same migration.

CREATE INDEX CONCURRENTLY leaves it. PostgreSQL keeps it up to date and never uses it; the same
statement fails on it, or, with IF NOT EXISTS, does nothing at all. That it is in the way the server
says to that statement: no SQL is read here. A VALID index is never dropped.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString

from django.db import DatabaseError, OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.errors import Diagnostic, DuplicateTable
from psycopg.sql import SQL, Identifier

from chat.schema.catalogue.objects import Catalogue, ObjectKind

_SCHEMA: Final = "public"
# A name within a message, whose language is the server's.
_QUOTED: Final = re.compile(r'["«»„“「]\s?(.+?)\s?["«»“”」]')

# Every index with this name, or every INVALID one. At work is whoever has a lock that building an
# index takes or excludes; pg_stat_progress_create_index hides what other roles build. Autovacuum,
# which has no user, builds none.
_INDEXES: Final[LiteralString] = """
SELECT c.relname, format('%%I.%%I', n.nspname, c.relname), i.indrelid::regclass::text,
       i.indisvalid, (
           SELECT min(l.pid)
           FROM pg_locks AS l
           JOIN pg_stat_activity AS a ON a.pid = l.pid
           WHERE l.locktype = 'relation'
             AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
             AND l.relation IN (i.indrelid, i.indexrelid)
             AND l.mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
             AND l.pid <> pg_backend_pid()
             AND a.usesysid IS NOT NULL
       )
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'i' AND n.nspname = %(schema)s
  AND CASE WHEN %(name)s::text IS NULL THEN NOT i.indisvalid ELSE c.relname = %(name)s END
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """An index of `public`; `worker_pid` is a server process that may be building it just now."""

    name: str
    qualified_name: str
    table: str
    is_valid: bool
    worker_pid: int | None

    @property
    def drop_command(self) -> str:
        """The statement that drops it by hand."""
        return f"DROP INDEX CONCURRENTLY {self.qualified_name};"

    def is_left_since(self, before: Catalogue | None) -> bool:
        """Return whether it is INVALID, was not in that catalogue, and nobody is building it."""
        return not self.is_valid and self.worker_pid is None and self.is_new_since(before)

    def is_new_since(self, before: Catalogue | None) -> bool:
        """Return whether it was not in that catalogue; without one, that is not known of any."""
        return before is not None and self.qualified_name not in before.of_kind(ObjectKind.INDEX)

    def __str__(self) -> str:
        return f"{'' if self.is_valid else 'INVALID '}index {self.qualified_name} on {self.table}"


def find_invalid(connection: BaseDatabaseWrapper, *, before: Catalogue | None) -> list[Index]:
    """Return the INVALID indexes that `before` has not, by name; one statement."""
    return [index for index in _read(connection) if index.is_new_since(before)]


@contextmanager
def leftovers_dropped(
    connection: BaseDatabaseWrapper,
    *,
    before: Catalogue | None,
    command: str,
    on_drop: Callable[[Index], None],
) -> Iterator[None]:
    """Drop, while a migration is run, an index that it left and that is in a statement's way.

    The statement is then sent again. `before` is the catalogue when the migration was first begun,
    None when nothing can be left of it; `command` runs it. Any other index in the way is left
    alone: the error says what to do about it. Statements within a transaction are only sent.
    """
    said: list[str] = []

    def hear(notice: Diagnostic) -> None:
        if notice.sqlstate == DuplicateTable.sqlstate:
            said.append(str(notice.message_primary))

    def send(execute: Callable[..., Any], *arguments: Any) -> Any:
        said.clear()
        result, error = None, None
        try:
            result = execute(*arguments)
        except DatabaseError as exc:
            if connection.in_atomic_block or not isinstance(exc.__cause__, DuplicateTable):
                raise
            said[:], error = [str(exc.__cause__.diag.message_primary)], exc
        index = None if connection.in_atomic_block else _named_in(connection, said, error=error)
        if index is not None and index.is_left_since(before):
            _drop(connection, index)
            on_drop(index)
            return send(execute, *arguments)
        if index is not None:
            error = error or OperationalError(f"IF NOT EXISTS does nothing about the {index}.")
            error.add_note(_what_to_do(index, command=command))
        if error is not None:
            raise error
        return result

    connection.ensure_connection()
    session = connection.connection
    session.add_notice_handler(hear)
    try:
        with connection.execute_wrapper(send):
            yield
    finally:
        session.remove_notice_handler(hear)


def _named_in(
    connection: BaseDatabaseWrapper, messages: Iterable[str], *, error: DatabaseError | None
) -> Index | None:
    """Return the first index that they name; where there was no error, the first INVALID one."""
    names = [name for message in messages for name in _QUOTED.findall(message)[:1]]
    indexes = (index for name in names for index in _read(connection, name=name))
    return next((index for index in indexes if error or not index.is_valid), None)


def _read(connection: BaseDatabaseWrapper, *, name: str | None = None) -> list[Index]:
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES, {"schema": _SCHEMA, "name": name})
        return [
            Index(
                name=relation,
                qualified_name=qualified,
                table=table,
                is_valid=is_valid,
                worker_pid=worker,
            )
            for relation, qualified, table, is_valid, worker in cursor.fetchall()
        ]


def _drop(connection: BaseDatabaseWrapper, index: Index) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(Identifier(_SCHEMA, index.name))
        )


def _what_to_do(index: Index, *, command: str) -> str:
    if index.is_valid:
        return (
            f"The {index} is VALID, so it is left alone. If it is the one that this migration "
            f"makes, and the rest of it is done as well: {command} --fake. If not, drop or rename "
            f"it yourself: {index.drop_command}"
        )
    if index.worker_pid is not None:
        return (
            f"Process {index.worker_pid} is at work on {index.table}, and may be building it. Let "
            "it finish, then run this again."
        )
    return (
        f"The {index} may be somebody else's, so it is left alone. If nobody needs it, drop it "
        f"yourself, then run this again: {index.drop_command}"
    )
