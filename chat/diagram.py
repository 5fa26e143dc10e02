"""A Mermaid entity-relationship diagram of models, small enough to be read on GitHub.

Every column is drawn but the moments that are everywhere, and every key but those to users, whose
lines would cross all others.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from django.contrib.auth import get_user_model
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.errors import SchemaError


class DiagramMarkersError(SchemaError):
    """The file has no place for the diagram."""

    def __init__(self, path: Path, *, start: str, end: str) -> None:
        self.path = path
        super().__init__(
            seen=f"Expected in {path}, once and in this order: {start} and {end}",
            next_step="Put these two lines where the diagram is to stand.",
        )


class MissingFileError(SchemaError):
    """The file is not there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(seen=f"Expected {path}", next_step="Write it first, or correct its name.")


class StaleDiagramError(SchemaError):
    """The diagram is not what the models say."""

    def __init__(self, path: Path, *, command: str) -> None:
        self.path = path
        super().__init__(seen=f"Stale in {path}", next_step=f"Draw it again: {command}")


START = "<!-- schema-diagram:start -->"
END = "<!-- schema-diagram:end -->"

_EVERYWHERE = frozenset({"created_at", "updated_at"})
_SHORT_TYPES = {
    "timestamp with time zone": "timestamptz",
    "double precision": "float8",
    "character varying": "varchar",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    parent: str
    child: str
    parent_end: str
    child_end: str
    label: str


@runtime_checkable
class _DeclaredKey(Protocol):
    """A foreign key in Meta.constraints, whatever class the application has for it."""

    fields: Sequence[str]
    to_fields: Sequence[str]

    def target(self, model: type[models.Model]) -> type[models.Model]: ...


def er_diagram(tables: Iterable[type[models.Model]], *, connection: BaseDatabaseWrapper) -> str:
    """Return an `erDiagram` of the managed models' tables, sorted by name; no statement.

    Each table shows its keys (PK, FK, UK) and then its other columns, without created_at and
    updated_at. A line is a foreign key that the database keeps, a ForeignKey's own or one declared
    in Meta.constraints, labelled with its columns. Keys to the user model, and to tables outside
    the diagram, are marked FK and have no line. `connection` tells the names of the column types
    and is not opened.
    """
    drawn = sorted((table for table in tables if _is_drawn(table)), key=_name)
    lines = ["erDiagram", "    direction LR"]
    for table in drawn:
        lines.append(f"    {_name(table)} {{")
        lines += [f"        {row}" for row in _rows(table, connection)]
        lines.append("    }")
    return "\n".join([*lines, *(f"    {line}" for line in _relation_lines(drawn))])


def replace_diagram(text: str, diagram: str, *, path: Path) -> str:
    """Return `text` with the diagram, as a code block, between the two markers.

    Raises:
        DiagramMarkersError: the markers are not there once each, the start first; it names `path`.
    """
    if text.count(START) != 1 or text.count(END) != 1 or text.index(START) > text.index(END):
        raise DiagramMarkersError(path, start=START, end=END)
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    return f"{before}{START}\n```mermaid\n{diagram}\n```\n{END}{after}"


def _is_drawn(table: type[models.Model]) -> bool:
    options = _options(table)
    return bool(options.managed and not options.proxy and not options.auto_created)


def _options(table: type[models.Model]) -> Any:
    return table._meta


def _name(table: type[models.Model]) -> str:
    # An entity's name is a word; a quoted table name (db_table='"odd.name"') is not.
    return re.sub(r"\W+", "_", str(_options(table).db_table)).strip("_")


def _rows(table: type[models.Model], connection: BaseDatabaseWrapper) -> list[str]:
    keys, others = [], []
    for column in _options(table).local_concrete_fields:
        marks = _marks(table, column)
        row = f"{_short_type(column, connection)} {column.column}"
        if marks:
            keys.append(f"{row} {', '.join(marks)}")
        elif column.column not in _EVERYWHERE:
            others.append(row)
    return keys + others


def _marks(table: type[models.Model], column: "models.Field[Any, Any]") -> list[str]:
    options = _options(table)
    is_primary = column.primary_key or column in options.pk_fields
    unique_alone = {
        constraint.fields[0]
        for constraint in options.constraints
        if isinstance(constraint, models.UniqueConstraint)
        and len(constraint.fields) == 1
        and constraint.condition is None
    }
    marks = []
    if is_primary:
        marks.append("PK")
    if isinstance(column, models.ForeignKey):
        marks.append("FK")
    if not is_primary and (column.unique or column.name in unique_alone):
        marks.append("UK")
    return marks


def _short_type(column: "models.Field[Any, Any]", connection: BaseDatabaseWrapper) -> str:
    full = column.db_parameters(connection)["type"] or "unknown"
    bare = re.sub(r"\([^)]*\)", "", full).strip()
    is_array = bare.endswith("[]")
    bare = bare.removesuffix("[]")
    word = re.sub(r"\W+", "_", _SHORT_TYPES.get(bare, bare)).strip("_")
    return f"{word}[]" if is_array else word


def _relation_lines(drawn: Sequence[type[models.Model]]) -> list[str]:
    shown = set(drawn) - {get_user_model()}
    relations = {
        _Relation(
            parent=_name(parent),
            child=_name(table),
            parent_end="|o" if any(column.null for column in columns) else "||",
            child_end="o|" if _is_unique(table, columns) else "o{",
            label=", ".join(dict.fromkeys(str(column.column) for column in columns)),
        )
        for table in drawn
        for parent, columns in _foreign_keys(table)
        if parent in shown
    }
    return sorted(
        f"{relation.parent} {relation.parent_end}--{relation.child_end} {relation.child} "
        f': "{relation.label}"'
        for relation in relations
    )


def _foreign_keys(
    table: type[models.Model],
) -> Iterator[tuple[type[models.Model], Sequence["models.Field[Any, Any]"]]]:
    options = _options(table)
    for column in options.local_concrete_fields:
        if isinstance(column, models.ForeignKey) and column.db_constraint:  # type: ignore[attr-defined]
            yield _model(column.related_model), [column]
    for constraint in options.constraints:
        if isinstance(constraint, _DeclaredKey):
            fields = [options.get_field(name) for name in constraint.fields]
            yield constraint.target(table), fields


def _is_unique(table: type[models.Model], columns: Sequence["models.Field[Any, Any]"]) -> bool:
    """Tell whether the columns are a key of the table, or more than one."""
    names = {column.name for column in columns}
    options = _options(table)
    keys = [{column.name for column in options.pk_fields}]
    keys += [{column.name} for column in columns if column.unique]
    keys += [
        set(constraint.fields)
        for constraint in options.constraints
        if isinstance(constraint, models.UniqueConstraint) and constraint.condition is None
    ]
    return any(key and key <= names for key in keys)


def _model(related: Any) -> type[models.Model]:
    model: type[models.Model] = related
    return model
