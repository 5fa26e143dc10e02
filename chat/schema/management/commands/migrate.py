"""Django's migrate, which keeps the ledger, and refuses what would go wrong."""

import sys
from collections.abc import Container, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from chat.schema.acceptance.of_drift import changes_accepted
from chat.schema.disk.loading import explaining_unreadable_migrations, passed_over
from chat.schema.disk.names import require_app, require_migration
from chat.schema.drift.report import drift_before_run
from chat.schema.errors import SchemaError
from chat.schema.guards import is_production
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    add_lock_timeout_arguments,
    add_lock_wait_argument,
    waiting_line,
    wrong_call,
)
from chat.schema.management.commands._output import is_terminal
from chat.schema.rollback.consent import confirm_loss
from chat.schema.run.executor import GatedExecutor, LedgerExecutor, Progress
from chat.schema.run.gates import Plan
from chat.schema.run.patching import ExecutorFactory, executor_of_migrate
from chat.schema.run.patience import BlockedAttempt, Patience
from chat.schema.run.pruning import prune_removed_app, removed_apps
from chat.schema.session.blockers import Blocker
from chat.schema.session.database import database_name, describe_database
from chat.schema.session.lock import LockHolder, MigrationLock, migration_lock
from chat.schema.status.tables import require_tables


class UnsupportedBackendError(SchemaError):
    """This database backend cannot do that."""


