"""The rules of rules.sql, asked of the catalogue: what keeps the tables from being spread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psycopg import sql

from chat.db.integrity import Rule, read_rules
from chat.distribution.tables import Kind, read_tables, rows
from chat.models.distribution import ASKING_EVERY_MACHINE, AT_COMMIT, LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

    from chat.distribution.tables import Table

_SQL = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """An object that breaks a rule, and what was seen of it."""

    rule: Rule
    object: str
    seen: str


def rules() -> list[Rule]:
    """Return all rules, in the order of the file."""
    return read_rules(_SQL)


def violations(connection: BaseDatabaseWrapper) -> Iterator[Violation]:
    """Yield what breaks a rule; one statement for each rule, and one before. Changes nothing."""
    shared = sql.SQL(_SQL.read_text(encoding="utf-8").partition("-- Rule: ")[0])
    tables = read_tables(connection)
    params = {
        "names": [table.name for table in tables],
        "kinds": [_group(table) for table in tables],
        "keys": [table.key for table in tables],
        "left_out": list(LEFT_OUT),
        "late": list(AT_COMMIT),
        "asking": list(ASKING_EVERY_MACHINE),
    }
    for rule in rules():
        for found, seen in sorted(set(rows(connection, shared + sql.SQL(rule.query), params))):
            yield Violation(rule=rule, object=found, seen=seen)


def _group(table: Table) -> str:
    if table.kind is not Kind.SPREAD:
        return table.kind
    return "space" if table.key == "space_id" else f"own by {table.key}"
