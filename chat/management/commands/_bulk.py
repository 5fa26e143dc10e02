"""Refusals of the services as errors of a command: one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.core.management.base import CommandError
from django.db import ProgrammingError, connections
from psycopg import errors, sql

from chat.errors import ChatError
from chat.schema.text import command_line
from chat.services.core.use_case import write_alias


@contextmanager
def refusals_as_command_errors() -> Iterator[None]:
    """Turn errors of the services, and of tables that do not exist yet, into CommandErrors."""
    try:
        yield
    except ChatError as error:
        raise CommandError(str(error)) from error
    except ProgrammingError as error:
        if not isinstance(error.__cause__, errors.UndefinedTable | errors.UndefinedColumn):
            raise
        raise CommandError(
            f"The database is older than the code: {error.__cause__.diag.message_primary}. Run "
            f"{command_line('migrate')} first."
        ) from error


def update_statistics() -> None:
    """Have PostgreSQL look at what is in chat's tables: one statement.

    Without it the next plans, and the admin's figures, are of the tables as they were before. A
    role that does not own a table passes it over.
    """
    models = apps.get_app_config("chat").get_models()
    tables = sorted({model._meta.db_table for model in models if model._meta.managed})
    with connections[write_alias()].cursor() as cursor:
        cursor.execute(
            sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(map(sql.Identifier, tables)))
        )
