"""Django's recorder, which adds a row to the ledger beside each of Django's own.

It sees everything that makes a migration applied or not: runs, --fake, --fake-initial, --prune, and
squashed migrations that stand for what they replace.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.catalogue.objects import Catalogue
from chat.schema.disk.checksums import migration_checksum
from chat.schema.drift.expected import carried
from chat.schema.drift.reading import Drift
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger


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
    what is recorded is a squashed migration, and what is unrecorded is pruned.
    """

    def __init__(
        self,
        connection: BaseDatabaseWrapper,
        *,
        on_disk: Callable[[MigrationKey], Migration | None],
    ) -> None:
        super().__init__(connection)
        self.step: Step | None = None
        self._on_disk = on_disk
        self._has_ledger = False
        self._committed: Schema | None = None
        self._recorded: Schema | None = None

    def ensure_schema(self) -> None:
        """Make Django's table and the ledger where they are not there yet."""
        super().ensure_schema()
        if not self._has_ledger:
            ensure_ledger(self.connection)
            self._has_ledger = True

    def begin(self, schema: Schema) -> None:
        """Begin a run on a database that is as `schema` says."""
        self._committed = schema

    def commit(self) -> None:
        """Go on from the schema that was recorded last: its transaction is committed."""
        self._committed = self._recorded

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
            catalogue=self._expected_now(),
            reason=reason,
        )

    def record_applied(self, app: str, name: str) -> None:
        """Record that a migration is applied, in Django's table and in the ledger."""
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            expected = self._expected_now()
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
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            expected = self._expected_now()
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
    ) -> None:
        """Add a row to the ledger, with the checksum of the files on disk."""
        self.ensure_schema()
        migration = self._on_disk((app, name)) or (self.step.migration if self.step else None)
        append(
            self.connection,
            event=event,
            app=app,
            name=name,
            checksum=migration_checksum(migration) if migration else None,
            duration_ms=duration_ms,
            catalogue=catalogue,
            reason=reason,
        )

    def _record(self, event: Event, app: str, name: str, expected: Catalogue | None) -> None:
        step = self.step
        self.append(
            event,
            app=app,
            name=name,
            duration_ms=step.duration_ms if step else None,
            catalogue=expected,
        )

    def _expected_now(self) -> Catalogue | None:
        """Return what the migrations left, the one of this step among them; None without a step."""
        if self.step is None or self._committed is None:
            return None
        before, live = self._committed, take_catalogue(self.connection)
        expected = carried(before.expected, before=before.live, after=live)
        self._recorded = Schema(live=live, expected=expected)
        return expected
