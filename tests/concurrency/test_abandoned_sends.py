"""A send that does not come to its commit gives its number back."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING
from uuid import UUID

import psycopg
import pytest

from tests.concurrency.connections import Connection, connect, run_together, value
from tests.concurrency.places import (
    Channel,
    create_channels,
    create_conversation,
    last_number,
    numbers,
    send,
    send_direct,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import LiteralString

pytestmark = pytest.mark.django_db(transaction=True)

MESSAGE_ID = UUID("01990000-0000-7000-8000-000000000001")


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


def test_rolled_back_direct_send_gives_its_number_back(
    observer: Connection, sender: Connection
) -> None:
    conversation = create_conversation(observer)

    with sender.transaction(force_rollback=True):
        assert send_direct(sender, conversation) == 1

    assert send_direct(sender, conversation) == 1


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


def test_send_to_a_channel_that_is_being_deleted_is_refused(
    observer: Connection, sender: Connection, other_sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    other_sender.execute("BEGIN")
    other_sender.execute("UPDATE channels SET deleted_at = now() WHERE id = %s", [channel.id])

    waiting = begin_waiting(sender, lambda: send(sender, channel), observer=observer)
    other_sender.execute("COMMIT")

    with pytest.raises(psycopg.errors.CheckViolation, match="takes no messages"):
        waiting.result(timeout=10)
    assert last_number(observer, channel) == 0


def test_repeatable_read_is_refused_rather_than_given_a_number_twice(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    sender.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    sender.execute("SELECT last_seq FROM channels")
    send(observer, channel)

    with pytest.raises(psycopg.errors.SerializationFailure):
        send(sender, channel)
    sender.execute("ROLLBACK")

    assert send(sender, channel) == 2


def test_retried_send_that_fails_on_its_id_gives_its_number_back(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    send_with_id(sender, channel)

    with pytest.raises(psycopg.errors.UniqueViolation):
        send_with_id(sender, channel)

    assert send(sender, channel) == 2


def test_retried_send_that_is_skipped_on_its_id_gives_its_number_back(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    send_with_id(sender, channel)

    send_with_id(sender, channel, on_conflict="ON CONFLICT (id) DO NOTHING")

    assert last_number(observer, channel) == 1
    assert send(sender, channel) == 2


def test_retry_that_waits_for_its_first_send_gives_its_number_back(
    observer: Connection, sender: Connection, other_sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    other_sender.execute("BEGIN")
    send_with_id(other_sender, channel)

    def retry() -> int:
        send_with_id(sender, channel, on_conflict="ON CONFLICT (id) DO NOTHING")
        return last_number(sender, channel)

    waiting = begin_waiting(sender, retry, observer=observer)
    other_sender.execute("COMMIT")

    assert waiting.result(timeout=10) == 1
    assert numbers(observer, channel) == [1]


def test_retried_send_leaves_the_time_of_the_newest_message(
    observer: Connection, sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)
    send(sender, channel)
    newest = value(observer, "SELECT last_message_at FROM channels")
    sender.execute(
        "INSERT INTO messages (id, server_id, channel_id, author_id, content, created_at) "
        "VALUES (%s, %s, %s, %s, 'from an archive', '2020-01-01Z')",
        [MESSAGE_ID, *channel],
    )

    send_with_id(sender, channel, on_conflict="ON CONFLICT (id) DO NOTHING")

    assert value(observer, "SELECT last_message_at FROM channels") == newest


def test_retried_direct_send_that_is_skipped_gives_its_number_back(
    observer: Connection, sender: Connection
) -> None:
    conversation = create_conversation(observer)

    for _ in range(2):
        sender.execute(
            "INSERT INTO direct_messages (id, conversation_id, author_id, content) "
            "VALUES (%s, %s, %s, 'hello') ON CONFLICT (id) DO NOTHING",
            [MESSAGE_ID, conversation.id, conversation.author_id],
        )

    assert send_direct(sender, conversation) == 2


# --- what the tests above share ---


def send_with_id(own: Connection, channel: Channel, *, on_conflict: LiteralString = "") -> None:
    """Send the one message whose id the client has chosen."""
    own.execute(
        "INSERT INTO messages (id, server_id, channel_id, author_id, content) "
        "VALUES (%s, %s, %s, %s, 'hello') " + on_conflict,
        [MESSAGE_ID, channel.server_id, channel.id, channel.author_id],
    )


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
