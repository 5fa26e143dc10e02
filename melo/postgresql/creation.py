"""Creating a database."""

import shlex
from typing import Any

import psycopg
from psycopg import errors, sql

from melo.postgresql.errors import DatabaseUnavailable


def create_database(session: psycopg.Connection[Any], name: str) -> bool:
    """Create the database `name`; return False when it was there already.

    Of several at once, one creates it and all go on.

    Raises:
        DatabaseUnavailable: the server does not let this user create it.
    """
    try:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        # The second is what loses a race that both began before either was done.
        return False
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"Could not create the database {name!r}.\n"
            f"PostgreSQL said: {error}\n"
            f"Next: let a role that may create it do so: `createdb {shlex.quote(name)}`, with the "
            "configured user as its --owner."
        ) from error
    return True
