"""Refusals of the services as errors of a command: one line instead of a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import ProgrammingError
from psycopg import errors

from chat.errors import ChatError


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
            "python manage.py migrate first."
        ) from error
