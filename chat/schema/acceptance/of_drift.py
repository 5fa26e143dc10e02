"""Taking the database as it is for what the migrations left, for a reason that is kept.

For a database that was migrated before there was a ledger, and for drift that is there on purpose.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import Catalogue, Difference, ObjectKind, diff, fingerprint
from chat.schema.drift.expected import apart, as_the_migrations_left_it, still_apart
from chat.schema.drift.reading import Drift, DriftState, read_drift
from chat.schema.errors import RefusedError
from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.stored import Snapshot
from chat.schema.ledger.table import Event, MigrationKey, append, ensure_ledger
from chat.schema.run.gates import require_uninterrupted
from chat.schema.status.reading import MigrationStatus, read_statuses

_PREFIX = "public."


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """What would be taken, and what would be left as drift.

    `counts` are of all objects that are there, and only where there is no snapshot to compare with.
    """

    key: MigrationKey
    drift: Drift
    taken: tuple[Difference, ...]
    left: tuple[Difference, ...]
    counts: Mapping[ObjectKind, int]
    live: Catalogue
    baseline: Catalogue

    @property
    def migration(self) -> str:
        """The migration that is said to have left the database so."""
        return ".".join(self.key)


def plan_adoption(
    connection: BaseDatabaseWrapper, *, only: Collection[str] = ()
) -> Adoption | None:
    """Return what there is to accept, or of it only the objects named; None when nothing differs.

    Names are those that `migration_drift` shows, with or without `public.`. Changes nothing. Call
    it under the migration lock.

    Raises:
        InterruptedMigrationsError: a migration is done in part, and must be finished first.
        RefusedError: no migration is applied, or nothing that differs has such a name.
    """
    statuses = read_statuses(connection, is_lock_ours=True)
    require_uninterrupted(statuses)
    drift = read_drift(connection)
    if drift.migration is None:
        _require_names(only, among=())
        live = take_catalogue(connection)
        return Adoption(
            key=_newest(statuses),
            drift=drift,
            taken=(),
            left=(),
            counts=Counter(thing.kind for thing in live),
            live=live,
            baseline=live,
        )
    different = (*drift.differences, *drift.not_compared)
    _require_names(only, among=different)
    if not different or drift.live is None or drift.recorded is None:
        return None
    taken = tuple(one for one in different if not only or _is_named(one, only))
    left = tuple(one for one in drift.differences if one not in taken)
    return Adoption(
        key=(drift.app or "", drift.name or ""),
        drift=drift,
        taken=taken,
        left=left,
        counts={},
        live=drift.live,
        baseline=as_the_migrations_left_it(drift.live, apart(left, before=drift.recorded)),
    )


def adopt(connection: BaseDatabaseWrapper, adoption: Adoption, *, reason: str) -> None:
    """Add a row with the new baseline, the reason, and the objects; the rows before it stay.

    Raises:
        RefusedError: the reason is empty.
    """
    if not reason.strip():
        raise RefusedError(
            seen="The reason is empty.",
            next_step='Say why the database is to stay as it is: --reason "…". It is kept.',
        )
    ensure_ledger(connection)
    app, name = adoption.key
    append(
        connection,
        event=Event.ADOPTED,
        app=app,
        name=name,
        snapshot=Snapshot(fingerprint=fingerprint(adoption.live), catalogue=adoption.baseline),
        reason="\n".join([reason.strip(), *map(str, adoption.taken)]),
    )


@contextmanager
def changes_adopted(connection: BaseDatabaseWrapper, *, reason: str) -> Iterator[None]:
    """Take what the block changes for the migrations' own, and leave what differed before it.

    Nothing is taken where there is no snapshot, as whoever takes the first takes this as well, or
    where it is not known what differed. Call it under the migration lock.
    """
    before = read_drift(connection)
    yield
    if before.state is DriftState.UNKNOWN or before.live is None or before.migration is None:
        return
    live = take_catalogue(connection)
    if not (taken := diff(before.live, live)):
        return
    left = still_apart(before.by_hand, before=before.live, after=live)
    append(
        connection,
        event=Event.ADOPTED,
        app=before.app or "",
        name=before.name or "",
        snapshot=Snapshot(
            fingerprint=fingerprint(live), catalogue=as_the_migrations_left_it(live, left)
        ),
        reason="\n".join([reason, *map(str, taken)]),
    )


def _newest(statuses: Sequence[MigrationStatus]) -> MigrationKey:
    applied = [status for status in statuses if status.is_applied]
    if not applied:
        raise RefusedError(
            seen="No migration is applied, so there is nothing that the migrations left.",
            next_step="Apply them: python manage.py migrate",
        )
    # Of those that were applied at once, the last in the plan.
    return max(enumerate(applied), key=lambda one: (str(one[1].applied_at), one[0]))[1].key


def _require_names(only: Collection[str], *, among: Sequence[Difference]) -> None:
    for name in only:
        if not any(_is_named(one, (name,)) for one in among):
            names = ", ".join(one.name.removeprefix(_PREFIX) for one in among)
            raise RefusedError(
                seen=f"Nothing that is called {name} differs. What does: {names or 'nothing'}",
                next_step="Take the name from the list, or see python manage.py migration_drift",
            )


def _is_named(difference: Difference, names: Collection[str]) -> bool:
    return difference.name in names or difference.name.removeprefix(_PREFIX) in names
