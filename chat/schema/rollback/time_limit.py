"""Work on a real database that is always rolled back, and that cannot hold its locks for long."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import psycopg
from django.db import Error, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# Gone with the transaction, so that the session keeps what it had. `row_security` off turns rows
# that a policy would hide into an error: what cannot be seen must not be counted as nothing.
_SESSION = """
SELECT set_config('lock_timeout', %s, true),
       set_config('statement_timeout', %s, true),
       set_config('idle_in_transaction_session_timeout', %s, true),
       set_config('row_security', 'off', true)
"""

# A second for the request to cancel to reach the server; statement_timeout is behind it.
_CANCEL_SECONDS = 1.0


class TimeLimitReachedError(Exception):
    """The time limit is reached; nothing more may be asked of the database."""


@contextmanager
def rolled_back(
    connection: BaseDatabaseWrapper, *, lock_timeout: timedelta, time_limit: timedelta
) -> Iterator[None]:
    """Run the block in a transaction (or savepoint) of its own and roll it back.

    No lock is waited for longer than `lock_timeout`, no statement runs longer than `time_limit`,
    and a session that leaves the transaction idle for that long is ended by the server.
    """
    limit = _milliseconds(time_limit)
    with transaction.atomic(using=connection.alias):
        with connection.cursor() as cursor:
            cursor.execute(_SESSION, [_milliseconds(lock_timeout), limit, limit])
        yield
        transaction.set_rollback(True, using=connection.alias)


@contextmanager
def deadline(connection: BaseDatabaseWrapper, *, time_limit: timedelta) -> Iterator[None]:
    """Cancel the statement that runs when the time is up, and let no other begin.

    For blocks of several statements, or of scripts: statement_timeout counts anew with each
    statement, and a script may set it. A block that catches the cancellation gets no further.

    Raises:
        TimeLimitReachedError: the time was up before the block had ended.
    """
    session = connection.connection
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(psycopg.Error):
            session.cancel_safe(timeout=_CANCEL_SECONDS)

    def refuse_when_over(
        execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: Any
    ) -> Any:
        if is_over.is_set():
            raise TimeLimitReachedError
        return execute(sql, params, many, context)

    timer = threading.Timer(time_limit.total_seconds(), cut)
    timer.daemon = True
    timer.start()
    try:
        with connection.execute_wrapper(refuse_when_over):
            yield
    except Exception as exc:
        if is_over.is_set():
            raise TimeLimitReachedError from exc
        raise
    finally:
        # A request to cancel that is on its way must not cancel the ROLLBACK or what comes after.
        timer.cancel()
        timer.join()
    if is_over.is_set():
        raise TimeLimitReachedError


def sqlstate(error: Error) -> str:
    """Return PostgreSQL's five characters for the error, empty when it did not come from there."""
    return str(getattr(error.__cause__, "sqlstate", None) or "")


def _milliseconds(duration: timedelta) -> str:
    return str(max(1, round(duration.total_seconds() * 1000)))
