"""Draw an app's tables as a Mermaid diagram."""

from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management.base import CommandParser
from django.db import connections

from chat.diagram import MissingFileError, StaleDiagramError, er_diagram, replace_diagram
from chat.schema.disk.names import require_app
from chat.schema.management.commands._base import SchemaCommandMixin, add_database_argument
from chat.schema.text import command_line


class Command(SchemaCommandMixin):
    """Draw an app's tables as a Mermaid diagram."""

    help = "Draw an app's tables as a Mermaid erDiagram, from its models."
    details = """\
It destroys nothing in a database: it reads the models. --write replaces what is between the two
markers in the file:
<!-- schema-diagram:start --> and <!-- schema-diagram:end -->

exit codes:
  0  drawn, written, or up to date
  1  error; with --check: the file is stale
 64  the command line is wrong, or names what is not there; nothing was done

examples:
  python manage.py schema_diagram --write chat/README.md
  python manage.py schema_diagram --check chat/README.md
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, --database, --check and --write."""
        parser.add_argument(
            "app_label",
            nargs="?",
            metavar="app",
            default="chat",
            help="The app (default: %(default)s).",
        )
        add_database_argument(parser)
        where = parser.add_mutually_exclusive_group()
        where.add_argument(
            "--check", type=Path, metavar="FILE", help="End with 1 if this file is stale."
        )
        where.add_argument("--write", type=Path, metavar="FILE", help="Draw into this file.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Draw to stdout, into a file, or compare with a file."""
        label = options["app_label"]
        require_app(label, known=(config.label for config in apps.get_app_configs()))
        diagram = er_diagram(
            apps.get_app_config(label).get_models(), connection=connections[options["database"]]
        )
        path: Path | None = options["write"] or options["check"]
        if path is None:
            self.stdout.write(diagram)
            return
        if not path.is_file():
            raise MissingFileError(path)
        text = path.read_text(encoding="utf-8")
        drawn = replace_diagram(text, diagram, path=path)
        if options["write"]:
            path.write_text(drawn, encoding="utf-8")
        elif drawn != text:
            raise StaleDiagramError(
                path, command=command_line("schema_diagram", label, "--write", str(path))
            )
