"""Django's dumpdata, which leaves the tables of chat to pg_dump."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import dumpdata

from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument


class Command(SchemaCommandMixin, dumpdata.Command):
    """Write fixtures of every app but chat."""

    help = (
        "Write the rows of apps as fixtures. Those of chat are left out: triggers number its "
        "messages and keep its counters, so loaddata could not bring them back. Use pg_dump."
    )
    details = """\
It destroys nothing but the file that --output names.

exit codes:
  0  done
  1  error, also for chat or a model of it
 64  the command line is wrong, or names what is not there; nothing was done

examples:
  python manage.py dumpdata auth admin --output groups.json
  python manage.py dumpdata --natural-foreign > rest.json
"""

    def add_arguments(self, parser: CommandParser) -> None:
        """Add Django's arguments."""
        super().add_arguments(parser)
        add_database_argument(parser)

    def handle(self, *app_labels: Any, **options: Any) -> None:
        """Refuse chat where it is named, and leave it out where it is not."""
        named = [label for label in app_labels if label.partition(".")[0] == "chat"]
        if named:
            raise CommandError(
                f"{', '.join(named)} cannot be written as fixtures: triggers number messages and "
                "keep counters, so loaddata could not bring them back. Use pg_dump."
            )
        super().handle(*app_labels, **{**options, "exclude": [*options["exclude"], "chat"]})
