"""Who blocks a session, seen while it waits.

A session that waits for a lock cannot ask who holds it, and after its lock_timeout it is too late.
So another session asks, and only when the wait is long.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from types import TracebackType
from typing import Final, LiteralString, Self

from django.db.backends.base.base import BaseDatabaseWrapper

_QUERY_LENGTH: Final = 200

# A prepared transaction blocks as pid 0, and has no session.
_BLOCKERS: Final[LiteralString] = """
SELECT DISTINCT b.pid, a.usename, a.application_name, a.state,
       clock_timestamp() - coalesce(a.query_start, a.xact_start), a.query
FROM unnest(pg_blocking_pids(%s::int)) AS b (pid)
LEFT JOIN pg_stat_activity AS a ON a.pid = b.pid
ORDER BY b.pid
"""


@dataclass(frozen=True, slots=True)
class Blocker:
    """A session that holds, or waits for, the lock that another waits for.

    What the server does not show to this role is None. The query of a session that is idle in a
    transaction is its last one.
    """

    pid: int
    user: str | None
    application: str | None
    state: str | None
    query_age: timedelta | None
    query: str | None

    def __str__(self) -> str:
        if self.pid == 0:
            return "a prepared transaction (see pg_prepared_xacts)"
        age = f"{self.query_age.total_seconds():.1f} s" if self.query_age else "an unknown time"
        query = " ".join((self.query or "unknown").split())
        if len(query) > _QUERY_LENGTH:
            query = f"{query[:_QUERY_LENGTH]}…"
        return (
            f"pid {self.pid}, user {self.user or 'unknown'}, "
            f"application {self.application or 'unnamed'}, {self.state or 'unknown'}, "
            f"query of {age} ago: {query}"
        )


class BlockerWatch:
    """Watches a server process for the duration of a block, on a connection of its own.

    Within `attempt()` it connects after `patience`, or up to twice that, and asks again each time
    `patience` has passed; `blockers` are those seen last, `error` is why asking failed. It calls
    `on_seen`, from its own thread, with those that it sees for the first time in an attempt.
    """

    def __init__(
        self, connection: BaseDatabaseWrapper, *, backend_pid: int, patience: timedelta
    ) -> None:
        self.blockers: tuple[Blocker, ...] = ()
        self.error: Exception | None = None
        self._connection = connection
        self._backend_pid = backend_pid
        self._patience_seconds = patience.total_seconds()
        self._began: float | None = None
        self._on_seen: Callable[[tuple[Blocker, ...]], None] = lambda _: None
        self._told: set[int] = set()
        self._is_over = Event()
        self._thread: Thread | None = None

    def __enter__(self) -> Self:
        # One thread for all attempts: starting one takes longer than many a migration.
        self._is_over.clear()
        self._thread = Thread(target=self._watch, name="blocker-watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._is_over.set()
        if self._thread is not None:
            self._thread.join()

    @contextmanager
    def attempt(
        self, *, on_seen: Callable[[tuple[Blocker, ...]], None] = lambda _: None
    ) -> Iterator[None]:
        """Watch during this block, and forget what was seen before."""
        self.blockers, self.error = (), None
        self._on_seen, self._told = on_seen, set()
        self._began = time.monotonic()
        try:
            yield
        finally:
            self._began = None

    def _watch(self) -> None:
        # A connection belongs to the thread that makes it, and is opened by its first statement.
        connection: BaseDatabaseWrapper = self._connection.copy()
        try:
            while not self._is_over.wait(self._patience_seconds):
                if self._is_long():
                    self._look(connection)
        finally:
            connection.close()

    def _is_long(self) -> bool:
        began = self._began
        return began is not None and time.monotonic() - began >= self._patience_seconds

    def _look(self, connection: BaseDatabaseWrapper) -> None:
        try:
            self.blockers = _blockers(connection, self._backend_pid) or self.blockers
            new = tuple(each for each in self.blockers if each.pid not in self._told)
            if new and self._is_long():
                self._told.update(each.pid for each in new)
                self._on_seen(new)
        except Exception as error:  # shown in place of the blockers
            self.error = error


def _blockers(connection: BaseDatabaseWrapper, backend_pid: int) -> tuple[Blocker, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_BLOCKERS, (backend_pid,))
        return tuple(Blocker(*row) for row in cursor.fetchall())
