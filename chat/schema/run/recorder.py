"""Django's recorder, which adds a row to the ledger beside each of Django's own.

It sees everything that makes a migration applied or not: runs, --fake, --fake-initial, --prune, and
squashed migrations that stand for what they replace.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.catalogue.objects import Catalogue, ObjectKey, ObjectKind
from chat.schema.disk.checksums import migration_checksum
from chat.schema.drift.expected import carried
from chat.schema.drift.reading import Drift
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger
from chat.schema.session.lock import MigrationLock

# The first migrations of a run get a snapshot each, then those whose number is a power of two, and
# the last: all these together take little more than twice the time of the last.
_FIRST_WITH_SNAPSHOTS: Final = 8


@dataclass(slots=True, kw_only=True)
class Step:
    """One migration that is being run, or only recorded."""

    migration: Migration
    is_backwards: bool
    is_fake: bool
    began: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> MigrationKey:
        """Its app and its name."""
        return self.migration.app_label, self.migration.name

    @property
    def event(self) -> Event:
        """The event that is recorded when it has come to its end."""
        if self.is_backwards:
            return Event.UNFAKED if self.is_fake else Event.UNAPPLIED
        return Event.FAKED if self.is_fake else Event.APPLIED

    @property
    def duration_ms(self) -> int:
        """How long it has taken until now."""
        return round((time.monotonic() - self.began) * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The catalogue as it is, and what is expected: what the migrations left."""

    live: Catalogue
    expected: Catalogue


