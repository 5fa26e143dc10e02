"""The numbers of the start page: one statement each, whose cost does not grow with the messages.

Nothing is counted in advance. Ids are UUIDs of version 7, so that a range of the primary key is a
range of time, and a part of the key's index tells how many messages there were.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, LiteralString

from django.db import transaction

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper

# In each half hour one stretch is counted, from a moment that looks like chance and is the same
# whenever it is asked, as long as about 100,000 ids lie in all of them; all, where there are fewer.
# The indexes alone are read (messages_pkey, and for what is to be taken off messages_direct_ix),
# and the rows that VACUUM has not seen yet.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfMessages:
    """How many messages were sent in servers on a day (UTC), deleted ones too."""

    day: date
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesPerDay:
    """The days in order, the last of them today until now; counted, or estimated from a part."""

    days: tuple[DayOfMessages, ...]
    is_counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveServers:
    """How many servers had a message in the last 1, 7, 30 and 90 days, and how many there are."""

    in_1_day: int
    in_7_days: int
    in_30_days: int
    in_90_days: int
    in_all: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BigChannel:
    """A channel and the number of its last message."""

    id: UUID
    server: str
    name: str
    messages: int


@contextmanager
def bounded(connection: BaseDatabaseWrapper, *, timeout: str = "2s") -> Iterator[None]:
    """Let no statement in the block take longer.

    One transaction: after an error in it nothing more is asked.
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
    """Return how many servers are spoken in; one statement, reads all their channels."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTIVE_SERVERS, {"now": now})
        in_1_day, in_7_days, in_30_days, in_90_days, in_all = cursor.fetchone()
    return ActiveServers(
        in_1_day=in_1_day,
        in_7_days=in_7_days,
        in_30_days=in_30_days,
        in_90_days=in_90_days,
        in_all=in_all,
    )


def biggest_channels(connection: BaseDatabaseWrapper, *, limit: int = 10) -> list[BigChannel]:
    """Return the channels with most messages, the biggest first; one statement, reads all."""
    with connection.cursor() as cursor:
        cursor.execute(_BIGGEST_CHANNELS, (limit,))
        return [
            BigChannel(id=id_, server=server, name=name, messages=messages)
            for id_, server, name, messages in cursor.fetchall()
        ]
