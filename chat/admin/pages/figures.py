"""The numbers of the start page: one statement each, which does not get slower with more messages.

No counters are kept. Ids are UUIDs of version 7, so a range of the primary key is a range of time,
and a part of its index tells how many messages were sent.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, LiteralString, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

# In each half hour one stretch is counted. Its length is such that all stretches have about 100,000
# ids, or all ids where there are fewer; its start is pseudo-random, the same at each call. What is
# read are indexes (messages_pkey, and messages_direct_ix for what is subtracted), and the rows that
# VACUUM has not seen yet.
_MESSAGES_PER_DAY: Final[LiteralString] = """
WITH scope AS (
    SELECT least(1.0, 100000.0 / greatest(reltuples, 1)) AS part
    FROM pg_class
    WHERE oid = 'messages'::regclass
)
SELECT
    (every.begins AT TIME ZONE 'UTC')::date AS day,
    round(sum(found.messages) / max(part))::bigint,
    max(part) = 1
FROM scope
CROSS JOIN generate_series(
    date_trunc('day', %(now)s::timestamptz, 'UTC') - make_interval(days => %(days)s - 1),
    %(now)s::timestamptz,
    '30 minutes'
) AS every (begins)
CROSS JOIN LATERAL (
    SELECT
        every.begins + interval '30 minutes' * (1 - part)
        * ((hashint8(extract(epoch FROM every.begins)::bigint) & 1023) / 1024.0) AS begins
) AS stretch
CROSS JOIN LATERAL (
    SELECT
        extract(epoch FROM stretch.begins) * 1000 AS from_ms,
        extract(epoch FROM stretch.begins + interval '30 minutes' * part) * 1000 AS to_ms
) AS bounds
CROSS JOIN LATERAL (
    SELECT
        (lpad(to_hex(from_ms::bigint), 12, '0') || repeat('0', 20))::uuid AS from_id,
        (lpad(to_hex(to_ms::bigint), 12, '0') || repeat('0', 20))::uuid AS to_id
) AS ids
CROSS JOIN LATERAL (
    SELECT
        (SELECT count(*) FROM messages WHERE id >= from_id AND id < to_id)
        - (
            SELECT count(*) FROM messages
            WHERE id >= from_id AND id < to_id AND space_id = channel_id
        ) AS messages
) AS found
GROUP BY day
ORDER BY day
"""

_ACTIVE_SERVERS: Final[LiteralString] = """
SELECT
    count(*) FILTER (WHERE last_message_at > %(now)s::timestamptz - interval '1 day'),
    count(*) FILTER (WHERE last_message_at > %(now)s::timestamptz - interval '7 days'),
    count(*) FILTER (WHERE last_message_at > %(now)s::timestamptz - interval '30 days'),
    count(*) FILTER (WHERE last_message_at > %(now)s::timestamptz - interval '90 days'),
    count(*)
FROM (
    SELECT max(channel_counters.last_message_at) AS last_message_at
    FROM servers
    LEFT JOIN channel_counters ON channel_counters.space_id = servers.space_id
    WHERE servers.deleted_at IS NULL
    GROUP BY servers.id
) AS each_server
"""

_BIGGEST_CHANNELS: Final[LiteralString] = """
SELECT channels.id, servers.name, channels.name, channel_counters.last_seq
FROM servers
INNER JOIN channels ON channels.space_id = servers.space_id
INNER JOIN channel_counters
    ON channel_counters.space_id = channels.space_id
    AND channel_counters.channel_id = channels.id
WHERE channels.deleted_at IS NULL AND channel_counters.last_seq > 0
ORDER BY channel_counters.last_seq DESC, channels.id
LIMIT %s
"""


class DayOfMessages(NamedTuple):
    """How many messages were sent in servers on a day (UTC), deleted ones too."""

    day: date
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesPerDay:
    """The days in order, the last of them today until now; counted, or estimated from a part."""

    days: tuple[DayOfMessages, ...]
    is_counted: bool


class ActiveServers(NamedTuple):
    """How many servers had a message in the last 1, 7, 30 and 90 days, and how many there are."""

    in_1_day: int
    in_7_days: int
    in_30_days: int
    in_90_days: int
    in_all: int


class BigChannel(NamedTuple):
    """A channel and the number of its last message."""

    id: UUID
    server: str
    name: str
    messages: int


@contextmanager
def statement_timeout(connection: BaseDatabaseWrapper, *, timeout: str = "2s") -> Iterator[None]:
    """Stop every statement in the block that takes longer.

    The block is one transaction: after an error no further statement runs.
    """
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", (timeout,))
        yield


def messages_per_day(
    connection: BaseDatabaseWrapper, *, now: datetime, days: int = 30
) -> MessagesPerDay:
    """Return the last `days` days; one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_MESSAGES_PER_DAY, {"now": now, "days": days})
        rows = cursor.fetchall()
    return MessagesPerDay(
        days=tuple(DayOfMessages(day=day, messages=messages) for day, messages, _ in rows),
        is_counted=all(is_counted for _, _, is_counted in rows),
    )


def active_servers(connection: BaseDatabaseWrapper, *, now: datetime) -> ActiveServers:
    """Return how many servers have recent messages; one statement, which reads all channels."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE_SERVERS, {"now": now})
        return ActiveServers._make(cursor.fetchone())


def biggest_channels(connection: BaseDatabaseWrapper, *, limit: int = 10) -> list[BigChannel]:
    """Return the biggest channels in order; one statement, which reads all channels."""
    with connection.cursor() as cursor:
        cursor.execute(_BIGGEST_CHANNELS, (limit,))
        return [BigChannel._make(row) for row in cursor.fetchall()]
