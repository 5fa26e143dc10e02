"""Services run at the same moment, each in a thread with a connection of its own."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from time import monotonic, sleep
from typing import Any

import psycopg
from django.db import connection

from chat.db.distributed import is_distributed
from chat.errors import ChatError
from tests.chat.sql import rows

_SECONDS = 60


def run_together(calls: Sequence[Callable[[], object]]) -> list[object]:
    """Run all at once; return what each returned, or the ChatError that it raised."""
    start = Barrier(len(calls), timeout=_SECONDS)

    def run(call: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            start.wait()
            return call()
        except ChatError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return [future.result(timeout=_SECONDS) for future in [pool.submit(run, c) for c in calls]]


def lock_waits() -> list[tuple[int, int]]:
    """Return which session (its pid) waits for a lock of which, on a cluster of any machine."""
    if is_distributed("default"):
        return rows(
            "SELECT citus_pid_for_gpid(waiting_gpid), citus_pid_for_gpid(blocking_gpid)"
            " FROM citus_lock_waits"
        )
    # Not by pg_stat_activity, which a transaction sees as it was when it looked first.
    return rows("SELECT pid, unnest(pg_blocking_pids(pid)) FROM pg_locks WHERE NOT granted")


def wait_until_blocked_by(
    session: psycopg.Connection[Any], *, unless: Future[Any] | None = None
) -> None:
    """Return when somebody waits for a lock of this session; fail if `unless` is done before."""
    deadline = monotonic() + 30
    while session.info.backend_pid not in {by for _, by in lock_waits()}:
        assert unless is None or not unless.done()
        assert monotonic() < deadline
        sleep(0.005)


def refusals(results: Sequence[object]) -> list[str]:
    """Return the names of the errors among the results."""
    return [type(result).__name__ for result in results if isinstance(result, ChatError)]
