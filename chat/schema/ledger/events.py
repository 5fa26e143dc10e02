"""The ledger `schema_migrations`: with which bytes, by whom, when, and how long.

Only ever added to. Django's own table stays the truth of what is applied; a migration that Django
has and the ledger has not ran before there was a ledger. The table is made as Django makes its
own: no migration, no model, so that no flush empties it.
"""

import getpass
import json
import os
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeAlias

import django
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.types.json import Jsonb

from chat.schema.catalogue.changes import CatalogueChanges, changed
from chat.schema.catalogue.objects import (
    Catalogue,
    CatalogueObject,
    ObjectKind,
    fingerprint,
    read_catalogue,
)
from chat.schema.errors import ForeignLedgerError
from chat.schema.ledger import statements as ledger_sql

MigrationKey: TypeAlias = tuple[str, str]

_COLUMNS = frozenset(
    {
        "id",
        "event",
        "app",
        "name",
        "checksum",
        "duration_ms",
        "applied_at",
        "applied_by",
        "django_version",
        "postgresql_version",
        "wal_lsn",
        "fingerprint",
        "catalogue",
        "reason",
    }
)
_BOOKKEEPING_TABLES = (ledger_sql.TABLE, "django_migrations")


class Event(StrEnum):
    """What can happen to a migration."""

    STARTED = "started"
    APPLIED = "applied"
    UNAPPLY_STARTED = "unapply_started"
    UNAPPLIED = "unapplied"
    FAILED = "failed"
    FAKED = "faked"
    UNFAKED = "unfaked"
    SQUASHED = "squashed"
    ACCEPTED = "accepted"
    ADOPTED = "adopted"
    DRIFTED = "drifted"
    PRUNED = "pruned"


_ON = (Event.APPLIED, Event.FAKED, Event.SQUASHED)
_OFF = (Event.UNAPPLIED, Event.UNFAKED, Event.PRUNED)
_BEGUN = (Event.STARTED, Event.UNAPPLY_STARTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEvent:
    """One row of the ledger, without its catalogue."""

    id: int
    event: Event
    app: str
    name: str
    checksum: str | None
    duration_ms: int | None
    applied_at: datetime
    applied_by: str
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the ledger says of one migration.

    `applied` is the event that made it applied, None when it was undone since. `checksum` is of
    the bytes that are in force: those it was applied with, or those accepted since. `begun` is a
    start without an end, `failure` how that went wrong, None when nobody lived to say it.
    """

    applied: LedgerEvent | None = None
    checksum: str | None = None
    begun: LedgerEvent | None = None
    failure: LedgerEvent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The fingerprint of what is there, and the catalogue to keep, if any.

    Both are without the ledger and Django's table. The catalogue is as the migrations left it: what
    was changed past them is in the fingerprint and not in here. Only its changes are enough where
    the row before has it, or the changes that lead there, within the same run.
    """

    fingerprint: str
    catalogue: Catalogue | CatalogueChanges | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedSnapshot:
    """The last snapshot in the ledger, and the event that it was taken with.

    `is_current` is false when a migration did something since that has no snapshot of its own, or
    may have: one that is not one transaction was begun, and found `at_begin`.
    """

    catalogue: Catalogue
    at_begin: Catalogue | None
    event_id: int
    event: Event
    app: str
    name: str
    applied_at: datetime
    postgresql_version: str
    is_current: bool


def has_ledger(connection: BaseDatabaseWrapper) -> bool:
    """Return whether the ledger is there; one statement.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.COLUMNS)
        (columns,) = cursor.fetchone()
    if columns is None:
        return False
    if missing := _COLUMNS - set(columns):
        raise ForeignLedgerError(ledger_sql.TABLE, columns=columns, missing=sorted(missing))
    return True


def ensure_ledger(connection: BaseDatabaseWrapper) -> None:
    """Make the ledger where it is not there yet, in one transaction.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if has_ledger(connection):
        return
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute(ledger_sql.CREATE)


def append(
    connection: BaseDatabaseWrapper,
    *,
    event: Event,
    app: str,
    name: str,
    checksum: str | None = None,
    duration_ms: int | None = None,
    snapshot: Snapshot | None = None,
    reason: str | None = None,
    is_urgent: bool = True,
) -> None:
    """Add one row; one statement, in the transaction that is open, if any.

    One that is not urgent, in a transaction of its own, is on the disk with the next that is.
    """
    # Django's stubs do not know what psycopg can adapt.
    row: tuple[Any, ...] = (
        event,
        app,
        name,
        checksum,
        duration_ms,
        operating_system_user(),
        django.get_version(),
        snapshot.fingerprint if snapshot else None,
        Jsonb(_kept(snapshot.catalogue)) if snapshot and snapshot.catalogue is not None else None,
        reason,
    )
    with connection.cursor() as cursor:
        if is_urgent or connection.in_atomic_block:
            cursor.execute(ledger_sql.APPEND, row)
        else:
            cursor.execute(ledger_sql.APPEND_UNHURRIED, row)


def read_histories(connection: BaseDatabaseWrapper) -> dict[MigrationKey, History]:
    """Return what the ledger says, migration by migration; nothing where there is no ledger.

    Two statements, one where there is none.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if not has_ledger(connection):
        return {}
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.LAST_EVENTS, ([str(event) for event in Event],))
        rows = cursor.fetchall()
    last: dict[MigrationKey, dict[Event, LedgerEvent]] = {}
    for row in rows:
        event = _event(row)
        last.setdefault((event.app, event.name), {})[event.event] = event
    return {key: _history(events) for key, events in last.items()}


def take_catalogue(connection: BaseDatabaseWrapper, *, schema: str = "public") -> Catalogue:
    """Return the catalogue as it is now in this session, without the bookkeeping; 2 statements."""
    return without_bookkeeping(read_catalogue(connection, schema=schema), schema=schema)


def read_events(
    connection: BaseDatabaseWrapper, *, before: int | None = None, limit: int = 50
) -> list[LedgerEvent]:
    """Return what was done, newest first, at most `limit`; `before` is the id to go on from.

    Kinds that only newer code knows are left out. Two statements, one where there is no ledger.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if not has_ledger(connection):
        return []
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.EVENTS, ([str(event) for event in Event], before, limit))
        return [_event(row) for row in cursor.fetchall()]


