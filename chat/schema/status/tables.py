"""Whether the tables and views of the models are there, when their migrations are applied.

After a restore that went wrong the rows of `django_migrations` may be all there, and tables not.
"""

from collections.abc import Collection, Iterable
from typing import Final, LiteralString

from django.apps import apps
from django.db import router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader
from django.db.models import Model

from chat.schema.errors import ExitCode, SchemaError
from chat.schema.ledger.snapshots import left_by_migrations
from chat.schema.ledger.table import MigrationKey
from chat.schema.text import command_line

_ABSENT: Final[LiteralString] = """
SELECT position - 1
FROM unnest(%s::text[]) WITH ORDINALITY AS named (name, position)
WHERE to_regclass(name) IS NULL
ORDER BY position
"""
_NAMED_AT_MOST: Final = 5


class MissingTablesError(SchemaError):
    """Tables or views of the models are not there, and every migration is applied."""

    exit_code = ExitCode.DRIFT

    def __init__(self, names: Collection[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            seen=f"Not there: {listed(self.names)}",
            next_step=(
                "A restore that went wrong leaves a database so: restore it again, into an empty "
                "one. What else is not as the migrations left it: "
                f"{command_line('migration_drift')}"
            ),
        )


def listed(names: Collection[str]) -> str:
    """Return the names, five at most, and how many more."""
    shown = list(names)[:_NAMED_AT_MOST]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f", and {more} more" if more else "")


def missing_tables(
    connection: BaseDatabaseWrapper,
    *,
    loader: MigrationLoader,
    applied: Collection[MigrationKey] | None = None,
) -> list[str]:
    """Return the tables and views of the models that are not there, by name.

    None while a migration is pending, since it may make them, and none that no migration makes.
    Those that Django does not manage count only if the last snapshot has them. `applied` are the
    applied migrations, where the loader has read others. One statement; two more where some are not
    there.
    """
    if applied is None:
        applied = loader.applied_migrations.keys()
    if not loader.graph.nodes.keys() <= set(applied):
        return []
    models = list(_models(connection, loader.migrated_apps))
    names = [connection.ops.quote_name(model._meta.db_table) for model in models]
    with connection.cursor() as cursor:
        cursor.execute(_ABSENT, (names,))
        absent = [models[index] for (index,) in cursor.fetchall()]
    made = _made_by_migrations(connection, absent, loader=loader) if absent else []
    return sorted(model._meta.db_table for model in made)


def require_tables(names: Collection[str]) -> None:
    """Raise MissingTablesError when tables or views of the models are not there."""
    if names:
        raise MissingTablesError(names)


def _models(connection: BaseDatabaseWrapper, app_labels: Collection[str]) -> Iterable[type[Model]]:
    for model in apps.get_models(include_auto_created=True):
        options = model._meta
        is_table = not (options.proxy or options.swapped)
        if options.app_label in app_labels and is_table:
            # One without a field of its own is there for its permissions, and has no table.
            has_fields = any(not field.auto_created for field in options.local_fields)
            is_kept_here = options.can_migrate(connection) or (not options.managed and has_fields)
            if is_kept_here and router.allow_migrate_model(connection.alias, model):
                yield model


def _made_by_migrations(
    connection: BaseDatabaseWrapper, models: Collection[type[Model]], *, loader: MigrationLoader
) -> Iterable[type[Model]]:
    unmanaged = {model._meta.db_table: model for model in models if not model._meta.managed}
    yield from (unmanaged[name] for name in left_by_migrations(connection, list(unmanaged)))
    managed = [model for model in models if model._meta.managed]
    if managed:
        # By table: a model that a migration makes may have a table that none makes yet.
        known = loader.project_state().apps.get_models(include_auto_created=True)
        tables = {model._meta.db_table for model in known}
        yield from (model for model in managed if model._meta.db_table in tables)
