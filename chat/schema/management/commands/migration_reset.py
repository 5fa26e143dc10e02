"""Roll migrations back all the way and apply them again."""

import sys
from datetime import timedelta
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.guards import require_override
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    add_lock_wait_argument,
    waiting_line,
)
from chat.schema.management.commands._output import is_terminal
from chat.schema.rollback.consent import NotConfirmedError
from chat.schema.rollback.loss import measure_loss
from chat.schema.rollback.report import loss_table
from chat.schema.rollback.reset import ResetPlan, plan_reset
from chat.schema.session.database import database_name, describe_database
from chat.schema.session.lock import migration_lock
from chat.schema.text import command_line


class Command(SchemaCommandMixin):
    """Roll back an app and what depends on it, or everything, and apply it again."""

    help = "Roll back an app and what depends on it, or every app, and apply it all again."
    details = """\
IT DESTROYS ALL ROWS of the tables concerned. What would go is measured in a trial run that is
rolled back, and shown before anything is done. On a terminal it asks for the database's name;
without a terminal it needs --noinput. Unless the setting MIGRATIONS_PRODUCTION is False it also
needs the setting FORCE_RESET to be true, whatever --noinput says.

exit codes:
  0  rolled back and applied again
  1  error; also when a migration in the way is irreversible, before anything is done
  3  refused: not confirmed, or production without FORCE_RESET
  6  the database is ahead of the code, so the way back is not on disk
 64  the command line is wrong, or names what is not there; nothing was done
 75  another migrator holds the lock; it is taken once, for the whole way down and up

examples:
  python manage.py migration_reset blog
  python manage.py migration_reset --noinput
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, --database, --lock-wait and --noinput."""
        parser.add_argument(
            "app_label",
            nargs="?",
            metavar="app",
            help="This app and what depends on it (default: every app).",
        )
        add_database_argument(parser)
        add_lock_wait_argument(parser)
        parser.add_argument(
            "--noinput",
            "--no-input",
            action="store_false",
            dest="interactive",
            help="Do not ask.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Guard, plan, show, ask, then have `migrate` go down and up."""
        connection = connections[options["database"]]
        require_override(
            "FORCE_RESET",
            action=f"{describe_database(connection)} was about to be reset",
            risk="All data in the tables concerned will be lost.",
        )
        # Taken again by each `migrate` within, which the server counts; nobody comes in between.
        with migration_lock(
            connection,
            wait=timedelta(seconds=options["lock_wait"]),
            on_wait=lambda holder: self.say(waiting_line(holder, options), options),
        ):
            plan = plan_reset(connection, app_label=options["app_label"])
            if plan.rollbacks and options["interactive"] and not is_terminal(sys.stdin):
                # Before it is measured, which locks the tables.
                raise NotConfirmedError(
                    seen="There is no terminal to ask on.",
                    next_step=(
                        "If you are sure, run it again with --noinput; the rows will be lost."
                    ),
                )
            if options["verbosity"] > 0 or options["interactive"]:
                self._show(connection, plan)
            if plan.rollbacks and options["interactive"]:
                self._confirm(database_name(connection))
            self._carry_out(plan, options)

    def _show(self, connection: BaseDatabaseWrapper, plan: ResetPlan) -> None:
        self.stdout.write(f"Database: {describe_database(connection)}")
        if not plan.rollbacks:
            what = f"Of {plan.app_label} nothing" if plan.app_label else "Nothing"
            self.stdout.write(f"{what} is applied, so nothing is rolled back and nothing is lost.")
            return
        self.stdout.write(f"To be rolled back, then applied again: {len(plan.rollbacks)}")
        for app, name in plan.rollbacks:
            self.stdout.write(f"  {app}.{name}")
        loss = measure_loss(connection, plan=plan.backwards)
        self.stdout.write(loss_table(loss))

    def _confirm(self, name: str) -> None:
        try:
            answer = input(f"Type the name of the database ({name}) to go on: ")
        except (EOFError, KeyboardInterrupt):
            answer = ""
        if answer.strip() != name:
            raise NotConfirmedError(
                seen=f"Expected {name!r}, got {answer.strip()!r}.",
                next_step="Run it again if this is the database you mean.",
            )

    def _carry_out(self, plan: ResetPlan, options: dict[str, Any]) -> None:
        database = options["database"]
        verbosity = options["verbosity"] if options["verbosity"] > 1 else 0
        try:
            for app in plan.down:
                self.say(f"Rolling back {app}", options)
                self._migrate(app, "zero", database=database, verbosity=verbosity)
            for target in plan.up:
                self.say(f"Applying {'.'.join(target) or 'everything'}", options)
                self._migrate(*target, database=database, verbosity=verbosity)
        except BaseException:
            self.stderr.write(
                f"The reset stopped half way. See where with: {command_line('migration_status')}\n"
                f"Then, when the cause is removed, go up again with: {command_line('migrate')}"
            )
            raise
        self.say(_summary(plan), options)

    def _migrate(self, *targets: str, database: str, verbosity: int) -> None:
        call_command(
            "migrate",
            *targets,
            database=database,
            interactive=False,
            is_loss_accepted=True,
            verbosity=verbosity,
            stdout=self.stdout,
            stderr=self.stderr,
        )


def _summary(plan: ResetPlan) -> str:
    if plan.rollbacks:
        return "Reset: everything that was rolled back is applied again."
    return f"{plan.app_label or 'Everything'} is applied for the first time."
