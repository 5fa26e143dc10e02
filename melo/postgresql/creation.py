"""Making the configured database."""

import shlex
from typing import TYPE_CHECKING

import psycopg
from psycopg import errors, sql

from melo.postgresql.errors import DatabaseUnavailable

if TYPE_CHECKING:
    from melo.postgresql.base import DatabaseWrapper

_MAINTENANCE_DATABASE = "postgres"


def create_database(connection: "DatabaseWrapper") -> bool:
    """Make the database that `connection` is configured for, unless it exists.

    Returns whether it was made here; of several at once, one makes it and all go on. The owner is
    the configured user.

    Raises:
        DatabaseUnavailable: the server cannot be reached, or does not let this user make it.
    """
    params = connection.get_connection_params()
    name = params["dbname"]
    params["dbname"] = _MAINTENANCE_DATABASE
    try:
        session = psycopg.connect(**params, autocommit=True)
    except psycopg.Error as error:
        raise connection.unavailable(error, params) from error
    try:
        with session:
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        # The second is what loses a race that both began before either was done.
        return False
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"The database {name!r} could not be made.\n"
            f"PostgreSQL said: {error}\n"
            f"Next: let a role that may do it make it: `createdb {shlex.quote(name)}`, with the "
            "configured user as its --owner."
        ) from error
    return True
