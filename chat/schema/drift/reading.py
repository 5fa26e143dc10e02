"""Drift: what the live catalogue has that the ledger's last snapshot has not, and the reverse.

Reads only. Whatever keeps it from knowing is a state of its own, never "no drift".
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import Catalogue, Difference, diff
from chat.schema.drift.expected import Apart, apart, still_apart
from chat.schema.drift.restatement import compare_restated
from chat.schema.ledger.snapshots import (
    RecordedSnapshot,
    last_snapshot,
    take_catalogue,
    without_bookkeeping,
)
from chat.schema.ledger.table import Event

_READINGS = 3
_ROLLBACKS: Final = (Event.UNAPPLIED, Event.UNFAKED)


class DriftState(StrEnum):
    """What is known of the difference between the ledger and the database."""

    NONE = "none"
    DRIFT = "drift"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How the database differs from the last snapshot, in the order of the kinds, then by name.

    `before` of a difference is what the snapshot has, `after` what the database has. `not_compared`
    are definitions that are in another major version's words, and that this server does not say
    again; nobody knows whether they differ. What the snapshot was taken with
    is None where there is no snapshot; it is not current when a migration may have done something
    since. `recorded` and `live` are what was compared; `by_hand` is what surely no migration did.
    """

    differences: tuple[Difference, ...] = ()
    not_compared: tuple[Difference, ...] = ()
    app: str | None = None
    name: str | None = None
    event: Event | None = None
    taken_at: datetime | None = None
    taken_on: str | None = None
    server_version: str
    is_current: bool = False
    recorded: Catalogue | None = field(default=None, repr=False)
    live: Catalogue | None = field(default=None, repr=False)
    by_hand: Apart = field(default_factory=dict, repr=False)

    @property
    def state(self) -> DriftState:
        """Whether it differs; unknown without a snapshot, or when a migration may be the reason."""
        if self.migration is None:
            return DriftState.UNKNOWN
        if not self.differences:
            return DriftState.NONE
        return DriftState.DRIFT if self.is_current else DriftState.UNKNOWN

    @property
    def standing(self) -> tuple[Difference, ...]:
        """Those of the differences that surely no migration has made."""
        return tuple(one for one in self.differences if (one.kind, one.name) in self.by_hand)

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


def read_drift(
    connection: BaseDatabaseWrapper,
    *,
    schema: str = "public",
    read_live: Callable[[], Catalogue] | None = None,
) -> Drift:
    """Return how the database differs from the ledger's last snapshot, without the bookkeeping.

    The ledger, Django's own table, and what goes with them are left out. 2 statements where there
    is no ledger, 3 where it has no snapshot, else 5, and 2 more when something differs, to see
    whether a migration began or ended meanwhile: then all is read again. After three times it is
    not known. Locks nothing. `read_live` is for whoever has a cheaper way to read the catalogue.

    Raises:
        ForeignLedgerError: a table with the ledger's name is not the ledger.
    """
    read_live = read_live or (lambda: take_catalogue(connection, schema=schema))
    version = _server_version(connection)
    drift = Drift(server_version=version)
    recorded = last_snapshot(connection)
    for _ in range(_READINGS):
        if recorded is None:
            return Drift(server_version=version)
        drift = _compared(connection, recorded, live=read_live(), version=version, schema=schema)
        if not drift.differences:
            return drift
        newer = last_snapshot(connection)
        if newer is not None and _is_same(newer, recorded):
            return drift
        recorded = newer
    return replace(drift, is_current=False)


def _compared(
    connection: BaseDatabaseWrapper,
    recorded: RecordedSnapshot,
    *,
    live: Catalogue,
    version: str,
    schema: str,
) -> Drift:
    before = without_bookkeeping(recorded.catalogue, schema=schema)
    differences, not_compared = _different(
        connection,
        before,
        live,
        is_other_major=major(recorded.postgresql_version) != major(version),
        schema=schema,
    )
    return Drift(
        differences=differences,
        not_compared=not_compared,
        app=recorded.app,
        name=recorded.name,
        event=recorded.event,
        taken_at=recorded.applied_at,
        taken_on=recorded.postgresql_version,
        server_version=version,
        is_current=recorded.is_current,
        recorded=before,
        live=live,
        by_hand=_by_hand(connection, recorded, differences, live=live, schema=schema),
    )


def _different(
    connection: BaseDatabaseWrapper,
    before: Catalogue,
    after: Catalogue,
    *,
    is_other_major: bool = False,
    schema: str,
) -> tuple[tuple[Difference, ...], tuple[Difference, ...]]:
    """Return what differs, and what cannot be told.

    What cannot be restated differs as it is printed, but for two major versions: they print alike
    only what has no expression in it.
    """
    printed = diff(before, after)
    is_same = compare_restated(
        connection, printed, before=before.by_key(), after=after.by_key(), schema=schema
    )
    unclear = tuple(
        one for one in printed if is_other_major and (one.kind, one.name) not in is_same
    )
    differences = tuple(
        one for one in printed if one not in unclear and not is_same.get((one.kind, one.name))
    )
    return differences, unclear


def _by_hand(
    connection: BaseDatabaseWrapper,
    recorded: RecordedSnapshot,
    differences: Iterable[Difference],
    *,
    live: Catalogue,
    schema: str,
) -> Apart:
    """Return what differs and was there before anything that may have been cut off was begun."""
    if recorded.is_current:
        return apart(differences, before=recorded.catalogue)
    if recorded.at_begin is None:
        return {}
    earlier, _ = _different(connection, recorded.catalogue, recorded.at_begin, schema=schema)
    return still_apart(
        apart(earlier, before=recorded.catalogue), before=recorded.at_begin, after=live
    )


def _is_same(one: RecordedSnapshot, other: RecordedSnapshot) -> bool:
    return (one.event_id, one.is_current) == (other.event_id, other.is_current)


def _server_version(connection: BaseDatabaseWrapper) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version')")
        (version,) = cursor.fetchone()
    return str(version)


def major(version: str) -> str:
    """Return the major version of what a server calls its version."""
    # `18.6`, `15.20 (Debian 15.20-0+deb12u1)`, `19beta1`.
    digits = ""
    for character in version:
        if not character.isdigit():
            break
        digits += character
    return digits or version
