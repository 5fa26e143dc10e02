"""The live catalogue as values: what is in a schema, object by object, comparable and hashable.

Two databases that answer alike give equal catalogues, whatever their OIDs, their sessions'
settings, or the order in which things were made.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, TypeAlias

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import ClientCursor, Connection
from psycopg.sql import SQL

from chat.schema.catalogue.statement import CATALOGUE, SESSION
from chat.schema.session.settings import is_usable


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

    @classmethod
    def of(cls, objects: Iterable[CatalogueObject]) -> "Catalogue":
        """Return the catalogue of these objects, in whatever order they come."""
        return cls(tuple(sorted(objects, key=lambda thing: _order(thing.kind, thing.name))))

    def __iter__(self) -> Iterator[CatalogueObject]:
        return iter(self.objects)

    def __len__(self) -> int:
        return len(self.objects)

    def by_key(self) -> dict[tuple[ObjectKind, str], CatalogueObject]:
        """Return every object by its kind and qualified name."""
        return {(thing.kind, thing.name): thing for thing in self.objects}

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

    2 statements, however big the schema is, in a transaction (or a savepoint) of their own that is
    rolled back, so that the session is left as it was. Locks nothing. What others change meanwhile
    may be seen in part, as definitions are printed from what is newest.
    """
    connection.ensure_connection()
    session = connection.connection
    with session.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute(SESSION)
        cursor.execute(CATALOGUE, {"schema": schema})
        return _catalogue(cursor.fetchall())


def read_definitions(session: Connection, *, schema: str) -> dict[tuple[ObjectKind, str], str]:
    """Return the definitions of a schema in the transaction that is open; one statement.

    They are printed as the session's settings have it: `SESSION` is what makes them comparable.
    """
    rows = session.execute(CATALOGUE, {"schema": schema}).fetchall()
    return _catalogue(rows).definitions()


class CatalogueReader:
    """Reads one schema again and again in one session, which keeps the plan of the statement.

    Planning is half of the time that a catalogue takes. psycopg's own prepared statements do not
    live through DDL and rollbacks, so this is the server's: never behind a pooler in transaction
    mode, and to be closed, unless the session ends anyway.
    """

    def __init__(self, connection: BaseDatabaseWrapper, *, schema: str = "public") -> None:
        self._connection = connection
        self._schema = schema
        self._session: Connection | None = None
        # Most objects are as they were the last time, and need not be made again.
        self._seen: dict[_Row, CatalogueObject] = {}

    def read(self) -> Catalogue:
        """Return what `read_catalogue` returns, in 3 statements, and one more the first time.

        A session that is another one, or was told to forget its plans, plans again.
        """
        self._connection.ensure_connection()
        session = self._connection.connection
        with session.transaction(force_rollback=True), self._connection.cursor() as cursor:
            cursor.execute(SESSION)
            is_planned = self._is_planned(cursor)
            if is_planned and session is not self._session:
                # Another reader's, perhaps of another schema.
                cursor.execute(_FORGET)
            if not is_planned or session is not self._session:
                self._plan(session)
                self._session = session
            cursor.execute(_READ)
            rows = cursor.fetchall()
        self._seen = {row: self._seen.get(row) or _object(row) for row in rows}
        return Catalogue.of(self._seen.values())

    def close(self) -> None:
        """Let the session forget the plan."""
        session, self._session = self._session, None
        if session is None or not is_usable(self._connection, session=session):
            return
        with self._connection.cursor() as cursor:
            if self._is_planned(cursor):
                cursor.execute(_FORGET)

    def _is_planned(self, cursor: Any) -> bool:
        cursor.execute(_IS_PLANNED)
        return bool(cursor.fetchone()[0])

    def _plan(self, session: Connection) -> None:
        # Bound on the client: without parameters the server plans once and not for each value.
        with ClientCursor(session) as cursor:
            cursor.execute(_PLAN, {"schema": self._schema})


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


_Row: TypeAlias = tuple[str, str, str | None, int | None, str]

_PLAN: Final = SQL("PREPARE read_catalogue AS ") + CATALOGUE
_IS_PLANNED: Final = (
    "SELECT EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'read_catalogue')"
)
_READ: Final = "EXECUTE read_catalogue"
_FORGET: Final = "DEALLOCATE read_catalogue"
_RANK = {kind: rank for rank, kind in enumerate(ObjectKind)}


def _order(kind: ObjectKind, name: str) -> tuple[int, str]:
    return _RANK[kind], name


def _catalogue(rows: Iterable[_Row]) -> Catalogue:
    return Catalogue.of(map(_object, rows))


def _object(row: _Row) -> CatalogueObject:
    kind, name, table, position, definition = row
    return CatalogueObject(
        kind=ObjectKind(kind), name=name, definition=definition, table=table, position=position
    )
