"""Accept the files of one applied migration as they are now."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    add_lock_wait_argument,
)
from chat.schema.acceptance import accept_migration
from chat.schema.database import describe_database
from chat.schema.lock import migration_lock


class Command(SchemaCommandMixin):
    """Accept the files of one applied migration as they are now."""

    help = (
        "Accept the files of one applied migration as they are now, when the database already is "
        "what they say. Runs nothing of the migration."
    )
    details = """\
It adds a row to the ledger and destroys nothing: the checksum that was in force before stays there.
If the database is not what the files say, no later check will tell.

exit codes:
  0  accepted, or nothing to accept
  1  error; also when the migration is not applied
  3  refused: no reason was given
 75  another migrator holds the lock

examples:
  python manage.py migration_accept chat 0003 --reason "comment corrected, same SQL"
  python manage.py migration_accept auth 0001_initial --reason "applied before the ledger"
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the migration, --reason, --database and --lock-wait."""
        parser.add_argument("app_label", metavar="app", help="The app.")
        parser.add_argument(
            "migration_name", metavar="name", help="The migration, or the beginning of its name."
        )
        parser.add_argument(
            "--reason", default="", help="Why the database already is what the files say."
        )
        add_database_argument(parser)
        add_lock_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the row, and show both checksums."""
        connection = connections[options["database"]]
        if options["verbosity"] > 0:
            self.stdout.write(f"Database: {describe_database(connection)}")
        with migration_lock(connection, wait=timedelta(seconds=options["lock_wait"])):
            accepted = accept_migration(
                connection,
                app_label=options["app_label"],
                name=options["migration_name"],
                reason=options["reason"],
            )
        if options["verbosity"] == 0:
            return
        if accepted is None:
            self.stdout.write("Nothing to accept: the files are those in force.")
            return
        self.stdout.write(f"Accepted {accepted.migration}")
        self.stdout.write(f"  before: {accepted.before or 'unknown'}")
        self.stdout.write(f"  now:    {accepted.now}")
