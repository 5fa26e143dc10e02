"""What a session has beside its transaction: settings, a role, temporary objects; put back."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, LiteralString

import psycopg
from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import ClientCursor, Connection
from psycopg.pq import TransactionStatus

# The role comes last: the one before it may be needed for the others.
_STATE: Final[LiteralString] = """
SELECT name, current_setting(name)
FROM (
    SELECT name, 1 FROM pg_settings WHERE source = 'session'
    UNION ALL
    VALUES ('session_authorization', 2), ('role', 3)
) AS kept (name, rank)
ORDER BY rank
"""
# RESET ALL also resets what pg_settings does not show, as a setting of one's own (`SET my.flag`).
_FORGET: Final[LiteralString] = """
CLOSE ALL;
DEALLOCATE ALL;
UNLISTEN *;
DISCARD SEQUENCES;
DISCARD TEMP;
RESET SESSION AUTHORIZATION;
RESET ROLE;
RESET ALL;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """The settings that a session was given since it began, its role among them."""

    settings: Mapping[str, str]

    def put_back(self, connection: BaseDatabaseWrapper) -> None:
        """Give the session back what it had, and nothing else; one round trip.

        What was set since is forgotten, also by SET LOCAL, and so are temporary objects, cursors,
        prepared statements, what it listens to, and the last values of sequences. A setting of
        one's own that was there before is forgotten as well, unless it comes with the connection,
        the role or the database.
        """
        statement, values = _setting(self.settings)
        # Beside Django, so that nobody who watches its statements takes these for a migration's.
        with connection.wrap_database_errors, ClientCursor(connection.connection) as cursor:
            cursor.execute(_FORGET + statement, values)


def session_state(connection: BaseDatabaseWrapper) -> SessionState:
    """Return what the session has now, to be put back later; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_STATE)
        return SessionState(settings=dict(cursor.fetchall()))


@contextmanager
def session_settings(
    connection: BaseDatabaseWrapper,
    settings: Mapping[str, str],
    *,
    where_supported: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Give the session these settings for the duration of the block.

    Those of `where_supported` are left as they are on a server that refuses them. Put back is what
    was there before, unless the session is gone or its transaction has failed. Two statements, and
    one afterwards.
    """
    wanted = {**settings, **(where_supported or {})}
    connection.ensure_connection()
    session = connection.connection
    before = _current(connection, wanted)
    try:
        with transaction.atomic(using=connection.alias):
            _set(connection, wanted)
    except DatabaseError:
        _set(connection, settings)
    try:
        yield
    finally:
        if is_usable(connection, session=session):
            _set(connection, before)


def roll_back_open(connection: BaseDatabaseWrapper) -> bool:
    """Roll back the transaction that SQL or code began and did not end; return whether one was."""
    session = connection.connection
    if connection.in_atomic_block or session is None or session.closed:
        return False
    status = session.info.transaction_status
    is_open = status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}
    if is_open:
        # Where the session is lost, the server has done it.
        with suppress(psycopg.Error):
            session.rollback()
    if not connection.get_autocommit():
        connection.set_autocommit(True)
    return is_open


def is_usable(connection: BaseDatabaseWrapper, *, session: Connection) -> bool:
    """Return whether this is still the session of the connection, and takes statements."""
    return (
        connection.connection is session
        and not session.closed
        and not connection.needs_rollback
        and session.info.transaction_status in {TransactionStatus.IDLE, TransactionStatus.INTRANS}
    )


def _current(connection: BaseDatabaseWrapper, names: Mapping[str, str]) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", (list(names),)
        )
        return dict(cursor.fetchall())


def _set(connection: BaseDatabaseWrapper, settings: Mapping[str, str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(*_setting(settings))


def _setting(settings: Mapping[str, str]) -> tuple[LiteralString, list[str]]:
    """Return the statement that sets them in their order, with its parameters."""
    calls = ", ".join(["set_config(%s, %s, false)"] * len(settings))
    return f"SELECT {calls}", [text for setting in settings.items() for text in setting]
