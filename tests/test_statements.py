"""Statements that are kept in files."""

import ast
import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DataError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from psycopg import ClientCursor

import chat
from chat.db.statements import Statement, read_sql
from tests.factories import UserFactory


@dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int


class NamedPair(NamedTuple):
    left: int
    right: int


def _written(tmp_path: Path, sql: str) -> Path:
    path = tmp_path / "pairs.sql"
    path.write_text(sql, encoding="utf-8")
    return path


@pytest.mark.django_db
def test_rows_come_as_what_was_asked_for_with_one_statement(tmp_path: Path) -> None:
    sql = "-- Two pairs.\nSELECT n, n * %(by)s FROM generate_series(1, 2) AS n;"
    pairs = Statement(read_sql(_written(tmp_path, sql)), row=Pair)

    with CaptureQueriesContext(connection) as queries:
        rows = pairs.rows({"by": 10}, using="default")

    assert rows == [Pair(1, 10), Pair(2, 20)]
    assert len(queries) == 1


@pytest.mark.django_db
def test_one_column_comes_without_its_tuples() -> None:
    numbers = Statement("SELECT n FROM generate_series(1, %(upto)s::int) AS n")

    with CaptureQueriesContext(connection) as queries:
        assert numbers.values({"upto": 3}, using="default") == [1, 2, 3]
        assert numbers.value({"upto": 3}, using="default") == 1
        assert numbers.value({"upto": 0}, using="default") is None

    assert len(queries) == 3


@pytest.mark.django_db
@pytest.mark.parametrize("is_watched", [True, False])
def test_run_counts_the_rows_that_were_written(is_watched: bool) -> None:
    UserFactory.create_batch(3)
    rename = Statement("UPDATE users SET display_name = %(name)s")
    watching = CaptureQueriesContext(connection) if is_watched else nullcontext()

    with watching:
        assert rename.run({"name": "Sailor"}, using="default") == 3


@pytest.mark.django_db
def test_first_of_nothing_is_none(tmp_path: Path) -> None:
    nothing = Statement(read_sql(_written(tmp_path, "SELECT 1, 2 WHERE false;")), row=Pair)

    assert nothing.first({}, using="default") is None


@pytest.mark.django_db
def test_a_named_tuple_is_made_as_any_other_row(tmp_path: Path) -> None:
    pairs = Statement(read_sql(_written(tmp_path, "SELECT 1, %(right)s::int;")), row=NamedPair)

    assert pairs.rows({"right": 2}, using="default") == [NamedPair(left=1, right=2)]
    assert pairs.first({"right": 3}, using="default") == NamedPair(left=1, right=3)


@pytest.mark.django_db
def test_an_included_file_stands_where_its_line_is(tmp_path: Path) -> None:
    (tmp_path / "inner.sql").write_text("SELECT 2 AS right;", encoding="utf-8")
    (tmp_path / "outer.sql").write_text(
        "-- Why.\nSELECT wide.right FROM (\n  -- include: inner.sql\n) AS wide;",
        encoding="utf-8",
    )
    path = _written(tmp_path, "SELECT 1, (\n    -- include: outer.sql\n) AS right;")

    statement = Statement(read_sql(path), row=Pair)

    assert statement.first({}, using="default") == Pair(1, 2)
    assert "--" not in statement.sql
    assert statement.sql.count(";") == 1


def test_a_file_that_is_not_there_cannot_be_included(tmp_path: Path) -> None:
    path = _written(tmp_path, "-- include: nowhere.sql\nSELECT 1;")

    with pytest.raises(FileNotFoundError, match=r"nowhere\.sql"):
        Statement(read_sql(path), row=Pair)


@pytest.mark.django_db
def test_comments_are_not_sent(tmp_path: Path) -> None:
    statement = Statement(
        read_sql(_written(tmp_path, "-- Why.\n    -- More of it.\nSELECT 1, 2;")), row=Pair
    )

    assert statement.sql == "SELECT 1, 2;"


@pytest.mark.django_db
def test_a_wrapper_around_statements_sees_them(tmp_path: Path) -> None:
    statement = Statement(read_sql(_written(tmp_path, "SELECT 1, %(two)s;")), row=Pair)
    seen = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        seen.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        row = statement.first({"two": 2}, using="default")

    assert row == Pair(1, 2)
    assert seen == [("SELECT 1, %(two)s;", {"two": 2})]


@pytest.mark.django_db
def test_values_are_the_same_whether_somebody_watches_or_not() -> None:
    statement = Statement(
        """
        SELECT
            7::smallint, 7, 7::bigint, 0.5::float8, TRUE, 'é', 'é'::varchar(9), NULL::uuid,
            uuid '00000000-0000-0000-0000-000000000007',
            ARRAY[uuid '00000000-0000-0000-0000-000000000007', NULL],
            timestamptz '2026-03-01 01:00:00.5+01', interval '90 seconds', json ' [7, "é"]'
        """
    )

    alone = statement.tuples({}, using="default")
    with CaptureQueriesContext(connection):
        watched = statement.tuples({}, using="default")

    seven, moment = UUID(int=7), datetime(2026, 3, 1, 0, 0, 0, 500_000, UTC)
    span = timedelta(seconds=90)
    assert alone == watched
    assert alone == [
        (7, 7, 7, 0.5, True, "é", "é", None, seven, [seven, None], moment, span, [7, "é"])
    ]
    assert alone[0][10].tzinfo is watched[0][10].tzinfo is UTC


