"""Django's migrate, which says which database it works on."""

from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.loader import MigrationLoader

from chat.management.commands._base import SchemaCommandMixin
from chat.schema.database import database_name, describe_database
from chat.schema.errors import UnsupportedBackendError
from chat.schema.names import require_app, require_migration


class Command(SchemaCommandMixin, migrate.Command):
    """Django's migrate, which says which database it works on."""

    help = (
        "Bring the database to a version: to the newest of every app, to the newest of one app, "
        "or forwards or backwards to one migration."
    )
    details = """\
Going backwards destroys what the migrations on the way made, with all the rows in it; `zero` goes
back before the first. Going forwards destroys what the migrations say; --plan shows it.

exit codes:
  0  done; with --check: nothing to apply
  1  error; with --check: something to apply

examples:
  python manage.py migrate
  python manage.py migrate chat 0001
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's options and --create-database."""
        super().add_arguments(parser)
        parser.add_argument(
            "--create-database",
            action="store_true",
            help="Create the database first if it does not exist.",
        )

    def before_checks(self, options: dict[str, Any]) -> None:
        """Make the database, if that is asked for."""
        if options.get("create_database"):
            self._create_database(connections[options["database"]])

    def handle(self, *args: Any, **options: Any) -> None:
        """Name the database, correct mistyped names, then do what Django does."""
        connection = connections[options["database"]]
        is_read_only = options["check_unapplied"] or options["plan"]
        if options["verbosity"] > 0 and not is_read_only:
            self.stdout.write(f"Database: {describe_database(connection)}")
        _require_names(options["app_label"], options["migration_name"])
        super().handle(*args, **options)

    def _create_database(self, connection: BaseDatabaseWrapper) -> None:
        create = getattr(connection, "create_database", None)
        if create is None:
            raise UnsupportedBackendError(
                seen=f"{connection.settings_dict['ENGINE']} has no create_database().",
                next_step=f"Create it yourself: createdb {database_name(connection)}",
            )
        if create():
            self.stdout.write(f"Created the database {database_name(connection)}")


def _require_names(app_label: str | None, migration_name: str | None) -> None:
    """Raise, naming the nearest, when there is no such app or migration on disk; no statement."""
    if app_label is None:
        return
    require_app(app_label, known=(config.label for config in apps.get_app_configs()))
    if migration_name is None:
        return
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    if app_label in loader.migrated_apps:
        require_migration(loader, app_label=app_label, name=migration_name)
