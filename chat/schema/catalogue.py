"""The live catalogue as values: what is in a schema, object by object, comparable and hashable.

Two databases that answer alike give equal catalogues, whatever their OIDs, their sessions'
settings, or the order in which things were made.
"""

import hashlib
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue_sql import QUERIES, SESSION


class ObjectKind(StrEnum):
    """The kinds of objects that are read, in the order in which a diff shows them."""

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


class Change(StrEnum):
    """What happened to an object between two catalogues."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogueObject:
    """One object: its qualified name and its definition in PostgreSQL's own words.

    `table` is the qualified name of the table that it goes with, if any. `position` is a column's
    ordinal: a column that was dropped and added again comes last, so it is known but not compared.
    """

    kind: ObjectKind
    name: str
    definition: str
    table: str | None = field(default=None, compare=False)
    position: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Every object of a schema, sorted by kind and name."""

    objects: tuple[CatalogueObject, ...]

    def __iter__(self) -> Iterator[CatalogueObject]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def definitions(self) -> dict[tuple[ObjectKind, str], str]:
        """Return the definition of every object by its kind and qualified name."""
        return {(thing.kind, thing.name): thing.definition for thing in self.objects}

    def of_kind(self, kind: ObjectKind) -> dict[str, str]:
        """Return the definition of every object of a kind by its qualified name."""
        return {thing.name: thing.definition for thing in self.objects if thing.kind is kind}

    def without_tables(self, names: Collection[str]) -> "Catalogue":
        """Return the catalogue without these tables (`public.x`) and all that goes with them."""
        return Catalogue(tuple(thing for thing in self.objects if thing.table not in names))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One object that two catalogues do not agree on."""

    kind: ObjectKind
    name: str
    what: Change
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.name}"


def read_catalogue(connection: BaseDatabaseWrapper, *, schema: str = "public") -> Catalogue:
    """Return the catalogue of a schema, and every extension of the database.

    What belongs to an extension is left out, the extension itself is in. Not read: owners and
    privileges, rules, extended statistics, publications, event triggers, data.

    13 statements, however big the schema is, in a transaction (or a savepoint) of their own that
    is rolled back, so that the session is left as it was. Locks nothing but the catalogue's own
    rows; what others change meanwhile may be seen by one statement and not by another.
    """
    connection.ensure_connection()
    session = connection.connection
    found: list[CatalogueObject] = []
    with session.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute(SESSION)
        for query in QUERIES:
            cursor.execute(query, {"schema": schema})
            found += [
                CatalogueObject(
                    kind=ObjectKind(kind),
                    name=name,
                    definition=definition,
                    table=table,
                    position=position,
                )
                for kind, name, table, position, definition in cursor.fetchall()
            ]
    return Catalogue(tuple(sorted(found, key=lambda thing: _order(thing.kind, thing.name))))


def diff(before: Catalogue, after: Catalogue) -> list[Difference]:
    """Return what was added, removed or changed, in the order of the kinds, then by name."""
    old, new = before.definitions(), after.definitions()
    differences = []
    for kind, name in sorted(old.keys() | new.keys(), key=lambda key: _order(*key)):
        was, now = old.get((kind, name)), new.get((kind, name))
        if was == now:
            continue
        what = Change.ADDED if was is None else Change.REMOVED if now is None else Change.CHANGED
        differences.append(Difference(kind=kind, name=name, what=what, before=was, after=now))
    return differences


def fingerprint(catalogue: Catalogue) -> str:
    """Return `sha256:` and 64 hexadecimal digits, equal exactly when the catalogues are equal."""
    canonical = json.dumps(
        [[thing.kind, thing.name, thing.definition] for thing in catalogue.objects],
        ensure_ascii=True,
        separators=(",", ":"),
    )
    return f"sha256:{hashlib.sha256(canonical.encode('ascii')).hexdigest()}"


_RANK = {kind: rank for rank, kind in enumerate(ObjectKind)}


def _order(kind: ObjectKind, name: str) -> tuple[int, str]:
    return _RANK[kind], name
