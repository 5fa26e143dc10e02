"""Indexes that an interrupted migration left, and that would be in its way.

An INVALID one, which CREATE INDEX CONCURRENTLY leaves when it is cut off, PostgreSQL keeps up to
date and never uses. The same statement fails on it, or, with IF NOT EXISTS, does nothing at all.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.operations import SeparateDatabaseAndState
from django.db.migrations.operations.base import Operation
from psycopg.sql import SQL, Identifier

from chat.schema.catalogue import Catalogue, ObjectKind
from chat.schema.errors import InterruptedMigrationsError, RefusedError

# The option of `migrate` that names an index to be dropped.
OVERRIDE: Final = "--drop-leftover"

_NAME: Final = r'(?:"[^"]+"|\w+)'
_QUALIFIED: Final = rf"(?:{_NAME}\s*\.\s*)?({_NAME})"
# Compiled when it is needed, which is seldom; compiling takes longer than many a gate.
_CREATE: Final = (
    rf"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(IF\s+NOT\s+EXISTS\s+)?"
    rf"(?:(?!ON\b)({_NAME})\s+)?ON\s+(?:ONLY\s+)?{_QUALIFIED}"
)

_INDEXES: Final[LiteralString] = """
SELECT n.nspname, c.relname, t.relname, i.indisvalid, format('%I.%I', n.nspname, c.relname), p.pid
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_class AS t ON t.oid = i.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_stat_progress_create_index AS p
    ON p.datname = current_database() AND p.relid = i.indrelid
WHERE c.relkind = 'i' AND n.nspname = ANY (current_schemas(false))
ORDER BY c.relname
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """An index that the migration builds, or an INVALID one on a table that it builds one on.

    `is_own` when the migration itself gives it that name and nobody is building an index on the
    table now, so that it can be of nothing else worth keeping. `builder_pid` is the server process
    that builds one on the table.
    """

    schema: str
    name: str
    table: str
    is_valid: bool
    is_own: bool
    builder_pid: int | None = None

    @property
    def qualified_name(self) -> str:
        """Its name with the schema."""
        return f"{self.schema}.{self.name}"

    def __str__(self) -> str:
        invalid = "" if self.is_valid else "INVALID "
        return f"{invalid}index {self.qualified_name} on {self.table}"


class UncertainLeftoversError(InterruptedMigrationsError):
    """An index is in the way, and is not certainly of the run that was interrupted."""

    def __init__(self, leftovers: Sequence[Leftover], *, interruption: str) -> None:
        self.leftovers = tuple(leftovers)
        first = self.leftovers[0]
        builder = next((each for each in leftovers if each.builder_pid is not None), None)
        if builder is not None:
            next_step = (
                f"Process {builder.builder_pid} is building an index on {builder.table} just now, "
                "perhaps this one. Let it finish, then run this again."
            )
        else:
            next_step = (
                "Nobody is building it now. Run this again with "
                f"{OVERRIDE} {first.qualified_name}, which drops it: if it was somebody else's, "
                "they have to build theirs anew. Or drop it yourself "
                f"(DROP INDEX CONCURRENTLY {first.qualified_name};)."
            )
        super().__init__(
            sentences=[
                interruption,
                *(f"Not certainly of that run: {leftover}." for leftover in leftovers),
            ],
            next_step=next_step,
        )


class NoSuchLeftoverError(RefusedError):
    """That index is not what an interrupted migration left; nothing was changed."""

    def __init__(self, names: Iterable[str], *, found: Sequence[Leftover]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(
            seen=(
                f"{OVERRIDE} names {', '.join(self.names)}. What may be left of a migration that "
                f"this run finishes: {', '.join(map(str, found)) or 'nothing'}."
            ),
            next_step=f"Leave {OVERRIDE} out, or name one of these.",
        )


def require_named(found: Sequence[Leftover], *, named: Collection[str]) -> None:
    """Raise when an index is to be dropped that is none of those found.

    Raises:
        NoSuchLeftoverError: one is.
    """
    strangers = set(named) - {leftover.qualified_name for leftover in found}
    if strangers:
        raise NoSuchLeftoverError(strangers, found=found)


def require_certain(
    found: Iterable[Leftover], *, named: Collection[str], interruption: str
) -> None:
    """Raise when an index may be somebody else's, and was not named; or is being built just now.

    Raises:
        UncertainLeftoversError: one is.
    """
    unclear = [
        leftover
        for leftover in found
        if not leftover.is_own
        and (leftover.builder_pid is not None or leftover.qualified_name not in named)
    ]
    if unclear:
        raise UncertainLeftoversError(unclear, interruption=interruption)


class _Build(NamedTuple):
    """An index that is built concurrently; without a name, PostgreSQL chooses one."""

    name: str | None
    table: str | None
    if_not_exists: bool


def find_leftovers(
    connection: BaseDatabaseWrapper,
    migration: Migration,
    *,
    is_backwards: bool,
    before: Catalogue | None,
) -> list[Leftover]:
    """Return what an interrupted run of this migration left; one statement.

    A valid index is a leftover only when `before`, the catalogue when that run began, has it not,
    and when the migration would fail on it.
    """
    builds = list(_builds(migration.operations, is_backwards=is_backwards))
    if not builds:
        return []
    names = {build.name for build in builds if build.name}
    failing = {build.name for build in builds if build.name and not build.if_not_exists}
    tables = {build.table for build in builds if build.table and not build.name}
    indexes_before = before.of_kind(ObjectKind.INDEX) if before else None
    with connection.cursor() as cursor:
        cursor.execute(_INDEXES)
        rows = cursor.fetchall()
    leftovers = []
    for schema, name, table, is_valid, qualified, builder in rows:
        if is_valid:
            is_new = indexes_before is not None and qualified not in indexes_before
            is_left = name in failing and is_new
        else:
            is_left = name in names or table in tables
        if is_left:
            leftovers.append(
                Leftover(
                    schema=schema,
                    name=name,
                    table=table,
                    is_valid=is_valid,
                    is_own=name in names and builder is None,
                    builder_pid=builder,
                )
            )
    return leftovers


def drop_leftover(connection: BaseDatabaseWrapper, leftover: Leftover) -> None:
    """Drop the index without blocking anybody; one statement, outside of any transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(
                Identifier(leftover.schema, leftover.name)
            )
        )


def _builds(operations: Iterable[Operation], *, is_backwards: bool) -> Iterator[_Build]:
    for operation in operations:
        if isinstance(operation, SeparateDatabaseAndState):
            yield from _builds(operation.database_operations, is_backwards=is_backwards)
        elif type(operation).__name__ == _concurrent_operation(is_backwards=is_backwards):
            index = getattr(operation, "index", operation)
            yield _Build(name=getattr(index, "name", None), table=None, if_not_exists=False)
        else:
            sql = getattr(operation, "reverse_sql" if is_backwards else "sql", None)
            for script in _scripts(sql):
                for if_not_exists, name, table in re.findall(_CREATE, script, re.IGNORECASE):
                    yield _Build(
                        name=_folded(name) or None,
                        table=_folded(table),
                        if_not_exists=bool(if_not_exists),
                    )


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
