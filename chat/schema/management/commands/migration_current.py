"""Print the current version, for scripts."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.status.reading import current_migration, current_migrations, migration_statuses


class Command(SchemaCommandMixin):
    """Print the current version of an app."""

    help = "Print the current version of an app, one line made for scripts."
    details = """\
It prints the name of the migration that the database is at, or zero when nothing is applied. It
reads only, and destroys nothing.

exit codes:
  0  printed
  1  error

examples:
  python manage.py migration_current
  python manage.py migration_current --all
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, --all and --database."""
        parser.add_argument(
            "app_label",
            nargs="?",
            metavar="app",
            default="chat",
            help="The app (default: %(default)s).",
        )
        parser.add_argument(
            "--all", action="store_true", help="Print a line `app name` for every app."
        )
        add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the version, or with --all every app's, to stdout."""
        connection = connections[options["database"]]
        if options["all"]:
            versions = current_migrations(migration_statuses(connection))
            for app, name in sorted(versions.items()):
                self.stdout.write(f"{app} {name or 'zero'}")
            return
        name = current_migration(connection, app_label=options["app_label"])
        self.stdout.write(name or "zero")
