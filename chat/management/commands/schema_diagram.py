"""Draw the tables of chat as a Mermaid diagram."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.db import connection

from chat.diagram import DiagramError, er_diagram, replace_diagram
from chat.schema.management.commands._base import SchemaCommandMixin
from chat.schema.text import command_line


class Command(SchemaCommandMixin):
    """Draw the tables of chat as a Mermaid diagram."""

    help = "Draw the tables of chat as a Mermaid erDiagram, from the models."
    details = """\
It destroys nothing in a database: it reads the models. --write replaces what is between the two
markers in the file:
<!-- schema-diagram:start --> and <!-- schema-diagram:end -->

exit codes:
  0  drawn, written, or up to date
  1  error; with --check: the file is stale
 64  the command line is wrong; nothing was done

examples:
  python manage.py schema_diagram --write chat/README.md
  python manage.py schema_diagram --check chat/README.md
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --check and --write."""
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--check", type=Path, metavar="FILE", help="End with 1 if this file is stale."
        )
        where.add_argument("--write", type=Path, metavar="FILE", help="Draw into this file.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Draw to stdout, into a file, or compare with a file."""
        diagram = er_diagram(apps.get_app_config("chat").get_models(), connection=connection)
        path: Path | None = options["write"] or options["check"]
        if path is None:
            self.stdout.write(diagram)
            return
        if not path.is_file():
            raise DiagramError(
                seen=f"Expected {path}", next_step="Write it first, or correct its name."
            )
        text = path.read_text(encoding="utf-8")
        drawn = replace_diagram(text, diagram, path=path)
        if options["write"]:
            path.write_text(drawn, encoding="utf-8")
        elif drawn != text:
            raise DiagramError(
                seen=f"Stale in {path}",
                next_step=f"Draw it again: {command_line('schema_diagram', '--write', str(path))}",
            )
