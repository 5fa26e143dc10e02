"""The Mermaid entity-relationship diagram of chat/README.md, small enough to be read on GitHub.

Every column is drawn except created_at and updated_at, and every foreign key except those to users,
whose lines would cross all others.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.db.constraints import CompositeForeignKey
from chat.schema.errors import SchemaError

START = "<!-- schema-diagram:start -->"
END = "<!-- schema-diagram:end -->"

_EVERYWHERE = frozenset({"created_at", "updated_at"})
_SHORT_TYPES = {"timestamp with time zone": "timestamptz", "character varying": "varchar"}


class DiagramError(SchemaError):
    """The file does not have the diagram of the models."""


def er_diagram(tables: Iterable[type[models.Model]], *, connection: BaseDatabaseWrapper) -> str:
    """Return an `erDiagram` of the managed models' tables, sorted by name; no statement.

    Each table shows its keys (PK, FK, UK) and then its other columns. A line is a foreign key that
    the database checks, labelled with its columns. Keys to the user model, and to tables outside
    the diagram, are marked FK and have no line. `connection` tells the names of the column types
    and is not opened.
    """
    drawn = sorted(
        (
            table
            for table in tables
            if table._meta.managed and not table._meta.proxy and not table._meta.auto_created
        ),
        key=_name,
    )
    lines = ["erDiagram", "    direction LR"]
    for table in drawn:
        lines.append(f"    {_name(table)} {{")
        lines += [f"        {row}" for row in _rows(table, connection)]
        lines.append("    }")
    return "\n".join([*lines, *(f"    {line}" for line in _relations(drawn))])


def replace_diagram(text: str, diagram: str, *, path: Path) -> str:
    """Return `text` with the diagram, as a code block, between the two markers.

    Raises:
        DiagramError: the markers are not there once each, the start first; it names `path`.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise DiagramError(
            seen=f"Expected in {path}, once and in this order: {START} and {END}",
            next_step="Put these two lines where the diagram is to be.",
        )
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    return f"{before}{START}\n```mermaid\n{diagram}\n```\n{END}{after}"


def _name(table: type[models.Model]) -> str:
    return table._meta.db_table


def _rows(table: type[models.Model], connection: BaseDatabaseWrapper) -> list[str]:
    keys, others = [], []
    for column in table._meta.local_concrete_fields:
        marks = list(_marks(table, column))
        row = f"{_short_type(column, connection)} {column.column}"
        if marks:
            keys.append(f"{row} {', '.join(marks)}")
        elif column.column not in _EVERYWHERE:
            others.append(row)
    return keys + others


def _marks(table: type[models.Model], column: Any) -> Iterator[str]:
    is_primary = column in table._meta.pk_fields
    if is_primary:
        yield "PK"
    if isinstance(column, models.ForeignKey):
        yield "FK"
    if not is_primary and {column.name} in _unique_keys(table):
        yield "UK"


def _short_type(column: Any, connection: BaseDatabaseWrapper) -> str:
    bare = re.sub(r"\([^)]*\)", "", column.db_parameters(connection)["type"])
    return _SHORT_TYPES.get(bare, bare)


def _relations(drawn: Sequence[type[models.Model]]) -> list[str]:
    shown = set(drawn) - {get_user_model()}
    lines = set()
    for table in drawn:
        for parent, columns in _foreign_keys(table):
            if parent in shown:
                names = {column.name for column in columns}
                parent_end = "|o" if any(column.null for column in columns) else "||"
                child_end = "o|" if any(key <= names for key in _unique_keys(table)) else "o{"
                label = ", ".join(dict.fromkeys(column.column for column in columns))
                lines.add(f'{_name(parent)} {parent_end}--{child_end} {_name(table)} : "{label}"')
    return sorted(lines)


def _foreign_keys(
    table: type[models.Model],
) -> Iterator[tuple[type[models.Model], Sequence[Any]]]:
    column: Any
    for column in table._meta.local_concrete_fields:
        if column.is_relation and column.db_constraint:
            yield column.related_model, [column]
    for constraint in table._meta.constraints:
        if isinstance(constraint, CompositeForeignKey):
            fields = [table._meta.get_field(name) for name in constraint.fields]
            yield constraint.target(table), fields


def _unique_keys(table: type[models.Model]) -> list[set[str]]:
    options = table._meta
    return [
        {column.name for column in options.pk_fields},
        *({column.name} for column in options.local_concrete_fields if column.unique),
        *(
            set(constraint.fields)
            for constraint in options.constraints
            if isinstance(constraint, models.UniqueConstraint)
            and constraint.fields
            and constraint.condition is None
        ),
    ]
