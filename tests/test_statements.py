"""Statements that are kept in files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from chat.statements import Statement

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int


def _written(tmp_path: Path, sql: str) -> Path:
    path = tmp_path / "pairs.sql"
    path.write_text(sql, encoding="utf-8")
    return path


@pytest.mark.django_db
def test_rows_come_as_what_was_asked_for_with_one_statement(tmp_path: Path) -> None:
    pairs = Statement.read(
        _written(tmp_path, "-- Two pairs.\nSELECT n, n * %(by)s FROM generate_series(1, 2) AS n;"),
        row=Pair,
    )

    with CaptureQueriesContext(connection) as queries:
        rows = pairs.rows({"by": 10}, using="default")

    assert rows == [Pair(1, 10), Pair(2, 20)]
    assert len(queries) == 1


@pytest.mark.django_db
def test_first_of_nothing_is_none(tmp_path: Path) -> None:
    nothing = Statement.read(_written(tmp_path, "SELECT 1, 2 WHERE false;"), row=Pair)

    assert nothing.first({}, using="default") is None


def test_a_statement_too_long_to_be_remembered_is_refused(tmp_path: Path) -> None:
    path = _written(tmp_path, "SELECT '" + "x" * 4096 + "';")

    with pytest.raises(ValueError, match=r"pairs\.sql is longer than 4096 bytes"):
        Statement.read(path, row=Pair)


@pytest.mark.django_db
def test_comments_are_not_sent(tmp_path: Path) -> None:
    statement = Statement.read(
        _written(tmp_path, "-- Why.\n    -- More of it.\nSELECT 1, 2;"), row=Pair
    )

    assert statement.sql == "SELECT 1, 2;"
