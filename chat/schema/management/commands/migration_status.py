"""Show the state of every migration."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.schema.disk.loading import load_migrations, passed_over
from chat.schema.drift.reading import DriftState, read_drift
from chat.schema.drift.report import drift_summary
from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.run.gates import require_ready
from chat.schema.session.database import describe_database
from chat.schema.status.reading import read_statuses
from chat.schema.status.report import status_json, status_table
from chat.schema.status.tables import missing_tables


class Command(SchemaCommandMixin):
    """Show the state of every migration, the current versions, and what to do next."""

    help = "Show the state of every migration, the current versions, and what to do next."
    details = """\
It reads only, and destroys nothing.

exit codes:
  0  shown; with --check: the database is what the code expects
  1  error; with --check and --drift: whether there is drift is not known
  2  with --check: migrations are pending
  4  with --check: tables or views of the models are not there; with --drift also: the database is
     not what the last migration left
  5  with --check: an applied migration has changed on disk
  6  with --check: the database is ahead of the code
  7  with --check: a migration was interrupted
 64  the command line is wrong, or names what is not there; nothing was done
When several hold, the first of 6, 5, 7, 4, 2, 1.

examples:
  python manage.py migration_status blog
  python manage.py migration_status --format json --check
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, --database, --format, --check and --drift."""
        parser.add_argument("app_label", nargs="?", metavar="app", help="Only this app.")
        add_database_argument(parser)
        parser.add_argument(
            "--format", choices=("table", "json"), default="table", help="How to show it."
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="End with 2, 4, 5, 6 or 7 unless all is well.",
        )
        parser.add_argument(
            "--drift",
            action="store_true",
            help="Also show what was changed in the schema other than by migrations.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the state to stdout; with --check, raise what it amounts to."""
        connection = connections[options["database"]]
        loader = load_migrations(connection)
        statuses = read_statuses(connection, app_label=options["app_label"], loader=loader)
        files = passed_over(loader)
        missing = missing_tables(connection, loader=loader)
        drift = read_drift(connection) if options["drift"] else None
        database = describe_database(connection)
        if options["format"] == "json":
            self.stdout.write(
                status_json(
                    statuses, database=database, passed_over=files, drift=drift, missing=missing
                )
            )
        else:
            style = self.style_for_stdout(options)
            self.stdout.write(f"Database: {database}")
            is_drifted = drift is not None and drift.state is DriftState.DRIFT
            self.stdout.write(
                status_table(
                    statuses,
                    style=style,
                    passed_over=files,
                    is_drifted=is_drifted,
                    missing=missing,
                )
            )
            if drift:
                self.stdout.write(drift_summary(drift, style=style))
        if options["check"]:
            require_ready(statuses, drift=drift, missing_tables=missing)
