"""Real connections to the test database, and many of them at work at once under a time limit."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Barrier
from time import monotonic
from typing import Any, LiteralString, NamedTuple, TypeVar
from uuid import uuid4

import psycopg
from django.db import connection

Result = TypeVar("Result")
Connection = psycopg.Connection[tuple[Any, ...]]

_WHERE = ("host", "port", "user", "password", "dbname", "options")


def connect(*, application_name: str = "melo concurrency test") -> Connection:
    """Open a connection in autocommit; with `with`, it is closed at the end of the block."""
    params = connection.get_connection_params()
    where = {name: params[name] for name in _WHERE if name in params}
    return psycopg.connect(**where, application_name=application_name, autocommit=True)


def run_together(
    jobs: Sequence[Callable[[Connection], Result]], *, seconds: float = 30
) -> list[Result]:
    """Run each job in a thread with a connection of its own, all begun at one moment.

    Returns what they returned, in the order of `jobs`. A job that raises fails the test, and so do
    jobs that are still waiting after `seconds`: their backends are ended, so nothing hangs.
    """
    name = f"melo {uuid4()}"
    start = Barrier(len(jobs), timeout=seconds)

    def work(job: Callable[[Connection], Result]) -> Result:
        with connect(application_name=name) as own:
            start.wait()
            return job(own)

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        futures: list[Future[Result]] = [pool.submit(work, job) for job in jobs]
        waiting = wait(futures, timeout=seconds).not_done
        if waiting:
            end_backends(application_name=name)
    assert not waiting, f"{len(waiting)} of {len(jobs)} were still waiting after {seconds} s"
    return [future.result() for future in futures]


class Deed(NamedTuple):
    """A statement of one client."""

    statement: LiteralString
    params: Sequence[object] | Mapping[str, object]


class Outcome(NamedTuple):
    """Whether the second of two clients waited for the first, and how it was refused, if it was."""

    waited: bool
    sqlstate: str | None = None
    constraint: str | None = None


def in_turn(
    first: Deed, late: Deed, *, level: LiteralString, first_ends: LiteralString = "COMMIT"
) -> Outcome:
    """Do `late` while `first` is not committed yet, and return what became of it.

    The isolation level is that of `late`, whose snapshot is of before `first`. When `first` has
    ended, `late` is committed if it can be.
    """
    with connect() as one, connect() as other, ThreadPoolExecutor(max_workers=1) as pool:
        other.execute("BEGIN ISOLATION LEVEL " + level)
        other.execute("SELECT FROM users LIMIT 1")
        one.execute("BEGIN")
        one.execute(*first)
        future = pool.submit(lambda: other.execute(*late))
        waited = wait_until_blocked(other, by=one, unless=future)
        one.execute(first_ends)
        try:
            future.result(timeout=30)
            other.execute("COMMIT")
        except psycopg.Error as error:
            other.execute("ROLLBACK")
            return Outcome(waited, error.sqlstate, error.diag.constraint_name)
    return Outcome(waited)


def wait_until_blocked(
    waiting: Connection, *, by: Connection, unless: Future[Any] | None = None, seconds: float = 30
) -> bool:
    """Return True when `waiting` waits for a lock of `by`, and False if `unless` is done before."""
    deadline = monotonic() + seconds
    with connect() as observer:
        while not value(
            observer,
            "SELECT %s = ANY (pg_blocking_pids(%s)) FROM pg_sleep(0.002)",
            [by.info.backend_pid, waiting.info.backend_pid],
        ):
            if unless is not None and unless.done():
                return False
            assert monotonic() < deadline, "neither ended nor waited in time"
    return True


def end_backends(*, application_name: str) -> None:
    """End every backend that works under this name."""
    with connect() as killer:
        killer.execute("SET ROLE NONE")
        killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = %s AND datname = current_database()",
            [application_name],
        )


def value(own: Connection, sql: LiteralString, params: Sequence[object] = ()) -> object:
    """Return the first column of the first row."""
    row = own.execute(sql, params).fetchone()
    assert row is not None, sql
    return row[0]
