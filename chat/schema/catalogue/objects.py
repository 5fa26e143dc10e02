"""The live catalogue as values: what is in a schema, object by object, comparable and hashable.

Two databases with the same objects have equal catalogues, whatever their OIDs, the settings of
their sessions, or the order in which the objects were made.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection

from chat.schema.catalogue.statement import CATALOGUE, SESSION


class ObjectKind(StrEnum):
    """The kinds of objects that are read, in the order in which a diff has them."""

    EXTENSION = "extension"
    TYPE = "type"
    SEQUENCE = "sequence"
    FUNCTION = "function"
    TABLE = "table"
    COLUMN = "column"
    CONSTRAINT = "constraint"
    INDEX = "index"
    VIEW = "view"
    MATERIALIZED_VIEW = "materialized view"
    TRIGGER = "trigger"
    POLICY = "policy"
    COMMENT = "comment"


ObjectKey: TypeAlias = tuple[ObjectKind, str]


class Change(StrEnum):
    """What happened to an object between two catalogues."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueObject:
    """One object: its qualified name and its definition in PostgreSQL's own words.

    `table` is the qualified name of the table that it belongs to, if any. `position` is a column's
    ordinal. It is not compared, as a column that is dropped and added again comes last.
    """

    kind: ObjectKind
    name: str
    definition: str
    table: str | None = field(default=None, compare=False)
    position: int | None = field(default=None, compare=False)

    @property
    def key(self) -> ObjectKey:
        """Its kind and its qualified name."""
        return self.kind, self.name


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every object of a schema, sorted by kind and name."""

    objects: tuple[CatalogueObject, ...]

    @classmethod
    def of(cls, objects: Iterable[CatalogueObject]) -> "Catalogue":
        """Return the catalogue of these objects, in whatever order they come."""
        return cls(tuple(sorted(objects, key=_order)))

    def __iter__(self) -> Iterator[CatalogueObject]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def by_key(self) -> dict[ObjectKey, CatalogueObject]:
        """Return every object by its kind and qualified name."""
        return {obj.key: obj for obj in self.objects}

    def definitions(self) -> dict[ObjectKey, str]:
        """Return the definition of every object by its kind and qualified name."""
        return {obj.key: obj.definition for obj in self.objects}

    def of_kind(self, kind: ObjectKind) -> dict[str, str]:
        """Return the definition of every object of a kind by its qualified name."""
        return {obj.name: obj.definition for obj in self.objects if obj.kind is kind}

    def without(self, keys: Collection[ObjectKey]) -> "Catalogue":
        """Return the catalogue without these objects."""
        return Catalogue(tuple(obj for obj in self.objects if obj.key not in keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that differs between two catalogues."""

    kind: ObjectKind
    name: str
    what: Change
    before: str | None
    after: str | None

    @property
    def key(self) -> ObjectKey:
        """The kind and the qualified name of the object."""
        return self.kind, self.name

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.name}"


def read_catalogue(connection: BaseDatabaseWrapper, *, schema: str | None = None) -> Catalogue:
    """Return the catalogue of a schema, and every extension of the database.

    Without a schema that is the one in which this session makes its tables: the first on its
    search_path that is there.

    What belongs to an extension is left out, the extension itself is in. Not read: owners and
    privileges, rules, extended statistics, publications, event triggers, data.

    2 statements, however big the schema is, in a transaction (or a savepoint) of their own that is
    rolled back, so that the session's settings are as before. Locks nothing. What others change
    meanwhile may be seen in part, as PostgreSQL prints definitions from the newest catalogue.
    """
    connection.ensure_connection()
    session = connection.connection
    with session.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute(SESSION)
        in_use = cursor.fetchone()[0]
        cursor.execute(CATALOGUE, {"schema": schema or in_use})
        return _catalogue(cursor.fetchall())


def read_definitions(session: Connection, *, schema: str) -> dict[ObjectKey, str]:
    """Return the definitions of a schema in the transaction that is open; one statement.

    How they are printed depends on the session's settings: execute `SESSION` before.
    """
    rows = session.execute(CATALOGUE, {"schema": schema}).fetchall()
    return _catalogue(rows).definitions()


def diff(before: Catalogue, after: Catalogue) -> list[Difference]:
    """Return what was added, removed or changed, by kind, then by name."""
    old, new = before.definitions(), after.definitions()
    differences = []
    for kind, name in old.keys() | new.keys():
        was, now = old.get((kind, name)), new.get((kind, name))
        if was == now:
            continue
        what = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
        differences.append(Difference(kind=kind, name=name, what=what, before=was, after=now))
    return sorted(differences, key=_order)


_Row: TypeAlias = tuple[str, str, str | None, int | None, str]

_RANK = {kind: rank for rank, kind in enumerate(ObjectKind)}


def _order(obj: CatalogueObject | Difference) -> tuple[int, str]:
    return _RANK[obj.kind], obj.name


def _catalogue(rows: Iterable[_Row]) -> Catalogue:
    return Catalogue.of(
        CatalogueObject(
            kind=ObjectKind(kind), name=name, definition=definition, table=table, position=position
        )
        for kind, name, table, position, definition in rows
    )
