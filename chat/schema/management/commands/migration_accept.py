"""Accept the files of one applied migration, or the database, as they are now."""

from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.acceptance.of_drift import accept_drift, plan_acceptance
from chat.schema.acceptance.of_files import accept_migration
from chat.schema.acceptance.report import acceptance_table
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    add_lock_wait_argument,
    wrong_call,
)
from chat.schema.session.database import describe_database
from chat.schema.session.lock import migration_lock


class Command(SchemaCommandMixin):
    """Accept the files of one applied migration, or the database, as they are now."""

    help = (
        "Accept the files of one applied migration as they are now, when the database already is "
        "what they say; or, with --drift, the database as it is now. Runs nothing of a migration."
    )
    details = """\
It adds a row to the ledger and destroys nothing: the checksum or the snapshot that was in force
before stays there. With an app and a name: if the database is not what the files say, no later
check will tell. With --drift: everything that differs is shown and becomes the new baseline, so it
is no longer reported; without a reason it is only shown. A database that was migrated before there
was a ledger gets its first snapshot in this way.

exit codes:
  0  accepted, or nothing to accept
  1  error; also when the migration is not applied
  3  refused: no reason was given
  7  with --drift: a migration was interrupted, and must be finished first
 64  the command line is wrong, or names what is not there; nothing was done
 75  another migrator holds the lock

examples:
  python manage.py migration_accept blog 0003 --reason "comment corrected, same SQL"
  python manage.py migration_accept --drift --reason "index of the night of 3 May, kept"
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the migration, --drift, --reason, --database and --lock-wait."""
        parser.add_argument("app_label", metavar="app", nargs="?", help="The app.")
        parser.add_argument(
            "migration_name",
            metavar="name",
            nargs="?",
            help="The migration, or the beginning of its name.",
        )
        parser.add_argument(
            "--drift",
            action="store_true",
            help="Accept the database as it is now as what the migrations left.",
        )
        parser.add_argument(
            "--reason", default="", help="Why the files, or the database, are to stay as they are."
        )
        add_database_argument(parser)
        add_lock_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the row, and show what was in force before and what is now."""
        names = [options["app_label"], options["migration_name"]]
        if options["drift"]:
            if any(names):
                raise wrong_call("--drift is of the whole database: name no migration with it.")
        elif not all(names):
            raise wrong_call("Name an app and one of its migrations, or say --drift.")
        connection = connections[options["database"]]
        self.say(f"Database: {describe_database(connection)}", options)
        with migration_lock(connection, wait=timedelta(seconds=options["lock_wait"])):
            if options["drift"]:
                self._accept_drift(connection, options)
            else:
                self._accept_files(connection, options)

    def _accept_files(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        accepted = accept_migration(
            connection,
            app_label=options["app_label"],
            name=options["migration_name"],
            reason=options["reason"],
        )
        if accepted is None:
            self.say("Nothing to accept: the files are those in force.", options)
            return
        self.say(f"Accepted {accepted.migration}", options)
        self.say(f"  before: {accepted.before or 'unknown'}", options)
        self.say(f"  now:    {accepted.now}", options)

    def _accept_drift(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        acceptance = plan_acceptance(connection)
        if acceptance is None:
            self.say("Nothing to accept: nothing differs from the last snapshot.", options)
            return
        self.say(acceptance_table(acceptance, style=self.style_for_stdout(options)), options)
        accept_drift(connection, acceptance, reason=options["reason"])
        self.say("Accepted.", options)
