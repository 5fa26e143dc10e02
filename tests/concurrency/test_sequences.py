"""Messages are numbered without gaps and in the order of commits, however many write at once."""

import random
import time
from collections.abc import Callable
from functools import partial
from threading import Event

import pytest

from tests.concurrency.connections import Connection, run_together
from tests.concurrency.places import (
    Channel,
    create_channels,
    create_conversation,
    last_number,
    numbers,
    send,
)

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 16
EACH = 40  # 640 messages in all


def test_sixteen_writers_in_one_channel_leave_no_gap_and_no_double(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)

    def write(own: Connection) -> list[int]:
        return [send(own, channel) for _ in range(EACH)]

    given = run_together([write] * WRITERS)

    assert all(each == sorted(each) for each in given)
    assert sorted(seq for each in given for seq in each) == list(range(1, 641))
    assert numbers(observer, channel) == list(range(1, 641))
    assert last_number(observer, channel) == 640


def test_sixteen_writers_over_twenty_channels_leave_no_gap_in_any(observer: Connection) -> None:
    channels = create_channels(observer, count=20)

    def write(own: Connection, *, first: int) -> None:
        # Each writer goes round from another place: 32 messages for every channel in the end.
        for step in range(EACH):
            send(own, channels[(first * EACH + step) % 20])

    run_together([partial(write, first=first) for first in range(WRITERS)])

    assert [numbers(observer, channel) for channel in channels] == [list(range(1, 33))] * 20
    assert [last_number(observer, channel) for channel in channels] == [32] * 20


def test_several_messages_in_one_statement_stand_together(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)

    def write(own: Connection) -> list[int]:
        rows = own.execute(
            "INSERT INTO messages (space_id, channel_id, author_id, content) "
            "SELECT %s, %s, %s, 'hello' FROM generate_series(1, 10) RETURNING seq",
            channel,
        )
        return [row[0] for row in rows]

    given = run_together([write] * WRITERS)

    assert all(each == list(range(each[0], each[0] + 10)) for each in given)
    assert numbers(observer, channel) == list(range(1, 161))


def test_several_channels_in_the_order_of_ids_never_deadlock(observer: Connection) -> None:
    channels = create_channels(observer, count=6)

    def write(own: Connection, *, seed: int) -> int:
        choose = random.Random(seed)
        sent = 0
        for _ in range(10):
            chosen = sorted(choose.sample(channels, 4), key=lambda channel: channel.id)
            with own.transaction():
                for channel in chosen:
                    send(own, channel)
                    sent += 1
        return sent

    sent = run_together([partial(write, seed=seed) for seed in range(WRITERS)])

    found = [numbers(observer, channel) for channel in channels]
    assert sum(sent) == 16 * 10 * 4
    assert sum(map(len, found)) == sum(sent)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in found)


def test_writers_in_one_conversation_leave_no_gap_and_no_double(observer: Connection) -> None:
    conversation = create_conversation(observer)

    def write(own: Connection) -> list[int]:
        return [send(own, conversation) for _ in range(40)]

    given = run_together([write] * 8)

    assert sorted(seq for each in given for seq in each) == list(range(1, 321))
    assert numbers(observer, conversation) == list(range(1, 321))
    assert last_number(observer, conversation) == 320


# --- the order of numbers is the order of commits ---


def test_reader_who_asks_for_what_is_new_misses_nothing(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)
    written = Event()

    def write(own: Connection, *, seed: int) -> list[int]:
        return write_slowly(own, channel, count=25, seed=seed)

    def read(own: Connection) -> list[int]:
        return page_through(own, channel, until=written)

    def write_all(own: Connection) -> list[int]:
        try:
            run_together([partial(write, seed=seed) for seed in range(WRITERS)], seconds=20)
        finally:
            written.set()
        return []

    seen_by_reader, seen_by_other, _ = run_together([read, read, write_all])

    assert seen_by_reader == list(range(1, 401))
    assert seen_by_other == list(range(1, 401))


def test_who_sees_a_number_sees_every_number_below_it(observer: Connection) -> None:
    (channel,) = create_channels(observer, count=1)

    def write(own: Connection, *, seed: int) -> list[int]:
        return write_slowly(own, channel, count=25, seed=seed)

    def watch(own: Connection) -> list[int]:
        highest = 0
        incomplete: list[int] = []
        while highest < 200:
            row = own.execute(
                "SELECT count(*), coalesce(max(seq), 0) FROM messages "
                "WHERE space_id = %s AND channel_id = %s",
                [channel.space_id, channel.id],
            ).fetchone()
            assert row
            count, highest = row
            if count != highest:
                incomplete.append(highest)
        return incomplete

    jobs: list[Callable[[Connection], list[int]]] = [watch]
    jobs += [partial(write, seed=seed) for seed in range(8)]
    incomplete, *_ = run_together(jobs)

    assert incomplete == []


def test_committed_message_has_the_highest_number_that_others_see(
    observer: Connection, sender: Connection, other_sender: Connection
) -> None:
    (channel,) = create_channels(observer, count=1)

    for expected in range(1, 11):
        own = sender if expected % 2 else other_sender
        with own.transaction():
            send(own, channel)
            assert numbers(observer, channel) == list(range(1, expected))

        assert numbers(observer, channel) == list(range(1, expected + 1))


# --- what the tests above share ---


def write_slowly(own: Connection, channel: Channel, *, count: int, seed: int) -> list[int]:
    """Pause between the insert and the commit, now and then, so that another could overtake."""
    pauses = random.Random(seed)
    given = []
    for _ in range(count):
        with own.transaction():
            given.append(send(own, channel))
            time.sleep(pauses.choice([0, 0, 0.002, 0.005]))
    return given


def page_through(own: Connection, channel: Channel, *, until: Event) -> list[int]:
    """Read as a client does: whatever comes after the newest number that it has, page by page."""
    seen: list[int] = []
    while True:
        is_last_round = until.is_set()
        page = own.execute(
            "SELECT seq FROM messages WHERE space_id = %s AND channel_id = %s AND seq > %s "
            "ORDER BY seq LIMIT 10",
            [channel.space_id, channel.id, seen[-1] if seen else 0],
        ).fetchall()
        seen += [row[0] for row in page]
        if is_last_round and not page:
            return seen
