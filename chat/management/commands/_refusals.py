"""What the bulk commands share: a refusal is one line for people, not a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management.base import CommandError
from django.db import ProgrammingError
from psycopg import errors

from chat.errors import ChatError


@contextmanager
def refusals_as_command_errors() -> Iterator[None]:
    """Turn what the services refuse, and tables that are not there yet, into CommandErrors."""
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
