"""Settings of a session that are put back afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import Connection
from psycopg.pq import TransactionStatus


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
        cursor.execute(
            "SELECT set_config(name, value, false)"
            " FROM unnest(%s::text[], %s::text[]) AS wanted (name, value)",
            (list(settings), list(settings.values())),
        )
