"""Reading the events in the ledger: what was done to each migration, by whom, when, how long.

Django's own table stays the truth of what is applied; a migration that it has and the ledger has
not was applied before there was a ledger.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.ledger import statements as ledger_sql
from chat.schema.ledger.table import Event, MigrationKey, has_ledger

ON = (Event.APPLIED, Event.FAKED, Event.SQUASHED)
OFF = (Event.UNAPPLIED, Event.UNFAKED, Event.PRUNED)
BEGUN = (Event.STARTED, Event.UNAPPLY_STARTED)


@dataclass(frozen=True, slots=True)
class LedgerEvent:
    """One row of the ledger, without its catalogue, in the order of `statements.EVENTS`."""

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
    the files that it was applied with, or of those accepted since. `begun` is a start without an
    end, `failure` how that went wrong, None when the process did not live to record it.
    """

    applied: LedgerEvent | None = None
    checksum: str | None = None
    begun: LedgerEvent | None = None
    failure: LedgerEvent | None = None


def read_histories(connection: BaseDatabaseWrapper) -> dict[MigrationKey, History]:
    """Return the history of each migration; nothing where there is no ledger.

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


def read_events(
    connection: BaseDatabaseWrapper,
    *,
    before: int | None = None,
    limit: int = 50,
    is_there: bool = False,
) -> list[LedgerEvent]:
    """Return the events, newest first, at most `limit`; `before` is the id to go on from.

    Kinds of events that only newer code knows are left out. Two statements, one where there is no
    ledger, or where it is known that there is.

    Raises:
        ForeignLedgerError: a table of this name is there and is not the ledger.
    """
    if not (is_there or has_ledger(connection)):
        return []
    with connection.cursor() as cursor:
        cursor.execute(ledger_sql.EVENTS, ([str(event) for event in Event], before, limit))
        return [_event(row) for row in cursor.fetchall()]


def _event(row: tuple[Any, ...]) -> LedgerEvent:
    event_id, event, *rest = row
    return LedgerEvent(event_id, Event(event), *rest)


def _history(events: Mapping[Event, LedgerEvent]) -> History:
    on, off, begun = (_latest(events, kinds) for kinds in (ON, OFF, BEGUN))
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
    return max(
        (events[kind] for kind in kinds if kind in events),
        key=lambda event: event.id,
        default=None,
    )


def _is_after(event: LedgerEvent, other: LedgerEvent | None) -> bool:
    return other is None or event.id > other.id
