"""Refusals of the services as errors of a command: one line instead of a traceback."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.apps import apps
from django.core.exceptions import ObjectDoesNotExist
from django.core.management.base import CommandError
from django.db import Error, ProgrammingError, connections
from psycopg import errors, sql

from chat.errors import ChatError
from chat.schema.errors import ExitCode
from chat.schema.text import command_line
from chat.services.core.use_case import write_alias


class StoppedError(CommandError):
    """A command was ended by Ctrl-C or SIGTERM; says what is kept."""

    def __init__(self, kept: str) -> None:
        super().__init__(f"Stopped. {kept}", returncode=int(ExitCode.STOPPED))


@contextmanager
def refusals_as_command_errors(*, kept: Callable[[], str]) -> Iterator[None]:
    """Turn what ends a long command into one CommandError, which also says what `kept` returns.

    That is Ctrl-C or SIGTERM; a refusal of a service; tables that do not exist yet; what the role
    may not do; or a database that goes no further because it was stopped, has no space left, or
    lost meanwhile what was written to.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(kept()) from None
    except ChatError as error:
        raise CommandError(f"{error} {kept()}") from error
    except ObjectDoesNotExist as error:
        raise CommandError(f"It was removed meanwhile: {error} {kept()}") from error
    except ProgrammingError as error:
        if isinstance(error.__cause__, errors.InsufficientPrivilege):
            user = connections[write_alias()].settings_dict["USER"]
            raise CommandError(
                f"Role {user} may not do that: {error.__cause__.diag.message_primary}. {kept()} "
                "Set DB_USER to a role that may; melo/README.md says which does what."
            ) from error
        if not isinstance(error.__cause__, errors.UndefinedTable | errors.UndefinedColumn):
            raise
        raise CommandError(
            f"The database is older than the code: {error.__cause__.diag.message_primary}. Run "
            f"{command_line('migrate')} first."
        ) from error
    except Error as error:
        # One that is a command's error says itself what was tried, and what to do.
        if isinstance(error, CommandError):
            raise CommandError(f"{error}\n{kept()}") from error
        said = str(error).strip().partition("\n")[0].removesuffix(".")
        raise CommandError(f"The database went no further: {said}. {kept()}") from error


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
