"""Finds what prevents spreading the tables, by the rules of rules.sql and one for statements."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.db.integrity import Rule, read_rules
from chat.distribution.statements import ungiven_spaces
from chat.distribution.tables import Kind, Table, read_tables, rows
from chat.rules.distribution import ASKING_EVERY_MACHINE, AT_COMMIT, LEFT_OUT, SPACE

_SQL = Path(__file__).with_suffix(".sql")
_STATEMENTS = Rule(
    name="statement_without_space",
    sentence=(
        "A statement for one space goes to one machine by a value. Write = %(space)s for each of "
        "its tables, in each of its subqueries, and not the space of the row outside."
    ),
    query="",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """An object that breaks a rule, and what was seen there."""

    rule: Rule
    object: str
    seen: str


def rules() -> list[Rule]:
    """Return the rules of the catalogue, in the order of the file."""
    return read_rules(_SQL)


def findings(connection: BaseDatabaseWrapper) -> Iterator[Finding]:
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
            yield Finding(rule=rule, object=found, seen=seen)
    for each in ungiven_spaces():
        yield Finding(rule=_STATEMENTS, object=each.where, seen=each.table)


def _group(table: Table) -> str:
    if table.kind is not Kind.SPREAD:
        return table.kind
    return "space" if table.key == SPACE else f"own by {table.key}"
