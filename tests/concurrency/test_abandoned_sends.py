"""A send that does not come to its commit gives its number back."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from uuid import UUID

import psycopg
import pytest

from tests.concurrency.connections import Connection, connect, run_together, value
from tests.concurrency.places import (
    create_channels,
    last_number,
    numbers,
    send,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_rolled_back_send_gives_its_number_back(observer: Connection, sender: Connection) -> None:
    (channel,) = create_channels(observer, count=1)
    send(sender, channel)

    with sender.transaction(force_rollback=True):
        assert send(sender, channel) == 2

    assert send(sender, channel) == 2
    assert numbers(observer, channel) == [1, 2]


def test_send_rolled_back_to_a_savepoint_gives_its_number_back(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)

    with sender.transaction():
        send(sender, channel)
        with sender.transaction(force_rollback=True):
            assert send(sender, channel) == 2
        assert send(sender, channel) == 2

    assert numbers(observer, channel) == [1, 2]
    assert last_number(observer, channel) == 2


def test_refused_send_gives_its_number_back(observer: Connection, sender: Connection) -> None:
    (channel,) = create_channels(observer, count=1)

    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        send(sender, channel._replace(author_id=UUID(int=1)))

    assert send(sender, channel) == 1
    assert last_number(observer, channel) == 1


def test_send_whose_backend_is_killed_gives_its_number_back(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)
    with closing(connect()) as victim:
        victim.execute("BEGIN")
        send(victim, channel)

        kill(victim, by=observer)
        with pytest.raises(psycopg.OperationalError):
            victim.execute("COMMIT")

    assert send(observer, channel) == 1
    assert numbers(observer, channel) == [1]


def test_sender_who_waits_for_a_killed_one_takes_its_number(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    with closing(connect()) as victim:
        victim.execute("BEGIN")
        send(victim, channel)
        waiting = begin_waiting(sender, lambda: send(sender, channel), observer=observer)

        kill(victim, by=observer)

        assert waiting.result(timeout=10) == 1
    assert numbers(observer, channel) == [1]


def test_half_of_all_sends_abandoned_leave_no_gap(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)

    def write(own: Connection) -> int:
        for turn in range(40):
            with own.transaction(force_rollback=turn % 2 == 1):
                send(own, channel)
        return 20

    kept = run_together([write] * 8)

    assert numbers(observer, channel) == list(range(1, sum(kept) + 1))
    assert last_number(observer, channel) == 160


# --- what the tests above share ---


def kill(victim: Connection, *, by: Connection) -> None:
    """End the backend, and return when it is gone."""
    assert value(by, "SELECT pg_terminate_backend(%s, 10000)", [victim.info.backend_pid])


def begin_waiting(own: Connection, work: Callable[[], int], *, observer: Connection) -> Future[int]:
    """Start the work in a thread and return when its backend waits for a lock."""
    pool = ThreadPoolExecutor(max_workers=1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    for _ in range(1000):
        if value(
            observer,
            "SELECT wait_event_type = 'Lock' FROM pg_stat_activity "
            "WHERE pid = %s AND pg_sleep(0.01) IS NOT NULL",
            [own.info.backend_pid],
        ):
            return future
    raise AssertionError("nothing waited for a lock within ten seconds")
