"""Pages stay complete while others write: real connections, committed messages."""

from collections.abc import Callable
from functools import partial
from threading import Event
from uuid import UUID

import pytest
from django.db import connection as django_connection

from chat.queries.history import message_page
from tests.concurrency.connections import Connection, connect, run_together
from tests.concurrency.places import Channel, create_channels, numbers, send

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 4
EACH = 100


@pytest.fixture
def channel() -> Channel:
    with connect() as own:
        (made,) = create_channels(own, count=1)
        return made


def write(own: Connection, *, channel: Channel) -> list[int]:
    return [send(own, channel) for _ in range(EACH)]


def reading(read: Callable[[], list[int]]) -> Callable[[Connection], list[int]]:
    """Return a job that reads with Django's connection of its thread, and closes that."""

    def job(own: Connection) -> list[int]:
        try:
            return read()
        finally:
            django_connection.close()

    return job


def follow(viewer: UUID, channel: UUID, *, limit: int) -> list[int]:
    """Read on from the beginning until all that will be written has been seen."""
    seen: list[int] = []
    while len(seen) < WRITERS * EACH:
        page = message_page(
            viewer=viewer, channel=channel, after=seen[-1] if seen else 0, limit=limit
        )
        seen += [message.seq for message in reversed(page.messages)]
    return seen


def walk_back(viewer: UUID, channel: UUID, *, limit: int) -> list[int]:
    """Read from the newest of this moment back to the first."""
    page = message_page(viewer=viewer, channel=channel, limit=limit)
    seen = [message.seq for message in page.messages]
    while page.older is not None:
        page = message_page(viewer=viewer, channel=channel, before=page.older, limit=limit)
        seen += [message.seq for message in page.messages]
    return seen


def walk_back_often(viewer: UUID, channel: UUID, *, written: Event) -> list[int]:
    """Walk until the last writer is done, and return what was wrong with any walk."""
    wrong: list[int] = []
    while True:
        was_written = written.is_set()
        seen = walk_back(viewer, channel, limit=7)
        if seen != list(range(len(seen), 0, -1)):
            wrong += seen
        if was_written:
            return wrong


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_following_the_end_sees_every_message_once_in_order(channel: Channel, limit: int) -> None:
    jobs: list[Callable[[Connection], list[int]]] = [partial(write, channel=channel)] * WRITERS
    reader = reading(partial(follow, channel.author_id, channel.id, limit=limit))

    *_, seen = run_together([*jobs, reader], seconds=60)

    assert seen == list(range(1, WRITERS * EACH + 1))


def test_walking_back_sees_every_message_once_while_others_write(channel: Channel) -> None:
    written = Event()

    def write_and_say(own: Connection) -> list[int]:
        try:
            return write(own, channel=channel)
        finally:
            written.set()

    reader = reading(partial(walk_back_often, channel.author_id, channel.id, written=written))

    _, wrong = run_together([write_and_say, reader], seconds=60)

    assert wrong == []
    with connect() as own:
        assert numbers(own, channel) == list(range(1, EACH + 1))


def test_message_of_an_open_transaction_is_neither_shown_nor_skipped(channel: Channel) -> None:
    with connect() as writer, connect() as other:
        send(other, channel)
        with writer.transaction():
            send(writer, channel)
            during = message_page(viewer=channel.author_id, channel=channel.id)
        after = message_page(viewer=channel.author_id, channel=channel.id, after=1)

    assert [message.seq for message in during.messages] == [1]
    assert (during.last_seq, during.newer) == (1, None)
    assert [message.seq for message in after.messages] == [2]
