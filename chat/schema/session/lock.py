"""One migrator per database: an advisory lock on the very session that migrates.

The lock is tried again and again, never waited for on the server: a session that waits there has a
transaction open, and CREATE INDEX CONCURRENTLY of the holder would wait for that transaction in
turn. The server releases the lock with the session, so a migrator that died leaves nothing.
"""

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, LiteralString

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.session.database import cut_name
from chat.schema.session.errors import LockHeldError, LockLostError, PoolerError
from chat.schema.session.migrator import operating_system_user
from chat.schema.session.pooler import pid_at_login, require_kept_session
from chat.schema.session.settings import is_usable, session_settings

# The server keeps advisory locks per database, so one number does for all of them.
KEY: Final = int.from_bytes(
    hashlib.sha256(b"schema_migrations: one migrator").digest()[:8], "big", signed=True
)

# Without this the server notices only at the end of a statement that its client was killed.
_NOTICE_A_DEAD_CLIENT: Final = {"client_connection_check_interval": "1s"}
_FIRST_PAUSE: Final = timedelta(milliseconds=100)
_LONGEST_PAUSE: Final = timedelta(seconds=1)

# Only on the server process that is known to be this session's: in a pooler's it would stay held.
# It is taken twice, which the server counts, and so is released twice.
_TRY: Final[LiteralString] = """
SELECT CASE
           WHEN pg_backend_pid() = %(pid)s
           THEN pg_try_advisory_lock(%(key)s) AND pg_try_advisory_lock(%(key)s)
       END,
       pg_backend_pid()
"""
# Only who holds it can release it, and as it is held twice nobody comes in between. pg_locks says
# so too, but reads every lock of the server, in ten times the time: 4 % of a small migration's.
STILL_HELD: Final[LiteralString] = (
    "CASE WHEN pg_advisory_unlock(%(key)s) THEN pg_try_advisory_lock(%(key)s) ELSE false END"
)
_VERIFY: Final[LiteralString] = f"SELECT pg_backend_pid(), {STILL_HELD}"
_RELEASE: Final[LiteralString] = """
SELECT pg_advisory_unlock(%(key)s), pg_advisory_unlock(%(key)s)
"""
# The key of pg_locks comes in two halves; objsubid 1 says that they are one bigint.
_HOLDER: Final[LiteralString] = """
SELECT l.pid, a.usename, coalesce(a.client_hostname, host(a.client_addr)), a.application_name,
       a.backend_start
FROM pg_locks AS l
LEFT JOIN pg_stat_activity AS a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  AND (l.classid::bigint << 32) | l.objid::bigint = %(key)s::bigint
LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class LockHolder:
    """The session that holds the lock; what the server does not show to this role is None."""

    pid: int
    user: str | None
    host: str | None
    application: str | None
    connected_at: datetime | None

    def __str__(self) -> str:
        since = self.connected_at
        return ", ".join(
            [
                f"pid {self.pid}",
                f"user {self.user or 'unknown'}",
                f"host {self.host or 'the local socket'}",
                f"application {self.application or 'unnamed'}",
                f"connected since {since.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
                if since
                else "connected since an unknown time",
            ]
        )


class MigrationLock:
    """The lock, held by the session that took it."""

    def __init__(self, connection: BaseDatabaseWrapper, *, backend_pid: int) -> None:
        self.backend_pid = backend_pid
        self._connection = connection
        self._session = connection.connection

    def verify(self) -> None:
        """Do nothing if this session still holds the lock; one statement.

        Raises:
            PoolerError: another server process answers, though nobody reconnected.
            LockLostError: the connection was closed, or the lock released by hand.
        """
        if self._connection.connection is not self._session:
            raise LockLostError(
                seen="The connection that held it was closed, perhaps by a migration.",
                next_step="Run this again; a migration must not close its connection.",
            )
        pid, is_held = _first_row(self._connection, _VERIFY)
        if pid != self.backend_pid:
            raise _another_answered(before=self.backend_pid, now=pid)
        if not is_held:
            raise LockLostError(
                seen=f"The server process {pid} released it before the run was over.",
                next_step="Run this again; a migration must not release advisory locks.",
            )

    def release(self) -> None:
        """Release the lock, unless the session is gone, and the lock with it.

        In a transaction that has failed the lock stays until the session ends.
        """
        if is_usable(self._connection, session=self._session):
            _first_row(self._connection, _RELEASE)


@contextmanager
def migration_lock(
    connection: BaseDatabaseWrapper,
    *,
    wait: timedelta,
    on_wait: Callable[[LockHolder], None] = lambda _: None,
) -> Iterator[MigrationLock]:
    """Hold the migration lock for the duration of the block, and release it whatever happens.

    `on_wait` is called when another holds it, and again when yet another does. Five statements,
    two afterwards.

    Raises:
        LockHeldError: another still held it after `wait`.
        PoolerError: this connection leads through a pooler in transaction mode.
    """
    lock = _acquire(connection, wait=wait, on_wait=on_wait)
    try:
        lock.verify()
        with session_settings(
            connection,
            {"application_name": _application_name(connection)},
            where_supported=_NOTICE_A_DEAD_CLIENT,
        ):
            yield lock
    finally:
        lock.release()


def lock_holder(connection: BaseDatabaseWrapper) -> LockHolder | None:
    """Return who holds the migration lock of this database, if anybody; one statement."""
    row = _first_row(connection, _HOLDER)
    return LockHolder(*row) if row else None


def _acquire(
    connection: BaseDatabaseWrapper, *, wait: timedelta, on_wait: Callable[[LockHolder], None]
) -> MigrationLock:
    began = time.monotonic()
    pause = _FIRST_PAUSE
    seen: LockHolder | None = None
    expected = pid_at_login(connection)
    is_kept = False
    while True:
        is_ours, pid = _first_row(connection, _TRY, pid=expected)
        if is_ours is None:
            if is_kept:
                raise _another_answered(before=expected, now=pid)
            require_kept_session(connection, backend_pid=pid)
            expected, is_kept = pid, True
            continue
        if is_ours:
            return MigrationLock(connection, backend_pid=pid)
        holder = lock_holder(connection)
        if holder is not None and holder != seen:
            on_wait(holder)
        seen = holder or seen
        left = wait - timedelta(seconds=time.monotonic() - began)
        if left <= timedelta(0):
            raise LockHeldError(
                holder=str(seen or "a session that is gone by now"),
                waited=f"{wait.total_seconds():g} s",
            )
        time.sleep(min(pause, left).total_seconds())
        pause = min(pause * 2, _LONGEST_PAUSE)


def _application_name(connection: BaseDatabaseWrapper) -> str:
    """Return what the others are shown: the name that was given, or which process this is."""
    given: str = connection.connection.info.parameter_status("application_name") or ""
    named = given or f"migrate, process {os.getpid()} of {operating_system_user()}"
    return cut_name(named)


def _another_answered(*, before: int, now: int) -> PoolerError:
    return PoolerError(
        f"The server process {before} answered this session before, and {now} does now: a pooler "
        "in transaction mode is in between, where no lock is kept."
    )


def _first_row(connection: BaseDatabaseWrapper, statement: LiteralString, **more: int) -> Any:
    """Return the first row of a statement about the lock, if any."""
    with connection.cursor() as cursor:
        cursor.execute(statement, {"key": KEY, **more})
        return cursor.fetchone()
