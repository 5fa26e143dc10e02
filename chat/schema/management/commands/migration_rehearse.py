"""Prove on a scratch database that every migration can be undone exactly."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections

from chat.schema.errors import ExitCode
from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.rehearsal.report import heading, rehearsal_json, rows, summary
from chat.schema.rehearsal.round_trip import (
    InexactMigrationsError,
    Rehearsal,
    failed_names,
    rehearse,
)
from chat.schema.rehearsal.scratch import ScratchDatabase, scratch_database
from chat.schema.session.database import describe_database


class Command(SchemaCommandMixin):
    """Prove on a scratch database that every migration can be undone exactly."""

    help = (
        "Apply every migration, or one app's, or one, on a scratch database: up, down, and up "
        "again. Prove by the catalogue that the way back is exact, and show how long each takes, "
        "what it locks, rewrites and reads in tables that were there before, and how much WAL it "
        "writes."
    )
    details = """\
It makes an empty database beside the configured one, with its name and `_rehearsal`, and drops it
when it ends, also on an error, on Ctrl-C and on SIGTERM; what a killed one left is dropped by the
next. Two rehearsals of the same database do not run at once. Of the configured database only its
encoding, collation, settings, schema and extensions are read, and given to the other; nothing in it
is destroyed. The tables have no rows, so the durations are those of a new database, but what is
rewritten or read under a lock takes longer the more rows there are. WAL is counted for the whole
server.

exit codes:
  0  every way back is exact, or irreversible and known to be
  1  error; a migration is wrong, failed or was not reached, or with --strict is irreversible
  3  refused: this user may not make databases, another rehearsal of this one is running, or a
     database of that name is there that is not known to be a scratch database
 64  the command line is wrong, or names what is not there; nothing was done
  130  interrupted; the scratch database was dropped

examples:
  python manage.py migration_rehearse
  python manage.py migration_rehearse blog 0008 --format json
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, the name, --format, --strict and --database."""
        parser.add_argument("app_label", nargs="?", metavar="app", help="Only this app.")
        parser.add_argument(
            "migration_name", nargs="?", metavar="name", help="Only this migration, or its prefix."
        )
        parser.add_argument(
            "--format", choices=("table", "json"), default="table", help="How to show it."
        )
        parser.add_argument(
            "--strict", action="store_true", help="End with 1 also for irreversible migrations."
        )
        add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Rehearse, showing each as it is done; raise what it amounts to."""
        try:
            with scratch_database(
                connections[options["database"]],
                # Not to standard output, where JSON may be.
                say=self.stderr.write,
            ) as scratch:
                rehearsals = self._rehearse(scratch, options)
        except KeyboardInterrupt as exc:
            raise CommandError(
                "Interrupted; the scratch database was dropped.", returncode=int(ExitCode.STOPPED)
            ) from exc
        if names := failed_names(rehearsals, is_strict=options["strict"]):
            raise InexactMigrationsError(names)

    def _rehearse(self, scratch: ScratchDatabase, options: dict[str, Any]) -> list[Rehearsal]:
        server = describe_database(scratch.connection)
        found = rehearse(scratch, app_label=options["app_label"], name=options["migration_name"])
        if options["format"] == "json":
            rehearsals = list(found)
            self.stdout.write(rehearsal_json(rehearsals, server=server))
            return rehearsals
        self.stdout.write(heading(server=server))
        style, app, rehearsals = self.style_for_stdout(options), None, []
        for rehearsal in found:
            if rehearsal.app != app:
                app = rehearsal.app
                self.stdout.write(style.MIGRATE_HEADING(app))
            self.stdout.write(rows(rehearsal, style=style))
            self.stdout.flush()
            rehearsals.append(rehearsal)
        self.stdout.write(summary(rehearsals))
        return rehearsals
