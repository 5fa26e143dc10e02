"""Accepting the database as it is now as what the migrations left, for a reason that is kept.

For a database that was migrated before there was a ledger, and for drift that is there on purpose.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.acceptance.reasons import require_reason
from chat.schema.catalogue.objects import Difference, ObjectKind, diff
from chat.schema.drift.expected import carried
from chat.schema.drift.reading import Drift, DriftState, read_drift
from chat.schema.errors import RefusedError
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger
from chat.schema.run.gates import require_uninterrupted
from chat.schema.status.reading import MigrationStatus, read_statuses
from chat.schema.text import command_line


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftAcceptance:
    """What is there to accept: the objects that differ, those that were not compared among them.

    `counts` are of all objects that are there, and only where there is no snapshot to compare with.
    """

    key: MigrationKey
    drift: Drift
    differences: tuple[Difference, ...]
    counts: Mapping[ObjectKind, int]

    @property
    def migration(self) -> str:
        """The migration that is recorded as the one that left the database so."""
        return ".".join(self.key)


def plan_acceptance(connection: BaseDatabaseWrapper) -> DriftAcceptance | None:
    """Return what there is to accept, None when nothing differs.

    Changes nothing. Call it under the migration lock.

    Raises:
        InterruptedMigrationsError: a migration is done in part, and must be finished first.
        RefusedError: no migration is applied.
    """
    statuses = read_statuses(connection, is_lock_ours=True)
    require_uninterrupted(statuses)
    drift = read_drift(connection)
    if drift.migration is None:
        return DriftAcceptance(
            key=_newest(statuses),
            drift=drift,
            differences=(),
            counts=Counter(obj.kind for obj in drift.live),
        )
    differences = (*drift.differences, *drift.not_compared)
    if not differences:
        return None
    return DriftAcceptance(
        key=(drift.app or "", drift.name or ""),
        drift=drift,
        differences=differences,
        counts={},
    )


def accept_drift(
    connection: BaseDatabaseWrapper, acceptance: DriftAcceptance, *, reason: str
) -> None:
    """Add a row with the new baseline, the reason, and the objects; the rows before it stay.

    Raises:
        RefusedError: the reason is empty.
    """
    require_reason(reason)
    ensure_ledger(connection)
    app, name = acceptance.key
    append(
        connection,
        event=Event.DRIFT_ACCEPTED,
        app=app,
        name=name,
        catalogue=acceptance.drift.live,
        reason="\n".join([reason.strip(), *map(str, acceptance.differences)]),
    )


@contextmanager
def changes_accepted(connection: BaseDatabaseWrapper, *, reason: str) -> Iterator[None]:
    """Accept what the block changes, and nothing that differed before it.

    Nothing is accepted without a snapshot, as the first one will include it, or when it is not
    known what differed before. Call it under the migration lock.
    """
    before = read_drift(connection)
    yield
    if before.state is DriftState.UNKNOWN:
        return
    live = take_catalogue(connection)
    if not (changes := diff(before.live, live)):
        return
    append(
        connection,
        event=Event.DRIFT_ACCEPTED,
        app=before.app or "",
        name=before.name or "",
        catalogue=carried(before.expected, before=before.live, after=live),
        reason="\n".join([reason, *map(str, changes)]),
    )


def _newest(statuses: Sequence[MigrationStatus]) -> MigrationKey:
    applied = [status for status in statuses if status.is_applied]
    if not applied:
        raise RefusedError(
            seen="No migration is applied, so there is nothing that the migrations left.",
            next_step=f"Apply them: {command_line('migrate')}",
        )
    # Of those that were applied at once, the last in the plan.
    return max(enumerate(applied), key=lambda each: (str(each[1].applied_at), each[0]))[1].key
