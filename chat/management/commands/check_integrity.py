"""Ask of the rows that are there whether what the triggers and the keys hold is true."""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import CommandError, CommandParser

from chat.db.integrity import Finding, check_rules
from chat.models import Channel, Server
from chat.schema.management.commands._base import (
    SchemaCommandMixin,
    add_database_argument,
    seconds,
    wrong_call,
)


class Command(SchemaCommandMixin):
    """Ask of the rows that are there whether what the triggers and the keys hold is true."""

    help = (
        "Check by one query for each rule that the rows are as the triggers and the foreign keys "
        "keep them, and print for each whether it is, or how many rows break it and the ids of the "
        "first."
    )
    details = """\
It destroys nothing: it only reads, locks no row, and prints ids and numbers, never a text. The
queries are in chat/db/integrity.sql; those for foreign keys are made from the catalogue. It runs as
the owner of the tables or as the application's role. Rows that break a rule were written past a
trigger, as by a restore of a part.

exit codes:
  0  every rule holds
  1  a rule is broken, or could not be checked; or an error
 64  the command line is wrong; nothing was done

examples:
  python manage.py check_integrity
  python manage.py check_integrity --space 019c26e8-3c80-712f-8ab9-9cedd464d8c3 --timeout 600
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the space, the time and the database."""
        parser.add_argument(
            "--space",
            type=space_id,
            metavar="ID",
            help="Only this server or conversation.",
        )
        parser.add_argument(
            "--timeout",
            type=seconds,
            default=60.0,
            metavar="SECONDS",
            help="How long each rule may take; 0 is for ever (default: %(default)g).",
        )
        add_database_argument(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check each rule, and print at once what became of it."""
        using, space = options["database"], options["space"]
        if space is not None and not any(
            model.objects.using(using).filter(space_id=space).exists()
            for model in (Server, Channel)
        ):
            raise wrong_call(
                f"There is no server or conversation {space}. Give --space the id of one."
            )
        broken = unknown = 0
        for finding in check_rules(
            using=using, timeout=timedelta(seconds=options["timeout"]), space=space
        ):
            broken += bool(finding.count)
            unknown += bool(finding.error)
            if finding.count or finding.error or options["verbosity"] > 0:
                self._print(finding)
        if broken or unknown:
            raise CommandError(
                f"{broken} rules are broken, {unknown} could not be checked."
                + (
                    " Where the time was up, give more with --timeout; where permission was "
                    "denied, be the tables' owner; where something does not exist, migrate first."
                    if unknown
                    else ""
                )
            )

    def _print(self, finding: Finding) -> None:
        if finding.error:
            self.stdout.write(f"not checked  {finding.rule.name}: {finding.error}")
        elif finding.count:
            self.stdout.write(
                f"broken  {finding.rule.name}: {finding.count:,} rows. {finding.rule.sentence}"
            )
            for row in finding.first:
                self.stdout.write(f"        {_in_words(row)}")
        else:
            self.stdout.write(f"ok  {finding.rule.name}")
        self.stdout.flush()


def _in_words(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)


def space_id(text: str) -> UUID:
    """Return the id that an option gives."""
    try:
        return UUID(text)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not the id of a server or a conversation") from None