@pytest.mark.django_db
def test_a_parameter_can_stand_in_many_places_and_a_percent_sign_be_doubled() -> None:
    text = "SELECT %(left)s::int + %(right)s::int, %(left)s::int %% 4;"

    assert Statement(text, Pair).first({"right": 3, "left": 7, "other": 1}, using="default") == (
        Pair(10, 3)
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("threshold", "prepared"), [(5, 1), (None, 0)])
def test_a_statement_is_prepared_when_it_is_first_run_unless_the_connection_prepares_none(
    monkeypatch: pytest.MonkeyPatch, threshold: int | None, prepared: int
) -> None:
    connection.ensure_connection()
    monkeypatch.setattr(connection.connection, "prepare_threshold", threshold)
    text = f"SELECT 'threshold {threshold}', %(right)s::int"

    assert Statement(text).value({"right": 3}, using="default") == f"threshold {threshold}"

    known = "SELECT count(*) FROM pg_prepared_statements WHERE strpos(statement, %(text)s) = 1"
    assert Statement(known).value({"text": text[:20]}, using="default") == prepared


@pytest.mark.django_db
def test_values_can_be_written_in_by_the_client() -> None:
    statement = Statement("SELECT %(left)s, %(right)s;", Pair)
    factory = connection.connection.cursor_factory
    connection.connection.cursor_factory = ClientCursor
    try:
        row = statement.first({"left": 1, "right": 2}, using="default")
    finally:
        connection.connection.cursor_factory = factory

    assert row == Pair(1, 2)


@pytest.mark.django_db
def test_an_error_comes_out_as_django_s(tmp_path: Path) -> None:
    statement = Statement(read_sql(_written(tmp_path, "SELECT 1, 1 / %(by)s;")), row=Pair)

    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        statement.first({"by": 0}, using="default")


@pytest.mark.django_db
def test_a_broken_transaction_takes_no_more(tmp_path: Path) -> None:
    statement = Statement(read_sql(_written(tmp_path, "SELECT 1, 1 / %(by)s;")), row=Pair)

    with transaction.atomic():
        transaction.set_rollback(True)

        with pytest.raises(transaction.TransactionManagementError):
            statement.first({"by": 1}, using="default")


@pytest.mark.django_db(transaction=True)
def test_a_connection_is_made_when_there_is_none(tmp_path: Path) -> None:
    statement = Statement(read_sql(_written(tmp_path, "SELECT 1, %(two)s::int;")), row=Pair)
    connection.close()

    assert statement.first({"two": 2}, using="default") == Pair(1, 2)


@pytest.mark.django_db
def test_nothing_runs_where_an_event_loop_does(tmp_path: Path) -> None:
    statement = Statement(read_sql(_written(tmp_path, "SELECT 1, 2;")), row=Pair)

    async def ask() -> None:
        statement.first({}, using="default")

    with pytest.raises(SynchronousOnlyOperation):
        asyncio.run(ask())


CHAT = Path(chat.__file__).parent
INLINE_LINES = 15


def _inline(room: str) -> dict[str, int]:
    """Return how many lines each statement has that is written in a module."""
    found = {}
    for path in (CHAT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(
                    func=ast.Name(id="Statement"), args=[ast.Constant(value=str(sql)), *_]
                ):
                    found[f"{path.name}:{node.lineno}"] = len(sql.strip().splitlines())
    return found


def test_queries_have_their_statements_in_files() -> None:
    assert _inline("queries") == {}


def test_services_have_short_statements_in_modules_and_others_in_files() -> None:
    inline = _inline("services")
    files = {path.name: path.read_text() for path in (CHAT / "services/sql").glob("*.sql")}
    included = {
        name for name in files if any(f"-- include: {name}" in sql for sql in files.values())
    }
    short = {
        name
        for name, sql in files.items()
        if len([line for line in sql.splitlines() if line and not line.startswith("--")])
        <= INLINE_LINES
    }
    including = {name for name, sql in files.items() if "-- include: " in sql}

    assert {place: lines for place, lines in inline.items() if lines > INLINE_LINES} == {}
    assert inline
    assert short - included - including == set()


@pytest.mark.django_db
def test_threads_that_share_a_connection_get_their_own_answers() -> None:
    numbers = Statement("SELECT %(n)s::int FROM generate_series(1, 2)")

    def are_all(n: int) -> bool:
        answers = [numbers.values({"n": n}, using="default") for _ in range(2000)]
        return {number for answer in answers for number in answer} == {n}

    shared = connections["default"]
    shared.inc_thread_sharing()
    interval = sys.getswitchinterval()
    # The threads change place between a statement and its answer, too.
    sys.setswitchinterval(1e-6)
    try:
        use_it = partial(connections.__setitem__, "default", shared)
        with ThreadPoolExecutor(2, initializer=use_it) as pool:
            assert list(pool.map(are_all, (1, 2))) == [True, True]
    finally:
        sys.setswitchinterval(interval)
        shared.dec_thread_sharing()
