"""Drift: how the live catalogue differs from the last snapshot in the ledger.

Reads only. Whatever keeps it from knowing is a state of its own, never "no drift".
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import Catalogue, Difference, diff
from chat.schema.drift.expected import carried, put_back
from chat.schema.drift.restatement import compare_restated
from chat.schema.ledger.snapshots import (
    RecordedSnapshot,
    last_snapshot,
    schema_of_migrations,
    take_catalogue,
    without_bookkeeping,
)
from chat.schema.ledger.table import Event

_READINGS: Final = 3
_ROLLBACKS: Final = (Event.UNAPPLIED, Event.UNFAKED)


class DriftState(StrEnum):
    """What is known of the difference between the ledger and the database."""

    NONE = "none"
    DRIFT = "drift"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the database differs from the last snapshot, in the order of the kinds, then by name.

    `before` of a difference is the definition in the snapshot, `after` the one in the database.
    `certain` are the differences that no migration can have made. `not_compared` are definitions in
    the words of another major version that this server cannot restate; whether they differ is not
    known. `app`, `name`, `event`, `taken_at` and `taken_on` (a server version) tell of the
    snapshot, and are None without one; `is_current` is false when a migration may have changed the
    database since. The schema of the ledger is compared; `elsewhere` is another one with tables, in
    which this session makes its own. `live` is the catalogue as it was read, `expected` what the
    migrations left.
    """

    differences: tuple[Difference, ...] = ()
    certain: tuple[Difference, ...] = ()
    not_compared: tuple[Difference, ...] = ()
    app: str | None = None
    name: str | None = None
    event: Event | None = None
    taken_at: datetime | None = None
    taken_on: str | None = None
    server_version: str
    is_current: bool = False
    elsewhere: str | None = None
    live: Catalogue = field(repr=False)
    expected: Catalogue = field(repr=False)

    @property
    def state(self) -> DriftState:
        """Whether it differs; unknown without a snapshot, or when a migration may be the reason.

        Unknown as well where nothing differs, and there are tables elsewhere.
        """
        if self.migration is None:
            return DriftState.UNKNOWN
        if not self.differences:
            return DriftState.UNKNOWN if self.elsewhere else DriftState.NONE
        return DriftState.DRIFT if self.is_current else DriftState.UNKNOWN

    @property
    def migration(self) -> str | None:
        """The migration with which the snapshot was taken."""
        return f"{self.app}.{self.name}" if self.app else None

    @property
    def origin(self) -> str:
        """The migration, and whether it was its rollback that left the database so."""
        rollback = "the rollback of " if self.event in _ROLLBACKS else ""
        return f"{rollback}{self.migration}"

    @property
    def is_other_major(self) -> bool:
        """Whether the snapshot was taken on another major version than this server's."""
        return self.taken_on is not None and major(self.taken_on) != major(self.server_version)


def read_drift(connection: BaseDatabaseWrapper) -> Drift:
    """Return how the database differs from the ledger's last snapshot, without the bookkeeping.

    Compared is the schema that has the ledger. The ledger, Django's own table, and what goes with
    them are left out. When something differs, the ledger is read again: if a migration began or
    ended meanwhile, so is the database. After three readings it is not known whether there is
    drift. Locks nothing but what `compare_restated` does.

    Raises:
        ForeignLedgerError: a table with the ledger's name is not the ledger.
    """
    version = _server_version(connection)
    recorded = last_snapshot(connection)
    drift = _compared(connection, recorded, version=version)
    for _ in range(_READINGS):
        if not drift.differences:
            return drift
        newer = last_snapshot(connection)
        if _identity(newer) == _identity(recorded):
            return drift
        recorded = newer
        drift = _compared(connection, recorded, version=version)
    return replace(drift, is_current=False)


def _compared(
    connection: BaseDatabaseWrapper,
    recorded: RecordedSnapshot | None,
    *,
    version: str,
) -> Drift:
    live = take_catalogue(connection)
    if recorded is None:
        return Drift(server_version=version, live=live, expected=live)
    schema = schema_of_migrations(connection) or ""
    snapshot = without_bookkeeping(recorded.catalogue)
    differences, not_compared = _different(
        connection,
        snapshot,
        live,
        is_other_major=major(recorded.postgresql_version) != major(version),
        schema=schema,
    )
    if recorded.is_current:
        expected = put_back(live, differences, recorded=snapshot)
    elif recorded.at_begin is not None:
        # What differed then was changed by hand, what differs since may be the migration's work.
        earlier, _ = _different(connection, snapshot, recorded.at_begin, schema=schema)
        at_begin = put_back(recorded.at_begin, earlier, recorded=snapshot)
        expected = carried(at_begin, before=recorded.at_begin, after=live)
    else:
        expected = live
    unexpected = {difference.key for difference in diff(expected, live)}
    return Drift(
        differences=differences,
        certain=tuple(each for each in differences if each.key in unexpected),
        not_compared=not_compared,
        app=recorded.app,
        name=recorded.name,
        event=recorded.event,
        taken_at=recorded.applied_at,
        taken_on=recorded.postgresql_version,
        server_version=version,
        is_current=recorded.is_current,
        elsewhere=recorded.elsewhere,
        live=live,
        expected=expected,
    )


def _different(
    connection: BaseDatabaseWrapper,
    before: Catalogue,
    after: Catalogue,
    *,
    is_other_major: bool = False,
    schema: str,
) -> tuple[tuple[Difference, ...], tuple[Difference, ...]]:
    """Return what differs, and what cannot be compared.

    What cannot be restated is compared as printed, unless the major versions differ: these print
    only definitions without expressions alike.
    """
    printed = diff(before, after)
    is_same = compare_restated(
        connection, printed, before=before.by_key(), after=after.by_key(), schema=schema
    )
    unclear = tuple(each for each in printed if is_other_major and each.key not in is_same)
    differences = tuple(
        each for each in printed if each not in unclear and not is_same.get(each.key)
    )
    return differences, unclear


def _identity(snapshot: RecordedSnapshot | None) -> tuple[int, bool] | None:
    return (snapshot.event_id, snapshot.is_current) if snapshot else None


def _server_version(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (version,) = cursor.fetchone()
    return str(version)


def major(version: str) -> str:
    """Return the major version in a server's name for its version."""
    # `18.6`, `15.20 (Debian 15.20-0+deb12u1)`, `19beta1`.
    digits = ""
    for character in version:
        if not character.isdigit():
            break
        digits += character
    return digits or version
