"""Django's recorder, which writes the ledger's row beside Django's own.

It is the one seam that sees everything that makes a migration applied or not: runs, --fake,
--fake-initial, --prune, and squashed migrations that stand for what they replace.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.recorder import MigrationRecorder

from chat.schema.catalogue.changes import CatalogueChanges, changes
from chat.schema.catalogue.objects import Catalogue, CatalogueReader, fingerprint
from chat.schema.disk.checksums import migration_checksum
from chat.schema.drift.expected import Apart, as_the_migrations_left_it, still_apart
from chat.schema.drift.reading import Drift
from chat.schema.ledger.snapshots import snapshot_of, take_catalogue, without_bookkeeping
from chat.schema.ledger.stored import Snapshot
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger


class Keep(Enum):
    """What the ledger keeps of the catalogue after a migration, beside its fingerprint."""

    NOTHING = auto()
    CHANGES = auto()
    WHOLE = auto()


@dataclass(slots=True, kw_only=True)
class Step:
    """One migration that is being run, or only recorded."""

    migration: Migration
    is_backwards: bool
    is_fake: bool
    keep: Keep
    began: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> MigrationKey:
        """Its app and its name."""
        return self.migration.app_label, self.migration.name

    @property
    def event(self) -> Event:
        """What it amounts to in the end."""
        if self.is_backwards:
            return Event.UNFAKED if self.is_fake else Event.UNAPPLIED
        return Event.FAKED if self.is_fake else Event.APPLIED

    @property
    def duration_ms(self) -> int:
        """How long it has taken until now."""
        return round((time.monotonic() - self.began) * 1000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is there, and what of it somebody did by hand; None before anybody looked.

    `is_kept` when the ledger has just this, so that what changes next is enough for it to know.
    """

    live: Catalogue | None = None
    apart: Apart = field(default_factory=dict)
    is_kept: bool = False


class LedgerRecorder(MigrationRecorder):
    """Django's recorder and the ledger, each pair of rows in one transaction.

    `step` is set while the executor is at a migration; without one, what is recorded is a squashed
    migration, and what is unrecorded is pruned.
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
        self._reader = CatalogueReader(connection)
        self._is_running = False
        self._standing = Standing()
        self._next_standing = Standing()

    def ensure_schema(self) -> None:
        """Make Django's table and the ledger where they are not there yet."""
        super().ensure_schema()
        if not self._has_ledger:
            ensure_ledger(self.connection)
            self._has_ledger = True

    @contextmanager
    def run(self) -> Iterator[None]:
        """Read the catalogue in the cheaper way within the block."""
        self._is_running = True
        try:
            with closing(self._reader):
                yield
        finally:
            self._is_running = False

    def begin(self, standing: Standing) -> None:
        """Begin with what is known of the database."""
        self._standing = self._next_standing = standing

    def settle(self) -> None:
        """Take for granted what the last record saw: its transaction is committed."""
        self._standing = self._next_standing

    def read_live(self) -> Catalogue:
        """Return the catalogue as it is now in this session, without the bookkeeping."""
        if not self._is_running:
            return take_catalogue(self.connection)
        return without_bookkeeping(self._reader.read())

    def record_begun(self, step: Step) -> None:
        """Record, in a transaction of its own, that a migration is about to be run."""
        migration = step.migration
        self.append(
            Event.UNAPPLY_STARTED if step.is_backwards else Event.STARTED,
            app=migration.app_label,
            name=migration.name,
            # Where an interruption can leave something, what was there before is worth knowing.
            snapshot=None if migration.atomic else snapshot_of(self.read_live()),
            is_urgent=not migration.atomic,
        )

    def record_drift(self, drift: Drift) -> None:
        """Record, in a transaction of its own, what a run finds that no migration has done."""
        self.append(
            Event.DRIFTED,
            app=drift.app or "",
            name=drift.name or "",
            reason="\n".join(map(str, drift.standing)),
        )

    def record_failed(self, step: Step, *, reason: str) -> None:
        """Record, in a transaction of its own, why a migration did not come to its end."""
        self.append(
            Event.FAILED,
            app=step.migration.app_label,
            name=step.migration.name,
            duration_ms=step.duration_ms,
            snapshot=self._observed(keep=Keep.WHOLE),
            reason=reason,
        )

    def record_applied(self, app: str, name: str) -> None:
        """Record that a migration is applied, in Django's table and in the ledger."""
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            snapshot = self._snapshot()
            super().record_applied(app, name)
            self._record(self.step.event if self.step else Event.SQUASHED, app, name, snapshot)

    def record_unapplied(self, app: str, name: str) -> None:
        """Record that a migration is not applied any more, in Django's table and in the ledger."""
        with transaction.atomic(using=self.connection.alias, savepoint=False):
            snapshot = self._snapshot()
            super().record_unapplied(app, name)
            self._record(self.step.event if self.step else Event.PRUNED, app, name, snapshot)

    def append(
        self,
        event: Event,
        *,
        app: str,
        name: str,
        duration_ms: int | None = None,
        snapshot: Snapshot | None = None,
        reason: str | None = None,
        is_urgent: bool = True,
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
            snapshot=snapshot,
            reason=reason,
            is_urgent=is_urgent,
        )

    def _record(self, event: Event, app: str, name: str, snapshot: Snapshot) -> None:
        step = self.step
        self.append(
            event,
            app=app,
            name=name,
            duration_ms=step.duration_ms if step else None,
            snapshot=snapshot,
        )

    def _snapshot(self) -> Snapshot:
        step = self.step
        is_untouched = step is not None and self._wrote_nothing(step)
        return self._observed(
            keep=step.keep if step else Keep.NOTHING,
            live=self._standing.live if is_untouched else None,
        )

    def _wrote_nothing(self, step: Step) -> bool:
        """Return whether the migration, which is in one transaction, has written nothing at all.

        Many do not: what they change, only Django's models know. One that writes gets an id.
        """
        if not (step.is_fake or step.migration.atomic):
            return False
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id_if_assigned() IS NULL")
            return bool(cursor.fetchone()[0])

    def _observed(self, *, keep: Keep, live: Catalogue | None = None) -> Snapshot:
        live = self.read_live() if live is None else live
        before = self._standing
        known = (
            {} if before.live is None else still_apart(before.apart, before=before.live, after=live)
        )
        kept: Catalogue | CatalogueChanges | None = None
        if keep is Keep.CHANGES and before.is_kept and before.live is not None and not known:
            kept = changes(before.live, live)
        elif keep is not Keep.NOTHING:
            kept = as_the_migrations_left_it(live, known)
        self._next_standing = Standing(
            live=live,
            apart=known,
            is_kept=kept is not None or (before.is_kept and live == before.live),
        )
        return Snapshot(fingerprint=fingerprint(live), catalogue=kept)
