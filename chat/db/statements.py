"""SQL by hand, run prepared on Django's own connection.

For what is asked often, and for what the ORM cannot say in one statement. It runs on Django's
connection, so transactions, routers and counts of queries include it.

Every statement of the queries is a file in their `sql` folder, where tests of plans and benchmarks
find it. Of the services, a statement of more than 15 lines is a file, and so is one that includes
another; a shorter one stands in the module that runs it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import chain
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from django.db import connections
from psycopg import ClientCursor, RawCursor
from psycopg.types.numeric import Int8

from chat.db.distributed import CONDITION, SPACES, for_spaces, is_distributed, without_marks

Row = TypeVar("Row")

_CHAT = Path(__file__).parents[1]
_INCLUDE = "-- include: "
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|%)")

# A parameter that PostgreSQL compares with a bigint. A plain int is sent as the smallest type that
# holds it, and each new combination of types would be prepared as a statement of its own.
bigint = Int8


def _columns(*values: Any) -> Any:
    return values


class Statement(Generic[Row]):
    """One SQL statement with %(name)s for its parameters, and what a row of it becomes.

    `row` is called with the columns in the order of the SELECT. A NamedTuple is made from all of
    them at once, in 0.5 µs where a frozen dataclass takes 3.6. Each method runs the statement once,
    on the connection `using`.
    """

    __slots__ = ("_row", "marked", "sql")

    @overload
    def __init__(self: "Statement[Any]", sql: str) -> None: ...
    @overload
    def __init__(self, sql: str, row: Callable[..., Row]) -> None: ...
    def __init__(self, sql: str, row: Callable[..., Any] = _columns) -> None:
        self.sql = without_marks(sql)
        # With what it says for a cluster alone.
        self.marked = sql
        self._row = row

    def rows(self, params: Mapping[str, Any], *, using: str) -> list[Row]:
        """Return all rows."""
        row = self._row
        make = getattr(row, "_make", None) or (lambda values: row(*values))
        return list(map(make, self.tuples(params, using=using)))

    def first(self, params: Mapping[str, Any], *, using: str) -> Row | None:
        """Return the first row, or None."""
        values = self._first(params, using=using)
        return None if values is None else self._row(*values)

    def tuples(self, params: Mapping[str, Any], *, using: str) -> list[tuple[Any, ...]]:
        """Return all rows as tuples."""
        return list(chain.from_iterable(self._answers(_ALL, params, using=using)))

    def values(self, params: Mapping[str, Any], *, using: str) -> list[Any]:
        """Return the first column of all rows."""
        return [value for value, *_ in self.tuples(params, using=using)]

    def value(self, params: Mapping[str, Any], *, using: str) -> Any:
        """Return the first column of the first row, or None when there is no row."""
        values = self._first(params, using=using)
        return None if values is None else values[0]

    def run(self, params: Mapping[str, Any], *, using: str) -> int:
        """Return how many rows were inserted, updated, deleted or found."""
        return sum(self._answers(_COUNT, params, using=using))

    def _first(self, params: Mapping[str, Any], *, using: str) -> tuple[Any, ...] | None:
        answers = self._answers(_FIRST, params, using=using)
        return next((values for values in answers if values is not None), None)

    def _answers(
        self, answer: Callable[[Any], Any], params: Mapping[str, Any], *, using: str
    ) -> list[Any]:
        """Return what `answer` takes from a cursor: once, on a cluster once for each space."""
        connection = connections[using]
        if not is_distributed(using):
            return [_run(connection, self.sql, params, answer)]
        answers = []
        for sql, given in for_spaces(self.marked, params, using=using):
            # No machine keeps the plan of a statement that was prepared elsewhere, and a cluster
            # refuses a parameter that only some of its statements name.
            connection.ensure_connection()
            text = ClientCursor(connection.connection).mogrify(sql, given)
            answers.append(_run(connection, text, None, answer))
        return answers


def read_sql(path: Path | str) -> str:
    """Return the SQL in a file, without comments and indentation; relative paths begin at chat/.

    A line `-- include: NAME.sql` is replaced by the text of that file beside it, without the
    semicolon at its end. No literal may go over more than one line.
    """
    return "\n".join(_lines(_CHAT / path))


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if text.startswith(_INCLUDE):
            yield "\n".join(_lines(path.parent / text.removeprefix(_INCLUDE))).removesuffix(";")
        elif text and (not text.startswith("--") or text.startswith((SPACES, CONDITION))):
            yield text


@cache
def _numbered(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """Return the statement with $1, $2, … in place of its names, and the names in that order."""
    names: list[str] = []

    def number(placeholder: re.Match[str]) -> str:
        name = placeholder[1]
        if name is None:
            return "%"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return _PLACEHOLDER.sub(number, sql).encode(), tuple(names)


_ALL = methodcaller("fetchall")
_FIRST = methodcaller("fetchone")
_COUNT = attrgetter("rowcount")


def _raw_cursor(connection: Any) -> RawCursor[Any]:
    """Return a cursor that stays with its connection, for every answer is read at once.

    To make one, and to find what loads each column, takes 35 µs of the 870 of a page. Threads that
    share a connection get one for each statement.
    """
    session = connection.connection
    if connection.allow_thread_sharing:
        return RawCursor(session)
    cursor: RawCursor[Any] | None = getattr(session, "raw_cursor", None)
    if cursor is None:
        cursor = session.raw_cursor = RawCursor(session)
    return cursor


def _run(
    connection: Any, sql: str, params: Mapping[str, Any] | None, answer: Callable[[Any], Any]
) -> Any:
    """Run the statement and return what `answer` takes from its cursor.

    The cursor is Django's while queries are logged or wrapped. Otherwise it is psycopg's own, after
    the same checks and with the same errors, but without the wrapper that Django puts around each
    call: half of the 20 µs that Django adds to a statement. It also saves psycopg's search for
    placeholders, which is repeated at each execution of a statement longer than 4096 bytes: 7 µs
    for each placeholder, 0.3 ms of the 1.5 ms of a search. Answers are binary, which the client
    reads in four fifths of the time: 0.4 ms of the 12 of 2,000 channels. A value of a type that
    psycopg does not know comes as bytes then: such a column is to be cast to text.
    """
    if connection.queries_logged or connection.execute_wrappers:
        with connection.cursor() as watched:
            watched.execute(sql, params)
            return answer(watched)
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        # Values that the client is to write into the statement have no numbers.
        if issubclass(connection.connection.cursor_factory, ClientCursor):
            cursor = connection.create_cursor()
            cursor.execute(sql, params)
        else:
            cursor = _raw_cursor(connection)
            if params is None:
                cursor.execute(sql)
            else:
                numbered, names = _numbered(sql)
                values = [params[name] for name in names]
                cursor.execute(numbered, values, prepare=True, binary=True)
        return answer(cursor)
