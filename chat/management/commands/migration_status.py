"""Show the state of every migration."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.database import describe_database
from chat.schema.errors import DatabaseAheadError, PendingMigrationsError
from chat.schema.render import status_json, status_table
from chat.schema.status import MigrationState, migration_statuses, names_in_state


class Command(SchemaCommandMixin):
    """Show the state of every migration, the current versions, and what to do next."""

    help = "Show the state of every migration, the current versions, and what to do next."
    details = """\
It reads only, and destroys nothing.

exit codes:
  0  shown; with --check: the database is what the code expects
  1  error
  2  with --check: migrations are pending
  6  with --check: the database is ahead of the code

examples:
  python manage.py migration_status chat
  python manage.py migration_status --format json --check
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, --database, --format and --check."""
        parser.add_argument("app_label", nargs="?", metavar="app", help="Only this app.")
        add_database_argument(parser)
        parser.add_argument(
            "--format", choices=("table", "json"), default="table", help="How to show it."
        )
        parser.add_argument(
            "--check", action="store_true", help="End with 2 or 6 unless all is applied."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the state to stdout; with --check, raise what it amounts to."""
        connection = connections[options["database"]]
        statuses = migration_statuses(connection, app_label=options["app_label"])
        if options["format"] == "json":
            self.stdout.write(status_json(statuses, database=describe_database(connection)))
        else:
            self.stdout.write(f"Database: {describe_database(connection)}")
            self.stdout.write(status_table(statuses, style=self.style_for_stdout(options)))
        if not options["check"]:
            return
        if missing := names_in_state(statuses, MigrationState.MISSING):
            raise DatabaseAheadError(missing)
        if pending := names_in_state(statuses, MigrationState.PENDING):
            raise PendingMigrationsError(pending)
