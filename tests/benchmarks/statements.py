"""Statements run bare: on a connection of their own, prepared, their rows left as tuples."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from psycopg import ClientCursor, RawCursor

from chat.db.distributed import without_marks

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")


class Bare:
    """Statements with their values; a call runs all and returns the rows of the last.

    Parameters are numbered, as Django's connection sends them here: psycopg looks for names in a
    long statement at each execution. Answers are in text and loaded by what psycopg has for each
    type, while ours are in binary, with a loader of our own for json.
    """

    def __init__(
        self, session: psycopg.Connection[Any], *statements: tuple[str, Mapping[str, Any]]
    ) -> None:
        self._cursor = RawCursor(session)
        self._statements = [_numbered(sql, params) for sql, params in statements]

    def __call__(self) -> Sequence[tuple[Any, ...]]:
        for text, values in self._statements:
            self._cursor.execute(text, values, prepare=True)
        return self._cursor.fetchall()

    def buffers(self) -> int:
        """Return how many pages one execution touches, by the plan that the calls have now."""
        return sum(self._pages(text, values) for text, values in self._statements)

    def _pages(self, text: bytes, values: Sequence[object]) -> int:
        session = self._cursor.connection
        found = session.execute(
            "SELECT quote_ident(name) FROM pg_prepared_statements WHERE statement = %s",
            [text.decode()],
        ).fetchone()
        assert found is not None, "the statement has not been run yet"
        places = f"({', '.join(['%s'] * len(values))})" if values else ""
        # Not prepared itself, so that it can be answered with the values in the text.
        explained = ClientCursor(session).execute(
            f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {found[0]} {places}",
            values,
            prepare=False,
        )
        [([top],)] = explained.fetchall()
        plan = top["Plan"]
        return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _numbered(sql: str, params: Mapping[str, Any]) -> tuple[bytes, list[Any]]:
    sql = without_marks(sql)
    names = list(dict.fromkeys(_PLACEHOLDER.findall(sql)))
    text = _PLACEHOLDER.sub(lambda found: f"${names.index(found[1]) + 1}", sql)
    return text.replace("%%", "%").encode(), [params[name] for name in names]
