"""What must hold before a migration is run; each gate raises and changes nothing."""

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

from django.db.migrations import Migration
from django.db.migrations.graph import MigrationGraph
from django.db.migrations.operations import RunSQL

from chat.schema.disk.operations import database_operations, sql_texts
from chat.schema.drift.reading import Drift
from chat.schema.drift.refusals import require_known_drift, require_no_drift
from chat.schema.files.errors import NulInSQLError
from chat.schema.status.reading import (
    MigrationState,
    MigrationStatus,
    in_state,
    rewritten_apps,
)
from chat.schema.status.refusals import (
    ChangedMigrationsError,
    DatabaseAheadError,
    InterruptedMigrationsError,
    PendingMigrationsError,
    RewrittenMigrationsError,
)

# Django's: each migration, and whether it is undone.
Plan: TypeAlias = Sequence[tuple[Migration, bool]]


def require_known(statuses: Sequence[MigrationStatus]) -> None:
    """Raise when a migration is applied that is not on disk.

    Raises:
        RewrittenMigrationsError: one is, and another of its app has changed.
        DatabaseAheadError: one is.
    """
    if missing := in_state(statuses, MigrationState.MISSING):
        is_rewritten = bool(rewritten_apps(statuses))
        refusal = RewrittenMigrationsError if is_rewritten else DatabaseAheadError
        raise refusal(missing, among=statuses)


def require_unchanged(statuses: Sequence[MigrationStatus]) -> None:
    """Raise when an applied migration is not written as it was.

    Those of which the ledger knows no bytes pass.

    Raises:
        ChangedMigrationsError: one is not.
    """
    if changed := in_state(statuses, MigrationState.MODIFIED):
        raise ChangedMigrationsError(changed, among=statuses)


def require_uninterrupted(statuses: Sequence[MigrationStatus]) -> None:
    """Raise when a migration was interrupted half way.

    Raises:
        InterruptedMigrationsError: one was.
    """
    if interrupted := in_state(statuses, MigrationState.INTERRUPTED):
        raise InterruptedMigrationsError(interrupted, among=statuses)


def require_ready(statuses: Sequence[MigrationStatus], *, drift: Drift | None = None) -> None:
    """Raise unless the database is what the code expects; the most pressing reason comes first.

    Drift comes before what is pending: a migration that is run may stand on what was changed.

    Raises:
        RewrittenMigrationsError, DatabaseAheadError, ChangedMigrationsError,
        InterruptedMigrationsError: as their gates.
        DriftError: there is drift.
        PendingMigrationsError: a migration is pending.
        UnknownDriftError: nobody can know whether there is drift.
    """
    require_known(statuses)
    require_unchanged(statuses)
    require_uninterrupted(statuses)
    if drift is not None:
        require_no_drift(drift)
    if pending := in_state(statuses, MigrationState.PENDING):
        raise PendingMigrationsError(pending, among=statuses)
    if drift is not None:
        require_known_drift(drift)


def require_whole_sql(plan: Plan) -> None:
    """Raise when the SQL of a RunSQL in the plan, or its way back, has a NUL in it.

    libpq takes C strings: what stands behind the NUL would not be run, and not be missed.

    Raises:
        NulInSQLError: one has.
    """
    for migration, undo in plan:
        for operation in database_operations(migration.operations):
            if isinstance(operation, RunSQL):
                ways = [operation.reverse_sql] if undo else [operation.sql, operation.reverse_sql]
                for text in chain.from_iterable(map(sql_texts, ways)):
                    before, nul, after = text.partition("\0")
                    if nul:
                        source = before.rpartition("\n")[2] + nul + after.partition("\n")[0]
                        raise NulInSQLError(
                            str(migration),
                            operation=operation.describe(),
                            line=before.count("\n") + 1,
                            source=ascii(source.strip()),
                        )


def resumed(
    statuses: Sequence[MigrationStatus], plan: Plan, *, graph: MigrationGraph
) -> list[MigrationStatus]:
    """Return the interrupted migrations that this plan finishes.

    One that it does not touch may wait, unless the plan would take away what it stands on, or it
    is a rollback: what is half undone is not what the others expect.

    Raises:
        InterruptedMigrationsError: it must be finished first.
    """
    forwards = {(migration.app_label, migration.name) for migration, undo in plan if not undo}
    backwards = {(migration.app_label, migration.name) for migration, undo in plan if undo}
    finished, in_the_way = [], []
    for status in in_state(statuses, MigrationState.INTERRUPTED):
        if status.key in (backwards if status.is_applied else forwards):
            finished.append(status)
        elif status.is_applied or backwards.intersection(graph.forwards_plan(status.key)):
            in_the_way.append(status)
    if in_the_way:
        raise InterruptedMigrationsError(in_the_way, among=statuses)
    return finished
