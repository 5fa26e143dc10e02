"""What tables and columns a database has, and what a rollback did to them.

A table is known by its OID and a column by its number, not by their names: what is renamed is
still there. Nothing here changes or locks anything.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, LiteralString

from django.db.backends.base.base import BaseDatabaseWrapper

_RELATIONS: Final[LiteralString] = """
SELECT c.oid, c.relkind, n.nspname, c.relname, c.oid::regclass::text, c.relfilenode, c.reltuples,
       a.attnum, a.attname, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
       a.attgenerated <> ''
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'f', 'v', 'm')
  AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema'
  AND n.nspname !~ '^pg_'
ORDER BY n.nspname, c.relname, a.attnum
"""

# Of this transaction alone; TRUNCATE is not counted there.
_ROWS_TOUCHED: Final[LiteralString] = """
SELECT relid, n_tup_ins, n_tup_upd, n_tup_del
FROM pg_stat_xact_user_tables
WHERE n_tup_ins + n_tup_upd + n_tup_del > 0
"""

_EMPTY: Final[LiteralString] = """
SELECT oid FROM pg_class WHERE oid = ANY(%s) AND pg_relation_size(oid) = 0
"""

_DESCENDANTS: Final[LiteralString] = """
WITH RECURSIVE below (ancestor, descendant) AS (
    SELECT inhparent, inhrelid FROM pg_inherits WHERE inhparent = ANY(%s)
    UNION
    SELECT b.ancestor, i.inhrelid
    FROM below AS b
    JOIN pg_inherits AS i ON i.inhparent = b.descendant
)
SELECT ancestor, descendant FROM below
"""


class RelationKind(StrEnum):
    """What pg_class.relkind says; of these only tables and partitioned tables hold data."""

    TABLE = "r"
    PARTITIONED_TABLE = "p"
    FOREIGN_TABLE = "f"
    VIEW = "v"
    MATERIALIZED_VIEW = "m"

    @property
    def is_table(self) -> bool:
        """Whether rows are stored in it that come from nowhere else."""
        return self in {RelationKind.TABLE, RelationKind.PARTITIONED_TABLE}


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `shown` is its name quoted where it must be."""

    name: str
    shown: str
    type: str
    is_generated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table or view; `shown` is its name as the search path needs it.

    `storage` changes when PostgreSQL writes the table anew. `estimated_rows` is what VACUUM and
    ANALYZE left, -1 where they have never been.
    """

    oid: int
    kind: RelationKind
    schema: str
    name: str
    shown: str
    storage: int
    estimated_rows: int
    columns: Mapping[int, Column]


@dataclass(frozen=True, slots=True)
class RowsTouched:
    """How many rows of a table this transaction has inserted, updated and deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationsSeen:
    """The relations of a database by OID, and what this transaction did to their rows.

    `touched` has only tables whose rows were touched.
    """

    relations: Mapping[int, Relation]
    touched: Mapping[int, RowsTouched]


