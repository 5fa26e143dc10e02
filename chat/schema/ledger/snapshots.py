"""The snapshots in the ledger: the schema that each migration left."""

from dataclasses import dataclass
from datetime import datetime

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import (
    Catalogue,
    CatalogueObject,
    ObjectKind,
    read_catalogue,
)
from chat.schema.ledger import statements as ledger_sql
from chat.schema.ledger.events import BEGUN, OFF, ON
from chat.schema.ledger.stored import from_stored
from chat.schema.ledger.table import Event, MigrationKey, has_ledger

# In whatever schema: a quoted name with a dot in it ends with a quote.
_BOOKKEEPING_TABLES = (f".{ledger_sql.TABLE}", ".django_migrations")


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSnapshot:
    """The last snapshot in the ledger, and the event that it was taken with.

    `at_begin` is what a migration with `atomic = False` found when it was begun after that; it may
    be done in part. `elsewhere` is another schema than the ledger's, with tables, in which this
    session makes its own. `is_current` is false when there is such a migration, or one that ended
    without a snapshot of its own.
    """

    catalogue: Catalogue
    at_begin: Catalogue | None
    event_id: int
    event: Event
    app: str
    name: str
    applied_at: datetime
    postgresql_version: str
    elsewhere: str | None
    is_current: bool


def schema_of_migrations(connection: BaseDatabaseWrapper) -> str | None:
    """Return the schema that has the ledger, else the one in which this session makes its tables.

    None where it can make none. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.SCHEMA)
        (schema,) = cursor.fetchone()
    return str(schema) if schema is not None else None


def take_catalogue(connection: BaseDatabaseWrapper) -> Catalogue:
    """Return the catalogue as it is now in this session, without the bookkeeping; 3 statements."""
    schema = schema_of_migrations(connection)
    return without_bookkeeping(read_catalogue(connection, schema=schema))


def last_snapshot(connection: BaseDatabaseWrapper) -> RecordedSnapshot | None:
    """Return the last snapshot in the ledger, None when there is none; two statements at most.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if not has_ledger(connection):
        return None
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.LAST_SNAPSHOT)
        row = cursor.fetchone()
    if row is None:
        return None
    event_id, event, app, name, applied_at, version, elsewhere, catalogue, at_begin, is_current = (
        row
    )
    return RecordedSnapshot(
        catalogue=from_stored(catalogue),
        at_begin=from_stored(at_begin) if at_begin else None,
        event_id=event_id,
        event=Event(event),
        app=app,
        name=name,
        applied_at=applied_at,
        postgresql_version=version,
        elsewhere=elsewhere,
        is_current=is_current,
    )


def left_by_migrations(connection: BaseDatabaseWrapper, names: list[str]) -> list[str]:
    """Return which of these tables and views the last snapshot has; two statements at most."""
    if not names or not has_ledger(connection):
        return []
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.IN_LAST_SNAPSHOT, (names,))
        return [name for (name,) in cursor.fetchall()]


def catalogue_before(connection: BaseDatabaseWrapper, key: MigrationKey) -> Catalogue | None:
    """Return the catalogue when a migration that has not ended was first begun; one statement.

    None when the ledger does not have it, or the migration has ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            ledger_sql.CATALOGUE_BEFORE,
            {
                "key": list(key),
                "begun": [str(event) for event in BEGUN],
                "ended": [str(event) for event in (*ON, *OFF)],
            },
        )
        row = cursor.fetchone()
    return from_stored(row[0]) if row and row[0] is not None else None


def without_bookkeeping(catalogue: Catalogue) -> Catalogue:
    """Return the catalogue without the ledger, its function, and Django's own table."""
    return Catalogue(tuple(obj for obj in catalogue if not _is_bookkeeping(obj)))


def _is_bookkeeping(obj: CatalogueObject) -> bool:
    if obj.kind is ObjectKind.FUNCTION:
        return f".{ledger_sql.FUNCTION}(" in obj.name
    return obj.table is not None and obj.table.endswith(_BOOKKEEPING_TABLES)