def take_snapshot(connection: BaseDatabaseWrapper, *, schema: str = "public") -> Snapshot:
    """Return the snapshot of the database as it is, whoever made it so; 2 statements."""
    return snapshot_of(take_catalogue(connection, schema=schema))


def snapshot_of(catalogue: Catalogue) -> Snapshot:
    """Return the snapshot of a database that is as this catalogue says, without drift."""
    return Snapshot(fingerprint=fingerprint(catalogue), catalogue=catalogue)


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
    event_id, event, app, name, applied_at, version, whole, since, at_begin, is_current = row
    return RecordedSnapshot(
        catalogue=changed(_from_json(whole), _changes_from_json(since)),
        at_begin=_from_json(at_begin) if at_begin else None,
        event_id=event_id,
        event=Event(event),
        app=app,
        name=name,
        applied_at=applied_at,
        postgresql_version=version,
        is_current=is_current,
    )


def catalogue_before(connection: BaseDatabaseWrapper, key: MigrationKey) -> Catalogue | None:
    """Return the catalogue when a migration that has not ended was first begun; one statement.

    None when the ledger does not have it, or the migration has ended.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            ledger_sql.CATALOGUE_BEFORE,
            {
                "key": list(key),
                "begun": [str(event) for event in _BEGUN],
                "ended": [str(event) for event in (*_ON, *_OFF)],
            },
        )
        row = cursor.fetchone()
    return _from_json(row[0]) if row and row[0] is not None else None


def without_bookkeeping(catalogue: Catalogue, *, schema: str = "public") -> Catalogue:
    """Return the catalogue without the ledger, its function, and Django's own table."""
    rest = catalogue.without_tables({f"{schema}.{table}" for table in _BOOKKEEPING_TABLES})
    function = f"{schema}.{ledger_sql.FUNCTION}("
    return Catalogue(
        tuple(
            thing
            for thing in rest
            if not (thing.kind is ObjectKind.FUNCTION and thing.name.startswith(function))
        )
    )


@cache
def operating_system_user() -> str:
    """Return who runs this process, and where: `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # In a container, a number that nobody gave a name.
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _event(row: tuple[Any, ...]) -> LedgerEvent:
    event_id, event, app, name, checksum, duration_ms, applied_at, applied_by, reason = row
    return LedgerEvent(
        id=event_id,
        event=Event(event),
        app=app,
        name=name,
        checksum=checksum,
        duration_ms=duration_ms,
        applied_at=applied_at,
        applied_by=applied_by,
        reason=reason,
    )


def _history(events: Mapping[Event, LedgerEvent]) -> History:
    on, off, begun = (_latest(events, kinds) for kinds in (_ON, _OFF, _BEGUN))
    accepted, failed = events.get(Event.ACCEPTED), events.get(Event.FAILED)
    applied = on if on and _is_after(on, off) else None
    if accepted and not (_is_after(accepted, on) and _is_after(accepted, off)):
        accepted = None
    in_force = accepted or applied
    if begun and not (_is_after(begun, on) and _is_after(begun, off)):
        begun = None
    return History(
        applied=applied or accepted,
        checksum=in_force.checksum if in_force else None,
        begun=begun,
        failure=failed if begun and failed and _is_after(failed, begun) else None,
    )


def _latest(events: Mapping[Event, LedgerEvent], kinds: Iterable[Event]) -> LedgerEvent | None:
    return max((events[kind] for kind in kinds if kind in events), key=_id, default=None)


def _id(event: LedgerEvent) -> int:
    return event.id


def _is_after(one: LedgerEvent, other: LedgerEvent | None) -> bool:
    return other is None or one.id > other.id


def _kept(catalogue: Catalogue | CatalogueChanges) -> Any:
    if isinstance(catalogue, Catalogue):
        return _to_json(catalogue)
    return {"put": _to_json(catalogue.put), "gone": catalogue.gone}


def _to_json(objects: Iterable[CatalogueObject]) -> list[list[str | int | None]]:
    return [
        [thing.kind, thing.name, thing.definition, thing.table, thing.position] for thing in objects
    ]


def _from_json(stored: str) -> Catalogue:
    # A string: Django's connections leave it to fields to read JSON.
    return Catalogue(_objects(json.loads(stored)))


def _changes_from_json(stored: str | None) -> list[CatalogueChanges]:
    return [
        CatalogueChanges(
            put=_objects(step["put"]),
            gone=tuple((ObjectKind(kind), name) for kind, name in step["gone"]),
        )
        for step in json.loads(stored or "[]")
    ]


def _objects(rows: Iterable[Any]) -> tuple[CatalogueObject, ...]:
    return tuple(
        CatalogueObject(
            kind=ObjectKind(kind), name=name, definition=definition, table=table, position=position
        )
        for kind, name, definition, table, position in rows
    )
