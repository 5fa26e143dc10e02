"""Spread the tables over several machines, bring them back, or say what would prevent it."""

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.distribution.conversion import distribute, undo
from chat.distribution.pgdog import pgdog_tables
from chat.distribution.readiness import add_workers, has_citus, require_ready_cluster
from chat.distribution.rules import findings, rules
from chat.rules.distribution import LEFT_OUT
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    add_lock_wait_argument,
    waiting_line,
)
from chat.schema.session.database import database_name, describe_database
from chat.schema.session.lock import migration_lock
from chat.schema.text import command_line, wrapped

_MOST_SHARDS = 64_000


class Command(SchemaCommandMixin):
    """Spread the tables over several machines, bring them back, or say what would prevent it."""

    help = (
        "Spread the tables over the machines of a Citus cluster, by the server or conversation "
        "that each row belongs to. Run again, it goes on with the tables that are new since."
    )
    details = """\
It destroys no row: each table is counted before and after, and all of it is one transaction, for
which the tables are locked, also for reading. What belongs where is in
chat/rules/distribution.py, and what would prevent it in chat/distribution/rules.sql. Each machine
needs the same PostgreSQL with Citus, the same database with CREATE EXTENSION citus, and the same
role.

exit codes:
  0  done, or nothing to do; with --check, nothing prevents it
  1  error, and nothing was changed; with --check, something prevents it
  2  migrations are pending; 5 changed; 6 missing on disk; 7 interrupted
  3  refused: the server is not ready, as it says
 64  the command line is wrong; nothing was done
 75  another migrator holds the lock

examples:
  python manage.py distribute --check
  python manage.py distribute --workers chat-1:5432,chat-2:5432 --shards 32
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do, the machines, and the database."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument(
            "--check",
            action="store_true",
            help="Print what would prevent it, on any server; change nothing.",
        )
        what.add_argument(
            "--undo", action="store_true", help="Bring all tables back to this machine."
        )
        what.add_argument(
            "--pgdog",
            action="store_true",
            help="Print where each table belongs for the proxy PgDog; not tried.",
        )
        what.add_argument(
            "--workers",
            type=_workers,
            default=[],
            metavar="HOST:PORT,…",
            help="The machines to add to the cluster before; those that are in it stay.",
        )
        parser.add_argument(
            "--shards",
            type=_shards,
            default=32,
            metavar="N",
            help="In how many parts each table is spread, several for each machine that there may "
            "ever be (default: %(default)s).",
        )
        add_database_argument(parser)
        add_lock_wait_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what is asked for, and print each table as it is done."""
        connection = connections[options["database"]]
        if options["pgdog"]:
            self.stdout.write(pgdog_tables(database=database_name(connection)))
            return
        self.say(f"Database: {describe_database(connection)}", options)
        if options["check"]:
            self._check(connection, options)
            return
        with migration_lock(
            connection,
            wait=timedelta(seconds=options["lock_wait"]),
            on_wait=lambda holder: self.say(waiting_line(holder, options), options),
        ):
            if options["undo"]:
                self._undo(connection, options)
            else:
                self._distribute(connection, options)

    def _check(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        found = list(findings(connection))
        said = set()
        for each in found:
            self.stdout.write(f"{each.rule.name}  {each.object}: {each.seen}")
            if each.rule.name not in said:
                said.add(each.rule.name)
                for line in wrapped(each.rule.sentence, indent="    "):
                    self.stdout.write(line)
        if found:
            raise CommandError(f"{len(found)} findings prevent spreading the tables.")
        self.say(
            f"Nothing prevents spreading the tables: {len(rules())} rules of the catalogue, "
            "and the statements for one server or conversation.",
            options,
        )

    def _distribute(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        if has_citus(connection):
            add_workers(connection, options["workers"])
        require_ready_cluster(connection)
        count = 0
        for converted in distribute(connection, shards=options["shards"]):
            count += 1
            table = converted.table
            way = f"spread by {table.key}" if table.key else "copied to every machine"
            self.say(f"{table.name}: {way}, {converted.count:,} rows", options)
        if not count:
            self.say("Nothing to do: every table is where it belongs.", options)
            return
        self.say(f"{count} tables are spread or copied, with all their rows.", options)
        self.say("Not held on several machines:", options)
        for name, why in LEFT_OUT.items():
            self.say(f"  {name}: {why}", options)

    def _undo(self, connection: BaseDatabaseWrapper, options: dict[str, Any]) -> None:
        count = 0
        if has_citus(connection):
            for converted in undo(connection):
                count += 1
                self.say(f"{converted.table.name}: back, {converted.count:,} rows", options)
        if not count:
            self.say("Nothing to do: every table is on this machine alone.", options)
            return
        self.say(
            f"{count} tables are back, with all their rows. Roles other than the owner need their "
            f"rights anew: {command_line('database_roles', '--apply')}",
            options,
        )


def _workers(text: str) -> list[tuple[str, int]]:
    workers = []
    for worker in text.split(","):
        host, _, port = worker.strip().rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65536:
            raise ArgumentTypeError(f"{worker!r} is no HOST:PORT")
        workers.append((host.strip("[]"), int(port)))
    return workers


def _shards(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_SHARDS:
        raise ArgumentTypeError(f"{text!r} is not a number of parts from 1 to {_MOST_SHARDS}")
    return int(text)
