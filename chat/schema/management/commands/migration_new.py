"""Make the next migration of an app, to be written by hand."""

from typing import Any

from django.core.management.base import CommandParser

from chat.schema.files.new_migration import NewMigration, plan_new, write_new
from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.text import command_line, relative_to_cwd


class Command(SchemaCommandMixin):
    """Make the next migration of an app, to be written by hand."""

    help = (
        "Make the next numbered migration of an app, to be written by hand: an empty module, or "
        "with --sql one that runs a pair of SQL files. What follows from models, makemigrations "
        "writes."
    )
    details = """\
It writes new files beside the app's migrations, all of them or none; it never overwrites one, and
destroys nothing. It does not connect to a database.

exit codes:
  0  written
  1  error; nothing was written
 64  the command line is wrong, or names what is not there; nothing was done

examples:
  python manage.py migration_new blog backfill_slugs
  python manage.py migration_new blog add_search_trigger --sql
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, the name, --sql and --database."""
        parser.add_argument("app_label", metavar="app", help="The app.")
        parser.add_argument(
            "name", help="What it does, as verb_object; the number is put before it."
        )
        parser.add_argument(
            "--sql", action="store_true", help="Let it run SQL files, one up and one down."
        )
        add_database_argument(
            parser, help="Taken as by the other commands; files are the same for every database."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the files, then say which, and what to do with them."""
        new = plan_new(app_label=options["app_label"], name=options["name"], is_sql=options["sql"])
        write_new(new)
        if options["verbosity"] > 0:
            for path in reversed(new.files):
                self.stdout.write(f"Wrote {relative_to_cwd(path)}")
            self.stdout.write(_next_step(new, is_sql=options["sql"]))


def _next_step(new: NewMigration, *, is_sql: bool) -> str:
    what = "the statements of both directions" if is_sql else "its operations"
    return (
        f"Next: write {what}, and each TODO of the docstring; then prove the way back with\n"
        f"  {command_line('migration_rehearse', new.app, new.name)}"
    )
