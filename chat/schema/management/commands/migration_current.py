"""Print the current version, for scripts."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.status.reading import current_migrations, read_statuses


class Command(SchemaCommandMixin):
    """Print the current version of an app, or of every app."""

    help = "Print the current version of an app in one line made for scripts, or of every app."
    details = """\
It prints the name of the migration that the database is at, or zero when nothing is applied;
without an app, a line `app name` for every app. It reads only, and destroys nothing.

exit codes:
  0  printed
  1  error
 64  the command line is wrong, or names what is not there; nothing was done

examples:
  python manage.py migration_current blog
  python manage.py migration_current
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app and --database."""
        parser.add_argument("app_label", nargs="?", metavar="app", help="Only this app.")
        add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the version, or without an app every app's, to stdout."""
        connection = connections[options["database"]]
        app_label = options["app_label"]
        versions = current_migrations(read_statuses(connection, app_label=app_label))
        if app_label:
            self.stdout.write(versions.get(app_label) or "zero")
            return
        for app, name in sorted(versions.items()):
            self.stdout.write(f"{app} {name or 'zero'}")