class Command(SchemaCommandMixin, migrate.Command):
    """Django's migrate, one at a time, with the ledger and the gates."""

    help = (
        "Bring the database to a version: to the newest of every app, to the newest of one app, "
        "or forwards or backwards to one migration."
    )
    # How migration_reset says that it has asked already.
    stealth_options = (*migrate.Command.stealth_options, "is_loss_accepted")
    details = """\
Going backwards destroys what the migrations on the way made, with all the rows in it; `zero` goes
back before the first. What would be lost is measured and shown first; on a terminal it asks.
Unless the setting MIGRATIONS_PRODUCTION is False, it also needs the setting FORCE_ROLLBACK to be
true, whatever --noinput says: without, the loss is read from the migrations and nobody is locked
out. Going forwards destroys what the migrations say; --plan shows it.

exit codes:
  0  done; with --check: nothing to apply
  1  error; with --check: something to apply
  3  a rollback that was not confirmed, would fail, or is in production; nothing was done
  4  done, and tables or views of the models are not there
  5  an applied migration has changed on disk; nothing was done
  6  the database is ahead of the code; nothing was done
  7  a migration was interrupted, and must be finished first
 64  the command line is wrong, or names what is not there; nothing was done
 75  another migrator holds the lock, or a table could not be locked in time

examples:
  python manage.py migrate
  python manage.py migrate blog 0001
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's options and those of the lock, and --create-database."""
        super().add_arguments(parser)
        add_database_argument(parser)
        add_lock_wait_argument(parser)
        add_lock_timeout_arguments(parser)
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
        """Name the database, correct mistyped names, then do what Django does, under the lock."""
        connection = connections[options["database"]]
        if options["prune"] and not options["app_label"]:
            raise wrong_call("Name the app whose records --prune is to remove.")
        # Django prunes whatever --plan and --check say.
        is_read_only = (options["check_unapplied"] or options["plan"]) and not options["prune"]
        if not is_read_only:
            self.say(f"Database: {describe_database(connection)}", options)
        is_removed_app = options["prune"] and options["app_label"] in removed_apps(connection)
        if not is_removed_app:
            _require_names(options["app_label"], options["migration_name"])
        if is_read_only:
            # What would be refused is no plan; what was interrupted is in it, as it is run again.
            gated = partial(GatedExecutor, allow_interrupted=options["plan"])
            with executor_of_migrate(self._telling_of_files(gated, options)):
                super().handle(*args, **options)
        else:
            with migration_lock(
                connection,
                wait=timedelta(seconds=options["lock_wait"]),
                on_wait=lambda holder: self._say_who_holds_the_lock(holder, options),
            ) as lock:
                if is_removed_app:
                    self._prune_removed_app(connection, lock, options)
                    return
                made: list[LedgerExecutor] = []
                make = self._telling_of_files(self._executor(lock, options, made), options)
                with executor_of_migrate(make):
                    super().handle(*args, **options)
                for executor in made:
                    require_tables(executor.missing_tables)

    def sync_apps(self, connection: BaseDatabaseWrapper, app_labels: Container[str]) -> None:
        """Do what Django does for --run-syncdb, and know that nobody did it by hand."""
        with changes_accepted(connection, reason="migrate --run-syncdb"):
            super().sync_apps(connection, app_labels)

    def confirm_rollback(
        self, connection: BaseDatabaseWrapper, plan: Plan, options: dict[str, Any]
    ) -> None:
        """Show what a backwards plan would lose, and ask; a faked one undoes nothing.

        The lock is held, the plan is final, nothing was changed; what is raised stops the run.
        """
        if options["fake"] or options.get("is_loss_accepted"):
            return
        confirm_loss(
            connection,
            plan=plan,
            ask=input if options["interactive"] and is_terminal(sys.stdin) else None,
            is_production=is_production(),
            is_forced=bool(getattr(settings, "FORCE_ROLLBACK", False)),
            write=lambda text: self.say(text, options),
        )

    def _telling_of_files(self, make: ExecutorFactory, options: dict[str, Any]) -> ExecutorFactory:
        """Let a new executor report files that are passed over, on stderr: stdout may be a plan."""

        def made(connection: BaseDatabaseWrapper, progress_callback: Any) -> MigrationExecutor:
            executor = make(connection, progress_callback)
            for said in passed_over(executor.loader) if options["verbosity"] > 0 else ():
                self.stderr.write(said, self.style.WARNING)
            return executor

        return made

    def _executor(
        self, lock: MigrationLock, options: dict[str, Any], made: list[LedgerExecutor]
    ) -> ExecutorFactory:
        """Return what makes the executor, and adds it to those that were made."""
        patience = Patience(
            lock_timeout=timedelta(seconds=options["lock_timeout"]),
            retries=options["lock_retries"],
        )

        def make(connection: BaseDatabaseWrapper, progress_callback: Any) -> LedgerExecutor:
            executor = LedgerExecutor(
                connection,
                progress_callback,
                lock=lock,
                patience=patience,
                progress=Progress(
                    notice=lambda line: self.say(f"  {line}", options),
                    drifted=lambda drift: self.say(
                        drift_before_run(drift, style=self.style_for_stdout(options)), options
                    ),
                    blocked=lambda attempt: self._say_who_blocks(attempt, options),
                    waiting=lambda blockers: self._say_whom_it_waits_for(blockers, options),
                    failed=lambda: self.say(" FAILED", options),
                ),
                confirm_rollback=lambda plan: self.confirm_rollback(connection, plan, options),
                is_prune=options["prune"],
            )
            made.append(executor)
            return executor

        return make

    def _say_who_holds_the_lock(self, holder: LockHolder, options: dict[str, Any]) -> None:
        self.say(waiting_line(holder, options), options)

    def _say_who_blocks(self, blocked: BlockedAttempt, options: dict[str, Any]) -> None:
        self.say(" BLOCKED", options)
        self.say(
            f"    Attempt {blocked.attempt} of {blocked.attempts} waited "
            f"{blocked.waited.total_seconds():g} s for a lock and was rolled back. Blocked by:",
            options,
        )
        for blocker in blocked.blockers:
            self.say(f"      {blocker}", options)
        self.say(
            f"    Trying {blocked.migration} again in {blocked.pause.total_seconds():g} s...",
            options,
            ending="",
        )

    def _say_whom_it_waits_for(self, blockers: Sequence[Blocker], options: dict[str, Any]) -> None:
        self.say(" WAITING", options)
        self.say("    It waits as long as it takes, since it is not one transaction, for:", options)
        for blocker in blockers:
            self.say(f"      {blocker}", options)
        self.say("    Still waiting...", options, ending="")

    def _prune_removed_app(
        self, connection: BaseDatabaseWrapper, lock: MigrationLock, options: dict[str, Any]
    ) -> None:
        self.say("Pruning migrations:", options)
        for name in prune_removed_app(connection, app_label=options["app_label"], lock=lock):
            self.say(f"  Pruning {options['app_label']}.{name} OK", options)

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
    with explaining_unreadable_migrations():
        loader.load_disk()
    if app_label in loader.migrated_apps:
        require_migration(loader, app_label=app_label, name=migration_name)
