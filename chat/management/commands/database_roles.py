"""Give the roles of the database their rights."""

from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import Error, connections

from chat.db.roles import DatabaseRoles, apply_roles, roles_sql
from chat.schema.management.commands._base import (
    ExplainedCommand,
    add_database_argument,
    wrong_call,
)


class Command(ExplainedCommand):
    """Give the roles of the database their rights."""

    help = (
        "Give three roles their rights in the database: one owns the schema and migrates it, one "
        "is for the application, and one reads for reports. Run it again after each migrate."
    )
    details = """\
It destroys no row. What each may do is in chat/db/roles.sql. Roles that are missing are made; no
role gets a password, and none may log in until you say so. Needs a superuser, or a role with
CREATEROLE that owns the database and its tables; when the roles are there, the owner.

exit codes:
  0  done
  1  error; nothing was changed
 64  the command line is wrong; nothing was done

examples:
  python manage.py database_roles --apply
  python manage.py database_roles --print --app chat | psql -v ON_ERROR_STOP=1 melo_v2
"""
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add what to do, the database, and names of roles."""
        action = parser.add_mutually_exclusive_group(required=True)
        action.add_argument("--print", action="store_true", help="Print the SQL, and run nothing.")
        action.add_argument("--apply", action="store_true", help="Run the SQL on the database.")
        add_database_argument(parser)
        for role in ("owner", "app", "readonly"):
            parser.add_argument(
                f"--{role}", metavar="ROLE", help=f"Its name (default: <database>_{role})."
            )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the SQL, or run it."""
        connection = connections[options["database"]]
        database = str(connection.settings_dict["NAME"])
        default = DatabaseRoles.named_after(database)
        roles = DatabaseRoles(
            owner=options["owner"] or default.owner,
            app=options["app"] or default.app,
            readonly=options["readonly"] or default.readonly,
        )
        _require_names(roles)
        if options["print"]:
            statements = roles_sql(database=database, roles=roles)
            self.stdout.write(f"BEGIN;\n\n{statements}\nCOMMIT;")
            return
        try:
            apply_roles(connection, roles)
        except Error as error:
            raise CommandError(
                "The roles could not be given their rights. Nothing was changed.\n"
                f"PostgreSQL said: {error}\n"
                "Next: migrate first, and connect as a superuser, or as a role with CREATEROLE "
                "that owns the database and its tables; or let who may run it run what --print "
                "prints."
            ) from error
        if options["verbosity"] > 0:
            self.stdout.write(
                f"{roles.owner} owns the schema of {database} and migrates it, {roles.app} is for "
                f"the application, {roles.readonly} reads for reports.\n"
                f"Of those that do not log in yet, in psql: ALTER ROLE {roles.app} LOGIN, and "
                f"\\password {roles.app}."
            )


def _require_names(roles: DatabaseRoles) -> None:
    names = [roles.owner, roles.app, roles.readonly]
    if len(set(names)) < len(names):
        raise wrong_call(f"The three roles need three names, and were given {', '.join(names)}.")
    for name in names:
        if len(name.encode()) > 63:
            raise wrong_call(
                f"{name!r} is longer than the 63 bytes of a name. Name the role with an option."
            )
