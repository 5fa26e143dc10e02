"""Whether the session keeps one server process, or a pooler gives its statements to several.

At login a pooler tells libpq a process number of its own. Where that number is the one that the
server answers, there is no pooler, and nothing more is asked. In session mode the server process
belongs to this session alone. In transaction mode it is free between two statements, and the next
session to ask gets it: so other sessions ask here.
"""

import select
import time
from contextlib import ExitStack, closing
from datetime import timedelta
from typing import Final

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import pq

from chat.schema.session.errors import PoolerError

# The process that was used last is the first that a pooler gives away, but others ask too.
_SESSIONS: Final = 3
_PATIENCE: Final = timedelta(seconds=2)
_WHO_ANSWERS: Final = b"BEGIN; SELECT pg_backend_pid()"


def pid_at_login(connection: BaseDatabaseWrapper) -> int:
    """Return the server process that this session was told at login; no statement."""
    connection.ensure_connection()
    return int(connection.connection.info.backend_pid)


def require_kept_session(connection: BaseDatabaseWrapper, *, backend_pid: int) -> None:
    """Raise PoolerError when the server process that answered this session also answers another.

    Opens up to three sessions beside this one, for a moment. One that is not answered within two
    seconds found every process taken, as in session mode they are.
    """
    with connection.wrap_database_errors, ExitStack() as stack:
        for _ in range(_SESSIONS):
            params = connection.get_connection_params()
            other = stack.enter_context(closing(psycopg.connect(**params)))
            answered = _who_answers(other.pgconn)
            if answered == backend_pid:
                raise PoolerError(
                    f"The server process {backend_pid} answered this session, and then another "
                    "one: a pooler in transaction mode is in between, where no lock is kept."
                )
            if answered is None:
                return


def _who_answers(session: pq.abc.PGconn) -> int | None:
    """Return the server process that a transaction of this session has got, None in time."""
    deadline = time.monotonic() + _PATIENCE.total_seconds()
    session.send_query(_WHO_ANSWERS)
    session.flush()
    while True:
        while session.is_busy():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([session.socket], [], [], left)[0]:
                return None
            session.consume_input()
        result = session.get_result()
        if result is None:
            return None
        if result.status == pq.ExecStatus.TUPLES_OK:
            return int(result.get_value(0, 0) or 0)
