"""Spread the tables over several machines, or say what would prevent it."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import connections

from chat.distribution.conversion import distribute, undo
from chat.distribution.readiness import add_workers, require_cluster, require_migrated
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    wrong_call,
)


class Command(SchemaCommandMixin):
    """Spread the tables over several machines, or say what would prevent it."""

    help = "Spread the tables over the machines of a Citus cluster."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do, and how."""
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--undo", action="store_true", help="Bring all back to this machine.")
        parser.add_argument(
            "--workers", default="", metavar="HOST:PORT,…", help="Machines to add to the cluster."
        )
        parser.add_argument(
            "--shards",
            type=int,
            default=32,
            metavar="N",
            help="In how many parts each table is spread (default: %(default)s).",
        )
        add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, convert, compare."""
        connection = connections[options["database"]]
        require_migrated(connection)
        require_cluster(connection)
        if options["undo"]:
            for converted in undo(connection):
                self.say(f"{converted.table.name}: back, {converted.count:,} rows", options)
            return
        for worker in filter(None, options["workers"].split(",")):
            host, _, port = worker.rpartition(":")
            if not host or not port.isdecimal():
                raise wrong_call(f"{worker!r} is not HOST:PORT.")
            add_workers(connection, [(host, int(port))])
        for converted in distribute(connection, shards=options["shards"]):
            table = converted.table
            way = f"spread by {table.key}" if table.key else "copied to every machine"
            self.say(f"{table.name}: {way}, {converted.count:,} rows", options)
