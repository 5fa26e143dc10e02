"""Reads the tables, where each belongs, and in which order they can be converted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.rules.distribution import REFERENCE, SPREAD


class Kind(StrEnum):
    """Where the rows of a table are: on one machine each, on every machine, or here alone."""

    SPREAD = "spread"
    REFERENCE = "reference"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key between two tables, with its definition as PostgreSQL writes it."""

    name: str
    table: str
    target: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table and its kind; `key` is the column by which it is spread."""

    name: str
    kind: Kind
    key: str | None = None


def read_tables(connection: BaseDatabaseWrapper) -> list[Table]:
    """Return all tables, each with where it belongs, by name; one statement."""
    return [
        Table(name=name, kind=_kind(name), key=SPREAD.get(name))
        for (name,) in rows(connection, _TABLES)
    ]


def read_foreign_keys(connection: BaseDatabaseWrapper) -> list[ForeignKey]:
    """Return all foreign keys between tables, by table and name; one statement."""
    return [
        ForeignKey(name=name, table=table, target=target, definition=definition)
        for name, table, target, definition in rows(connection, _FOREIGN_KEYS)
    ]


def in_order(
    tables: Iterable[Table], keys: Sequence[ForeignKey], *, first: str = ""
) -> tuple[list[Table], list[ForeignKey]]:
    """Return the tables, each after those that it refers to, and the keys that form circles.

    Those keys have to be dropped meanwhile; a key from a table to itself forms no circle. The
    table `first` comes first, whatever it refers to.
    """
    left = {table.name: table for table in tables}
    placed: list[Table] = []
    circular: list[ForeignKey] = []
    while left:
        waiting = {
            name: [
                key
                for key in keys
                if key.table == name and key.target in left and key.target != name
            ]
            for name in left
        }
        ready = [name for name, its in waiting.items() if not its]
        if first in left or not ready:
            ready = [first if first in left else min(left, key=lambda name: len(waiting[name]))]
            circular += waiting[ready[0]]
        placed += [left.pop(name) for name in ready]
    return placed, circular


def rows(connection: BaseDatabaseWrapper, statement: Any, params: Any = None) -> list[Any]:
    """Return all rows of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def _kind(name: str) -> Kind:
    if name in SPREAD:
        return Kind.SPREAD
    return Kind.REFERENCE if name in REFERENCE else Kind.LOCAL


_TABLES = """
SELECT relname::text
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
ORDER BY relname
"""

_FOREIGN_KEYS = """
SELECT
    conname::text, source.relname::text, target.relname::text, pg_get_constraintdef(key.oid)
FROM pg_constraint AS key
INNER JOIN pg_class AS source ON source.oid = conrelid
INNER JOIN pg_class AS target ON target.oid = confrelid
WHERE contype = 'f' AND key.connamespace = 'public'::regnamespace
ORDER BY 2, 1
"""