class EffectKind(StrEnum):
    """What a rollback can do to stored data."""

    TABLE_DROPPED = "table dropped"
    TABLE_EMPTIED = "table emptied"
    TABLE_REPLACED = "table replaced"
    ROWS_DELETED = "rows deleted"
    ROWS_UPDATED = "rows updated"
    COLUMN_DROPPED = "column dropped"
    COLUMN_REPLACED = "column replaced"
    COLUMN_RETYPED = "column retyped"
    DEFINITION_DROPPED = "definition dropped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One change that a rollback makes, told by the names from before it.

    `rows` is their number where it is known without counting; `new_type` is that of a column that
    has another type afterwards.
    """

    kind: EffectKind
    relation: Relation
    column: Column | None = None
    rows: int | None = None
    new_type: str | None = None


def read_relations(connection: BaseDatabaseWrapper) -> RelationsSeen:
    """Return every relation of every schema but PostgreSQL's own; two statements.

    Temporary tables are left out.
    """
    relations: dict[int, Relation] = {}
    columns: dict[int, dict[int, Column]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_RELATIONS)
        for row in cursor.fetchall():
            oid, kind, schema, name, shown, storage, estimate, number = row[:8]
            if oid not in relations:
                relations[oid] = Relation(
                    oid=oid,
                    kind=RelationKind(kind),
                    schema=schema,
                    name=name,
                    shown=shown,
                    storage=storage,
                    estimated_rows=int(estimate),
                    columns=columns.setdefault(oid, {}),
                )
            if number is not None:
                columns[oid][number] = Column(*row[8:])
        cursor.execute(_ROWS_TOUCHED)
        touched = {oid: RowsTouched(*counts) for oid, *counts in cursor.fetchall()}
    return RelationsSeen(relations=relations, touched=touched)


def read_empty(
    connection: BaseDatabaseWrapper, before: RelationsSeen, after: RelationsSeen
) -> set[int]:
    """Return the OIDs of the tables that were written anew and hold nothing now; one statement.

    Those are locked by this transaction already, so nothing waits.
    """
    anew = [
        oid
        for oid, relation in after.relations.items()
        if oid in before.relations and _is_written_anew(before.relations[oid], relation)
    ]
    if not anew:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(_EMPTY, [anew])
        return {oid for (oid,) in cursor.fetchall()}


def read_descendants(
    connection: BaseDatabaseWrapper, relations: Iterable[Relation]
) -> dict[int, set[int]]:
    """Return the OIDs of the partitions and children of tables, all the way down; one statement."""
    descendants: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_DESCENDANTS, [[relation.oid for relation in relations]])
        for ancestor, descendant in cursor.fetchall():
            descendants.setdefault(ancestor, set()).add(descendant)
    return descendants


def effects(before: RelationsSeen, after: RelationsSeen, *, empty: set[int]) -> list[Effect]:
    """Return what happened to data between two looks in one transaction, table by table.

    A generated column loses nothing: its values come from other columns. A type that changed
    without the table being written anew changed no value. A table that was empty before looks like
    one that was emptied; counting it tells them apart.
    """
    names = {relation.shown for relation in after.relations.values()}
    found = []
    for oid, was in before.relations.items():
        now = after.relations.get(oid)
        if not was.kind.is_table:
            if now is None and was.shown not in names:
                found.append(Effect(kind=EffectKind.DEFINITION_DROPPED, relation=was))
        elif now is None:
            is_replaced = was.shown in names
            kind = EffectKind.TABLE_REPLACED if is_replaced else EffectKind.TABLE_DROPPED
            found.append(Effect(kind=kind, relation=was))
        else:
            if oid in empty:
                found.append(Effect(kind=EffectKind.TABLE_EMPTIED, relation=was))
            else:
                found += _row_effects(was, now, before=before, after=after)
            found += _column_effects(was, now)
    return found


def _row_effects(
    was: Relation, now: Relation, *, before: RelationsSeen, after: RelationsSeen
) -> Iterator[Effect]:
    then = before.touched.get(was.oid, RowsTouched())
    since = after.touched.get(was.oid, RowsTouched())
    # TRUNCATE, then INSERT: the counters tell of the INSERT alone.
    if _is_written_anew(was, now) and since.inserted > then.inserted:
        yield Effect(kind=EffectKind.TABLE_REPLACED, relation=was)
    if deleted := since.deleted - then.deleted:
        yield Effect(kind=EffectKind.ROWS_DELETED, relation=was, rows=deleted)
    if updated := since.updated - then.updated:
        yield Effect(kind=EffectKind.ROWS_UPDATED, relation=was, rows=updated)


def _column_effects(was: Relation, now: Relation) -> Iterator[Effect]:
    names = {column.name for column in now.columns.values()}
    for number, column in was.columns.items():
        kept = now.columns.get(number)
        if column.is_generated:
            if kept is None:
                yield Effect(kind=EffectKind.DEFINITION_DROPPED, relation=was, column=column)
        elif kept is None:
            is_replaced = column.name in names
            kind = EffectKind.COLUMN_REPLACED if is_replaced else EffectKind.COLUMN_DROPPED
            yield Effect(kind=kind, relation=was, column=column)
        elif kept.type != column.type and _is_written_anew(was, now):
            yield Effect(
                kind=EffectKind.COLUMN_RETYPED, relation=was, column=column, new_type=kept.type
            )


def _is_written_anew(was: Relation, now: Relation) -> bool:
    return was.storage != now.storage
