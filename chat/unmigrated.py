"""What the tables need where they are made without migrations, as `pytest --no-migrations` does.

Defaults and CHECKs call functions that a migration makes, and indexes use an extension. Triggers
and views are left out: who switches migrations off gets the rules that a table can declare.
"""

from pathlib import Path
from typing import Any, Final, LiteralString

from django.apps import AppConfig
from django.db import connections, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from chat.schema.script_run import Script, run_script

_SQL: Final = Path(__file__).parent / "migrations" / "sql"
# Those of the migrations' scripts that come before the tables that need them.
_BEFORE_TABLES: Final = ("0001_initial.up.sql", "0009_search_messages.up.sql")
_HAS_THEM: Final[LiteralString] = (
    "SELECT to_regprocedure('public.direct_pair_id(uuid, uuid)') IS NOT NULL"
)


def prepare_for_tables(sender: AppConfig, *, using: str, **_: Any) -> None:
    """Make what the tables need when, and only when, the app has no migrations.

    Receives `pre_migrate`, which is sent before tables are made of models. A database that was
    kept has them already. One statement more where migrations are switched off, else none.
    """
    module, _is_explicit = MigrationLoader.migrations_module(sender.label)
    if module is not None or not router.allow_migrate(using, sender.label):
        return
    connection = connections[using]
    if _is_prepared(connection):
        return
    with connection.schema_editor() as editor:
        for name in _BEFORE_TABLES:
            path = _SQL / name
            run_script(Script(path=path, text=path.read_text("utf-8")), editor)


def _is_prepared(connection: BaseDatabaseWrapper) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_HAS_THEM)
        return bool(cursor.fetchone()[0])
