"""Fill the database with a made-up community."""

from argparse import ArgumentTypeError
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from tqdm import tqdm

from chat.demo.plan import Plan
from chat.demo.seeding import seed
from chat.management.commands._bulk import refusals_as_command_errors, update_statistics
from chat.schema.errors import ExitCode
from chat.schema.management.commands._base import ExplainedCommand
from chat.schema.text import command_line


class Command(ExplainedCommand):
    """Fill the database with a made-up community."""

    help = (
        "Fill the database with a made-up community: servers, people, months of messages. The same "
        "options, --until among them, make the same rows, and running it again finishes a run that "
        "was interrupted. Refuses to run in production."
    )
    details = """\
It destroys nothing: it only adds rows, and no command removes them again.

exit codes:
  0  done
  1  error
  3  refused in production; nothing was done
 64  the command line is wrong; nothing was done
130  stopped by Ctrl-C or SIGTERM; running it again finishes it

examples:
  python manage.py seed_demo
  python manage.py seed_demo --messages 5000 --seed 2
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the sizes, the seed and the last day."""
        parser.add_argument("--messages", type=_size, default=100_000, metavar="N")
        parser.add_argument("--users", type=_size, metavar="N", help="Default: by the messages.")
        parser.add_argument("--servers", type=_size, metavar="N", help="Default: by the users.")
        parser.add_argument(
            "--seed", type=int, default=1, help="Another number, another community."
        )
        parser.add_argument(
            "--until",
            type=_day,
            metavar="YYYY-MM-DD",
            help="The day on which the history ends (default: today).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the community, with a bar on a terminal."""
        if settings.IS_PRODUCTION:
            raise CommandError(
                "This is production (settings.IS_PRODUCTION), and seed_demo writes made-up people "
                "and messages; nothing was done. Run it on another database, with "
                "MELO_ENV=development.",
                returncode=int(ExitCode.REFUSED),
            )
        messages = options["messages"]
        users = options["users"] or max(20, min(50_000, messages // 200))
        now = datetime.now(UTC)
        plan = Plan(
            messages=messages,
            users=max(3, users),
            servers=options["servers"] or max(3, users // 50),
            seed=options["seed"],
            until=options["until"] or now.replace(hour=0, minute=0, second=0, microsecond=0),
        )
        with (
            refusals_as_command_errors(
                kept=lambda: (
                    "What was written before is kept, and no run writes it again. Run the same "
                    "command again for the rest."
                )
            ),
            tqdm(total=messages, unit=" messages", unit_scale=True, disable=None) as bar,
        ):
            seeded = seed(plan, on_progress=bar.update)
            update_statistics()
        if options["verbosity"] > 0:
            self.stdout.write(
                f"{messages:,} messages by {seeded.users:,} users in {seeded.servers:,} servers "
                f"and {seeded.conversations:,} conversations.\n"
                f"Most active is {seeded.most_active}; the largest server is "
                f"{seeded.largest_server}.\n"
                f"Nobody has a password. To look at it all: {command_line('createsuperuser')}, "
                f"{command_line('runserver')}, http://localhost:8000/admin/"
            )


def _size(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000_000:
        raise ArgumentTypeError(f"{text!r} is not a number from 1 to 100000000")
    return int(text)


def _day(text: str) -> datetime:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise ArgumentTypeError(f"{text!r} is not a day such as 2026-01-31") from None
    if not day.year >= 1975 or day > datetime.now(UTC):
        raise ArgumentTypeError(f"{text} is not between 1975 and today")
    return day
