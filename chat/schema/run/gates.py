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
    DisagreeingRecordsError,
    InterruptedMigrationsError,
    PendingMigrationsError,
    RewrittenMigrationsError,
)
from chat.schema.status.tables import require_tables

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
    """Raise ChangedMigrationsError when the files of an applied migration have changed.

    One that was applied before checksums were kept passes.
    """
    if changed := in_state(statuses, MigrationState.MODIFIED):
        raise ChangedMigrationsError(changed, among=statuses)


def require_uninterrupted(statuses: Sequence[MigrationStatus]) -> None:
    """Raise InterruptedMigrationsError when a migration was interrupted half way."""
    if interrupted := in_state(statuses, MigrationState.INTERRUPTED):
        raise InterruptedMigrationsError(interrupted, among=statuses)


def require_ready(
    statuses: Sequence[MigrationStatus],
    *,
    drift: Drift | None = None,
    missing_tables: Sequence[str] = (),
) -> None:
    """Raise unless the database is what the code expects, for the most pressing reason.

    Drift comes before what is pending: a migration may depend on what was changed by hand.

    Raises:
        RewrittenMigrationsError, DatabaseAheadError, ChangedMigrationsError,
        InterruptedMigrationsError: as their gates.
        MissingTablesError: tables or views of the models are not there.
        DriftError: there is drift.
        PendingMigrationsError: a migration is pending.
        UnknownDriftError: it cannot be known whether there is drift.
    """
    require_known(statuses)
    require_unchanged(statuses)
    require_uninterrupted(statuses)
    require_tables(missing_tables)
    if drift is not None:
        require_no_drift(drift)
    if pending := in_state(statuses, MigrationState.PENDING):
        raise PendingMigrationsError(pending, among=statuses)
    if drift is not None:
        require_known_drift(drift)


def require_whole_sql(plan: Plan) -> None:
    """Raise NulInSQLError when the SQL of a RunSQL in the plan, or its way back, has a NUL in it.

    libpq takes C strings: what follows the NUL would not be run, and nobody would notice.
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


def require_agreement(statuses: Sequence[MigrationStatus], plan: Plan) -> None:
    """Raise DisagreeingRecordsError when the plan applies what is applied by the ledger."""
    forwards = {(migration.app_label, migration.name) for migration, undo in plan if not undo}
    torn = [status for status in statuses if status.only_in_ledger and status.key in forwards]
    if torn:
        raise DisagreeingRecordsError(torn, among=statuses)


def interrupted_in(statuses: Sequence[MigrationStatus], plan: Plan) -> list[MigrationStatus]:
    """Return the interrupted migrations that this plan finishes, in the direction they were run."""
    directions = {(migration.app_label, migration.name): undo for migration, undo in plan}
    return [
        status
        for status in in_state(statuses, MigrationState.INTERRUPTED)
        if directions.get(status.key) is status.is_applied
    ]


def require_finished_first(
    statuses: Sequence[MigrationStatus], plan: Plan, *, graph: MigrationGraph
) -> None:
    """Raise InterruptedMigrationsError when another migration must be finished before the plan.

    One that the plan does not touch may wait, unless the plan would undo what it depends on, or it
    is a rollback: the other migrations do not expect one that is half undone.
    """
    finished = interrupted_in(statuses, plan)
    undone = {(migration.app_label, migration.name) for migration, undo in plan if undo}
    in_the_way = [
        status
        for status in in_state(statuses, MigrationState.INTERRUPTED)
        if status not in finished
        and (status.is_applied or undone.intersection(graph.forwards_plan(status.key)))
    ]
    if in_the_way:
        raise InterruptedMigrationsError(in_the_way, among=statuses)
