"""The numbers of the start page."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoDbBlocker

from chat.admin.pages.figures import (
    DayOfMessages,
    active_servers,
    biggest_channels,
    messages_per_day,
    statement_timeout,
)
from chat.models import Channel
from tests.chat.sql import execute
from tests.concurrency.connections import connect
from tests.factories import (
    ChannelFactory,
    DirectMessageFactory,
    MessageFactory,
    ServerFactory,
    as_superuser,
)

pytestmark = pytest.mark.django_db

NO_MESSAGES_PER_DAY = "no chart of messages per day: it joins moments to messages"

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def _vacuumed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Clear away the dead rows of other tests, which a month of half hours reads 1,440 times."""
    with django_db_blocker.unblock(), connect() as own:
        own.execute("VACUUM messages")


def id_at(moment: datetime, number: int = 0) -> UUID:
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62 | number)


def send(channel: Channel, *moments: datetime) -> None:
    assert channel.server is not None
    execute(
        "INSERT INTO messages (id, space_id, channel_id, author_id) "
        "SELECT id, %s, %s, %s FROM unnest(%s::uuid[]) AS id",
        channel.space_id,
        channel.id,
        channel.server.owner_id,
        [id_at(moment, number) for number, moment in enumerate(moments)],
    )


def pretend_rows(table: str, rows: int) -> None:
    """Let PostgreSQL believe that a table is big; undone with the test."""
    with as_superuser(), connection.cursor() as cursor:
        cursor.execute("UPDATE pg_class SET reltuples = %s WHERE oid = %s::regclass", (rows, table))


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_every_message_is_counted_on_its_day() -> None:
    send(
        ChannelFactory.create(),
        datetime(2026, 3, 7, 23, 59, 59, tzinfo=UTC),
        datetime(2026, 3, 8, 0, 0, tzinfo=UTC),
        datetime(2026, 3, 8, 23, 59, 59, 999000, tzinfo=UTC),
        datetime(2026, 3, 10, 11, 59, tzinfo=UTC),
        datetime(2026, 3, 11, 0, 0, tzinfo=UTC),
    )

    with CaptureQueriesContext(connection) as queries:
        figures = messages_per_day(connection, now=NOW, days=3)

    assert len(queries) == 1
    assert figures.is_counted
    assert figures.days == (
        DayOfMessages(day=date(2026, 3, 8), messages=2),
        DayOfMessages(day=date(2026, 3, 9), messages=0),
        DayOfMessages(day=date(2026, 3, 10), messages=1),
    )


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_conversations_are_in_no_figure() -> None:
    of_server = MessageFactory.create(id=id_at(NOW), created_at=NOW).channel
    for number in (1, 2):
        message = DirectMessageFactory.create(id=id_at(NOW, number), created_at=NOW)
        DirectMessageFactory.create(id=id_at(NOW, 2 + number), channel=message.channel)

    assert messages_per_day(connection, now=NOW + timedelta(hours=1)).days[-1].messages == 1
    assert active_servers(connection, now=NOW).in_1_day == 1
    assert [channel.id for channel in biggest_channels(connection)] == [of_server.pk]


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_thirty_days_are_thirty_days() -> None:
    days = messages_per_day(connection, now=NOW).days

    assert (len(days), days[0].day, days[-1].day) == (30, date(2026, 2, 9), date(2026, 3, 10))


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_of_a_big_table_a_part_is_counted_and_the_rest_estimated() -> None:
    channel = ChannelFactory.create()
    midnight = datetime(2026, 3, 9, tzinfo=UTC)
    # Every two minutes, of which a fifth is looked at.
    send(channel, *(midnight + timedelta(minutes=2 * number) for number in range(720)))
    pretend_rows("messages", 500_000)

    figures = messages_per_day(connection, now=NOW, days=2)

    assert not figures.is_counted
    assert figures.days[1] == DayOfMessages(day=date(2026, 3, 10), messages=0)
    assert figures.days[0].messages != 0
    assert abs(figures.days[0].messages - 720) < 72


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_estimate_is_the_same_whenever_it_is_asked() -> None:
    send(ChannelFactory.create(), *(NOW - timedelta(minutes=number) for number in range(200)))
    pretend_rows("messages", 500_000)

    first = messages_per_day(connection, now=NOW, days=2)

    assert messages_per_day(connection, now=NOW, days=2) == first


def test_server_is_active_for_as_long_as_its_last_message() -> None:
    for days in (0.5, 3, 20, 60, 400):
        spoken_in = ChannelFactory.create()
        MessageFactory.create(channel=spoken_in, created_at=NOW - timedelta(days=days))
    ServerFactory.create()

    with CaptureQueriesContext(connection) as queries:
        figures = active_servers(connection, now=NOW)

    assert len(queries) == 1
    assert (figures.in_1_day, figures.in_7_days, figures.in_30_days) == (1, 2, 3)
    assert (figures.in_90_days, figures.in_all) == (4, 6)


def test_deleted_server_is_no_server() -> None:
    ServerFactory.create()
    execute("UPDATE servers SET deleted_at = %s", NOW)

    assert active_servers(connection, now=NOW).in_all == 0


def test_biggest_channels_come_first() -> None:
    small, big = ChannelFactory.create(name="small"), ChannelFactory.create(name="big")
    ChannelFactory.create(name="silent")
    send(small, NOW)
    send(big, NOW + timedelta(seconds=1), NOW + timedelta(seconds=2))

    with CaptureQueriesContext(connection) as queries:
        found = biggest_channels(connection, limit=5)

    assert len(queries) == 1
    assert [(channel.id, channel.name, channel.messages) for channel in found] == [
        (big.id, "big", 2),
        (small.id, "small", 1),
    ]
    assert found[0].server == big.server.name


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
def test_indexes_of_ids_alone_are_read() -> None:
    with as_superuser():
        # New files, or the pages that other tests have left would decide.
        execute("SET LOCAL session_replication_role = replica")
        execute("TRUNCATE messages CASCADE")
        execute("SET LOCAL session_replication_role = origin")
    send(ChannelFactory.create(), *[NOW] * 2000)
    with CaptureQueriesContext(connection) as queries:
        messages_per_day(connection, now=NOW)
    (query,) = queries

    with as_superuser():
        execute("ANALYZE messages")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + query["sql"])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Index Only Scan using messages_pkey on messages" in plan
    assert "Index Only Scan using messages_direct_ix on messages" in plan
    assert "Seq Scan on messages" not in plan


def test_settings_of_a_bounded_block_end_with_it() -> None:
    with statement_timeout(connection), connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        within = cursor.fetchone()

    assert within == ("2s",)
