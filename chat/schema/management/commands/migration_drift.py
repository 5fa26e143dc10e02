"""Show what was changed in the database other than by migrations."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.schema.drift.reading import read_drift
from chat.schema.drift.refusals import require_known_drift, require_no_drift
from chat.schema.drift.report import drift_json, drift_table
from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.session.database import describe_database


class Command(SchemaCommandMixin):
    """Show what the database has that the last migration did not leave, and the reverse."""

    help = (
        "Show, object by object, what the database has that the last migration did not leave, "
        "and the reverse."
    )
    details = """\
It reads only, and destroys nothing. Owners, privileges and data are not compared.

exit codes:
  0  nothing differs; what could not be compared is named
  1  error, or it is not known: there is no snapshot, or a migration was begun since
  4  drift: something differs
 64  the command line is wrong; nothing was done

examples:
  python manage.py migration_drift
  python manage.py migration_drift --format json
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --database and --format."""
        add_database_argument(parser)
        parser.add_argument(
            "--format", choices=("table", "json"), default="table", help="How to show it."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write what differs to stdout, then raise what it amounts to."""
        connection = connections[options["database"]]
        drift = read_drift(connection)
        if options["format"] == "json":
            self.stdout.write(drift_json(drift, database=describe_database(connection)))
        else:
            self.stdout.write(f"Database: {describe_database(connection)}")
            self.stdout.write(drift_table(drift, style=self.style_for_stdout(options)))
        require_no_drift(drift, is_shown=True)
        require_known_drift(drift)
