"""What a rollback would destroy: tried on the real database, then counted.

`measure_loss` returns a value; report.py words it and consent.py decides.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.ledger.table import MigrationKey
from chat.schema.rollback.counts import Count, TableCounts, count_table
from chat.schema.rollback.from_models import read_effects, unknown_operations
from chat.schema.rollback.relations import Effect, EffectKind, read_relations
from chat.schema.rollback.trial import (
    TrialAbandonedError,
    TrialFailedError,
    obstacles,
    try_rollback,
)
from chat.schema.run.gates import Plan

ROW_BUDGET: Final = 1_000_000
LOCK_TIMEOUT: Final = timedelta(seconds=1)
TIME_LIMIT: Final = timedelta(seconds=5)

# In the order in which they are shown.
_LOST: Final = (
    EffectKind.TABLE_DROPPED,
    EffectKind.TABLE_EMPTIED,
    EffectKind.ROWS_DELETED,
    EffectKind.COLUMN_DROPPED,
)
_CHANGED: Final = (
    EffectKind.TABLE_REPLACED,
    EffectKind.ROWS_UPDATED,
    EffectKind.COLUMN_REPLACED,
    EffectKind.COLUMN_RETYPED,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossItem:
    """Rows of a table, or values of a column, that a rollback touches.

    `name` is the table, or the table, a dot and the column. `detail` has the types of a column that
    changes its type. The values of a column are those that are not NULL.
    """

    kind: EffectKind
    name: str
    count: Count
    detail: str = ""

    @property
    def is_column(self) -> bool:
        """Whether `count` counts values and not rows."""
        return self.kind in {
            EffectKind.COLUMN_DROPPED,
            EffectKind.COLUMN_REPLACED,
            EffectKind.COLUMN_RETYPED,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a rollback would destroy.

    `rollbacks` are (app, name) in the order in which they are undone. `lost` is gone afterwards,
    and `changed` may have other values; `definitions` (views, generated columns, foreign tables)
    are gone too, and hold no data of their own.

    `not_tried` says why the rest was read from the migrations, and is empty when it was tried;
    `unknown` are then the operations whose effect is not known. `failure` is what stopped the trial
    run and would stop the rollback.
    """

    rollbacks: tuple[MigrationKey, ...]
    lost: tuple[LossItem, ...] = ()
    changed: tuple[LossItem, ...] = ()
    definitions: tuple[str, ...] = ()
    not_tried: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def is_tried(self) -> bool:
        """Whether the rollback was tried to its end."""
        return not self.not_tried and self.failure is None

    @property
    def is_nothing(self) -> bool:
        """Whether it is certain that no data would be lost or changed."""
        items = (*self.lost, *self.changed)
        return (
            all(item.count.is_nothing for item in items) and not self.unknown and not self.failure
        )


def measure_loss(
    connection: BaseDatabaseWrapper,
    *,
    plan: Plan,
    untried_because: str = "",
    row_budget: int = ROW_BUDGET,
    lock_timeout: timedelta = LOCK_TIMEOUT,
    time_limit: timedelta = TIME_LIMIT,
) -> Loss:
    """Return what unapplying a plan would destroy, and leave the database as it was.

    The plan is unapplied in a transaction that is rolled back, which holds the rollback's locks for
    `time_limit` at most and waits for each at most for `lock_timeout`. Rows and values are counted
    afterwards, under ACCESS SHARE alone: exactly up to `row_budget` rows of a table, above it about
    and from the planner's statistics. Where a trial run is impossible or was not finished, the
    migrations are read instead; the loss says so. With `untried_because` they are read at once, and
    no lock but ACCESS SHARE is taken.

    Raises:
        TrialSessionLostError: the session is gone, and with it every lock that it held.
        BrokenMigrationsError: the files do not fit together.
    """
    failure = None
    not_tried = [untried_because] if untried_because else obstacles(plan)
    found: list[Effect] | None = None
    if plan and not not_tried:
        try:
            found = try_rollback(
                connection, plan=plan, lock_timeout=lock_timeout, time_limit=time_limit
            )
        except TrialAbandonedError as exc:
            not_tried = [str(exc)]
        except TrialFailedError as exc:
            failure = str(exc)
    if plan and found is None:
        found = read_effects(connection, plan=plan, seen=read_relations(connection))
    counted = [
        item
        for item in _count(connection, found or (), row_budget=row_budget)
        # It was empty before, and only written anew.
        if not (item.kind is EffectKind.TABLE_EMPTIED and item.count.is_nothing)
    ]
    return Loss(
        rollbacks=tuple((migration.app_label, migration.name) for migration, _ in plan),
        lost=_of_kinds(counted, _LOST),
        changed=_of_kinds(counted, _CHANGED),
        definitions=tuple(
            _definition(effect)
            for effect in found or ()
            if effect.kind is EffectKind.DEFINITION_DROPPED
        ),
        not_tried=tuple(not_tried),
        unknown=tuple(unknown_operations(plan)) if not_tried or failure else (),
        failure=failure,
    )


def _count(
    connection: BaseDatabaseWrapper, found: Iterable[Effect], *, row_budget: int
) -> list[LossItem]:
    """Count what the effects touch, each table once however many of its columns are concerned."""
    by_table: dict[int, list[Effect]] = {}
    for effect in found:
        if effect.kind is not EffectKind.DEFINITION_DROPPED:
            by_table.setdefault(effect.relation.oid, []).append(effect)
    items = []
    for of_table in by_table.values():
        relation = of_table[0].relation
        columns = [effect.column.name for effect in of_table if effect.column]
        counts = count_table(connection, relation, columns=columns, row_budget=row_budget)
        items += [_item(effect, counts) for effect in of_table]
    return items


def _item(effect: Effect, counts: TableCounts) -> LossItem:
    name, detail, count = effect.relation.shown, "", counts.rows
    if effect.column:
        name = f"{name}.{effect.column.shown}"
        count = counts.values[effect.column.name]
    if effect.column and effect.new_type:
        detail = f"{effect.column.type} to {effect.new_type}"
    if effect.rows is not None:
        count = Count(effect.rows)
    return LossItem(kind=effect.kind, name=name, count=count, detail=detail)


def _definition(effect: Effect) -> str:
    if effect.column:
        return f"generated column {effect.relation.shown}.{effect.column.shown}"
    return f"{effect.relation.kind.name.lower().replace('_', ' ')} {effect.relation.shown}"


def _of_kinds(items: Sequence[LossItem], kinds: Sequence[EffectKind]) -> tuple[LossItem, ...]:
    return tuple(
        sorted(
            (item for item in items if item.kind in kinds),
            key=lambda item: (item.is_column, item.name, kinds.index(item.kind)),
        )
    )
