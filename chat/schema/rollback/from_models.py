"""What a rollback would drop, read from the migrations where it is not tried.

The models from before the rollback and after it are compared by the names of tables and columns.
What SQL and Python code does is not read, only named.
"""

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations import RunPython, RunSQL
from django.db.migrations.operations.base import Operation

from chat.schema.disk.loading import load_migrations, show_replaced
from chat.schema.disk.operations import database_operations, undoes_nothing
from chat.schema.ledger.table import MigrationKey
from chat.schema.rollback.relations import (
    Column,
    Effect,
    EffectKind,
    Relation,
    RelationsSeen,
    read_descendants,
)
from chat.schema.run.gates import Plan
from chat.schema.session.database import cut_name

# Table → column → type.
_Tables: TypeAlias = dict[str, dict[str, str | None]]


def read_effects(
    connection: BaseDatabaseWrapper, *, plan: Plan, seen: RelationsSeen
) -> list[Effect]:
    """Return the tables and columns that are there and that the models after the plan lack.

    Partitions and children are among them. What the plan only renames is too: an alarm too many,
    none too few.
    """
    loader = load_migrations(connection)
    undone = {(migration.app_label, migration.name) for migration, _ in plan}
    show_replaced(loader, undone)
    is_squash_shown = loader.replace_migrations  # type: ignore[attr-defined]
    twice = () if is_squash_shown else loader.replacements
    applied = [
        key for key in loader.graph.nodes if key in loader.applied_migrations and key not in twice
    ]
    before = _tables(connection, loader, applied)
    after = _tables(connection, loader, [key for key in applied if key not in undone])
    # Without a schema a model's table is what the search path finds, which is what `shown` says.
    present = {
        relation.name: relation
        for relation in seen.relations.values()
        if relation.kind.is_table and "." not in relation.shown
    }
    tables = {table: present[table] for table in before if table in present}
    of_models = {relation.oid for relation in tables.values()}
    descendants = read_descendants(connection, tables.values())
    found = []
    for table, relation in tables.items():
        columns = before[table]
        # One that is a model's table comes by itself, and a temporary one is not among those seen.
        below = [
            descendant
            for oid in descendants.get(relation.oid, set()) - of_models
            if (descendant := seen.relations.get(oid)) and descendant.kind.is_table
        ]
        for concerned in (relation, *below):
            if table not in after:
                found.append(Effect(kind=EffectKind.TABLE_DROPPED, relation=concerned))
            else:
                found += _column_effects(concerned, columns, after[table])
    return sorted(found, key=lambda effect: effect.relation.shown)


def unknown_operations(plan: Plan) -> list[str]:
    """Return `migration: operation` of all whose effect only a trial run could tell."""
    return [
        f"{migration}: {operation.describe()}"
        for migration, _ in plan
        for operation in database_operations(migration.operations)
        if not _is_read(operation)
    ]


def _column_effects(
    relation: Relation, before: dict[str, str | None], after: dict[str, str | None]
) -> Iterator[Effect]:
    columns: dict[str, Column] = {column.name: column for column in relation.columns.values()}
    for name, old_type in before.items():
        column = columns.get(name)
        if column is None or column.is_generated:
            continue
        if name not in after:
            yield Effect(kind=EffectKind.COLUMN_DROPPED, relation=relation, column=column)
        elif after[name] != old_type:
            yield Effect(
                kind=EffectKind.COLUMN_RETYPED,
                relation=relation,
                column=column,
                new_type=after[name],
            )


def _tables(
    connection: BaseDatabaseWrapper, loader: MigrationLoader, nodes: Sequence[MigrationKey]
) -> _Tables:
    if not nodes:
        return {}
    models = loader.project_state(list(nodes)).apps.get_models(include_auto_created=True)
    return {
        cut_name(model._meta.db_table): {
            cut_name(field.column): field.db_type(connection)
            for field in model._meta.local_concrete_fields
            if field.column
        }
        for model in models
        if model._meta.managed
        and not model._meta.proxy
        and router.allow_migrate_model(connection.alias, model)
    }


def _is_read(operation: Operation) -> bool:
    if isinstance(operation, RunSQL | RunPython):
        return undoes_nothing(operation)
    return type(operation).__module__.startswith("django.")
