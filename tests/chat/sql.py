"""Statements as another client would send them, past the ORM, and how the database refuses them."""

from dataclasses import astuple, dataclass
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, DataError, IntegrityError, connection, transaction
from psycopg import sql

from chat.db.distributed import is_distributed
from chat.services.core.use_case import constraint_of
from tests.factories import as_superuser

SEND = "INSERT INTO messages (space_id, channel_id, author_id) VALUES (%s, %s, %s)"
# A second message beside the one with this id, with values of its own.
SEND_BESIDE = (
    "INSERT INTO messages (space_id, channel_id, {columns}) "
    "SELECT space_id, channel_id, {values} FROM messages WHERE id = %s"
)


# On a cluster alone: INSERT … SELECT is a COPY there, of which a refusal is an internal error that
# has the constraint's name in its text, and some statements are refused before a row is looked at.
BY_COPY = "XX000"
BEFORE_ALL = "0A000"


@dataclass(frozen=True, slots=True, eq=False)
class Refusal:
    """How a statement failed: Django's class, PostgreSQL's SQLSTATE and the constraint's name."""

    error: type[DatabaseError]
    sqlstate: str | None
    constraint: str | None = None

    @classmethod
    def of(cls, error: DatabaseError) -> "Refusal":
        cause = error.__cause__
        assert isinstance(cause, psycopg.Error)
        return cls(type(error), cause.sqlstate, constraint_of(error) or None)

    def __eq__(self, other: object) -> bool:
        """Compare all three; on a cluster the name alone, or nothing, where it says no more."""
        if not isinstance(other, Refusal):
            return NotImplemented
        if self.sqlstate == BEFORE_ALL and is_distributed("default"):
            return other.constraint is not None
        if self.sqlstate == BY_COPY and is_distributed("default"):
            return self.constraint is not None and self.constraint == other.constraint
        return astuple(self) == astuple(other)

    __hash__ = None  # type: ignore[assignment]


def by_check(constraint: str) -> Refusal:
    """A CHECK, or a trigger that says no in the name of one."""
    return Refusal(IntegrityError, "23514", constraint)


def by_foreign_key(constraint: str) -> Refusal:
    return Refusal(IntegrityError, "23503", constraint)


def by_unique_key(constraint: str) -> Refusal:
    return Refusal(IntegrityError, "23505", constraint)


def by_length() -> Refusal:
    return Refusal(DataError, "22001")


def execute(statement: str, *params: Any) -> int:
    """Run a statement and return how many rows it touched."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def purge(statement: str, *params: Any) -> int:
    """Take rows away for good, as the owner may, and return how many."""
    with as_superuser():
        execute("SET LOCAL chat.purge = 'on'")
        purged = execute(statement, *params)
        execute("SET LOCAL chat.purge = 'off'")
    return purged


def value(statement: str, *params: Any) -> Any:
    """Return the first column of the only row."""
    (row,) = rows(statement, *params)
    return row[0]


def rows(statement: str, *params: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return list(cursor.fetchall())


def refused(statement: str, *params: Any) -> Refusal:
    """Return how the database refused a statement; fail when it did not, or kept a trace of it."""
    before = stored()
    try:
        with transaction.atomic():
            execute(statement, *params)
    except DatabaseError as error:
        assert stored() == before
        return Refusal.of(error)
    pytest.fail(f"the database let this through: {statement}")


def stored() -> list[tuple[Any, ...]]:
    """Return a fingerprint of every row in every table of chat."""
    query = sql.SQL(" UNION ALL ").join(
        sql.SQL(
            "SELECT {name}, count(*), sum(hashtextextended(stored::text, 0)) FROM {table} AS stored"
        ).format(name=sql.Literal(table), table=sql.Identifier(table))
        for table in tables()
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        # In whatever order parallel workers bring them.
        return sorted(cursor.fetchall())


def tables() -> list[str]:
    return [
        model._meta.db_table
        for model in apps.get_app_config("chat").get_models()
        if model._meta.managed and not model._meta.proxy
    ]