class LedgerRecorder(MigrationRecorder):
    """Django's recorder and the ledger, each pair of rows in one transaction.

    `step` is set while the executor is at a migration, which it does after `begin`; without one,
    what is recorded is a squashed migration, and what is unrecorded is pruned. `before_end` is
    called before the end of a step is recorded, and may refuse it. `checksums` are those that were
    read already.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        lock: MigrationLock,
        on_disk: Callable[[MigrationKey], Migration | None],
        checksums: Mapping[MigrationKey, str | None],
        before_end: Callable[[Step], None] = lambda _: None,
    ) -> None:
        super().__init__(connection)
        self.step: Step | None = None
        self._lock = lock
        self._before_end = before_end
        self._on_disk = on_disk
        self._checksums = dict(checksums)
        self._has_ledger = False
        self._committed: Schema | None = None
        self._recorded: Schema | None = None
        self._planned = 0
        self._done = 0

    def ensure_schema(self) -> None:
        """Make Django's table and the ledger if they do not exist yet."""
        super().ensure_schema()
        if not self._has_ledger:
            ensure_ledger(self.connection)
            self._has_ledger = True

    def begin(self, schema: Schema, *, planned: int) -> None:
        """Begin a run of so many migrations on a database that is as `schema` says."""
        self._committed = self._recorded = schema
        self._planned, self._done = planned, 0

    def commit(self) -> None:
        """Go on from the schema that was recorded last: its transaction is committed."""
        self._committed = self._recorded
        self._done += 1

    def record_begun(self, step: Step) -> None:
        """Record, in a transaction of its own, that a migration is about to be run.

        With `atomic = False` it may be interrupted half way, so the row has what was there before.
        """
        is_atomic = step.migration.atomic
        self.append(
            Event.UNAPPLY_STARTED if step.is_backwards else Event.STARTED,
            app=step.migration.app_label,
            name=step.migration.name,
            catalogue=None if is_atomic else take_catalogue(self.connection),
            # The COMMIT of the migration brings it to the disk as well, and without that nothing of
            # the migration is kept.
            is_durable=not is_atomic,
        )

    def record_drift(self, drift: Drift) -> None:
        """Record, in a transaction of its own, what a run finds that no migration has done."""
        self.append(
            Event.DRIFTED,
            app=drift.app or "",
            name=drift.name or "",
            reason="\n".join(map(str, drift.certain)),
        )

    def record_failed(self, step: Step, *, reason: str) -> None:
        """Record, in a transaction of its own, why a migration did not come to its end."""
        self.append(
            Event.FAILED,
            app=step.migration.app_label,
            name=step.migration.name,
            duration_ms=step.duration_ms,
            catalogue=self._expected_now(is_end=False),
            reason=reason,
        )

    def record_applied(self, app: str, name: str) -> None:
        """Record that a migration is applied, in Django's table and in the ledger."""
        if self.step is not None:
            self._before_end(self.step)
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            expected = self._expected_now() if self._is_snapshot_kept() else None
            super().record_applied(app, name)
            step = self.step
            # Django 6 records a squashed migration in its own step, and 5 after it.
            if step is None or (step.migration.replaces and step.key == (app, name)):
                event = Event.SQUASHED
            else:
                event = step.event
            self._record(event, app, name, expected)

    def record_unapplied(self, app: str, name: str) -> None:
        """Record that a migration is not applied any more, in Django's table and in the ledger."""
        if self.step is not None:
            self._before_end(self.step)
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            expected = self._expected_now() if self._is_snapshot_kept() else None
            super().record_unapplied(app, name)
            self._record(self.step.event if self.step else Event.PRUNED, app, name, expected)

    def append(
        self,
        event: Event,
        *,
        app: str,
        name: str,
        duration_ms: int | None = None,
        catalogue: Catalogue | None = None,
        reason: str | None = None,
        is_durable: bool = True,
    ) -> None:
        """Add a row to the ledger, with the checksum of the files as they were read.

        Raises:
            LockLostError: the lock is not held any more.
        """
        self.ensure_schema()
        append(
            self.connection,
            event=event,
            app=app,
            name=name,
            checksum=self._checksum((app, name)),
            duration_ms=duration_ms,
            catalogue=catalogue,
            reason=reason,
            is_durable=is_durable,
            lock=self._lock,
        )

    def _checksum(self, key: MigrationKey) -> str | None:
        """Return the checksum that was read first, when the code that is run was imported."""
        if key not in self._checksums:
            migration = self._on_disk(key) or (self.step.migration if self.step else None)
            self._checksums[key] = migration_checksum(migration) if migration else None
        return self._checksums[key]

    def _record(self, event: Event, app: str, name: str, expected: Catalogue | None) -> None:
        step = self.step
        self.append(
            event,
            app=app,
            name=name,
            duration_ms=step.duration_ms if step else None,
            catalogue=expected,
        )

    def _is_snapshot_kept(self) -> bool:
        """Return whether this migration of the run gets a snapshot.

        A snapshot takes longer the larger the schema is, so one with each would make a run of 700
        take seven times as long as Django's.
        """
        number = self._done + 1
        is_changed_by_hand = self._committed and self._committed.live != self._committed.expected
        return bool(
            number <= _FIRST_WITH_SNAPSHOTS
            or number == self._planned
            or number.bit_count() == 1
            or is_changed_by_hand
        )

    def _expected_now(self, *, is_end: bool = True) -> Catalogue | None:
        """Return what the migrations left, the one of this step among them; None without a step."""
        if self.step is None or self._committed is None:
            return None
        before, live = self._committed, take_catalogue(self.connection)
        expected = carried(before.expected, before=before.live, after=live)
        if is_end:
            expected = expected.without(_unfinished(expected, before=before.expected))
        self._recorded = Schema(live=live, expected=expected)
        return expected


def _unfinished(after: Catalogue, *, before: Catalogue) -> set[ObjectKey]:
    """Return the INVALID indexes that are new: no migration may leave one, so others build them.

    An index ON ONLY a partitioned table is INVALID until those of its partitions are attached.
    """
    known = before.of_kind(ObjectKind.INDEX)
    return {
        (ObjectKind.INDEX, name)
        for name, definition in after.of_kind(ObjectKind.INDEX).items()
        if name not in known and definition.endswith(" INVALID") and " ON ONLY " not in definition
    }
