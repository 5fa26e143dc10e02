"""How many messages a second: `send_message`, against a bare INSERT into the same table.

Each client is a process with a connection of its own, and they begin together. The triggers are the
same for both, and so are the people and the channels.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any
from uuid import UUID

from django.db.backends.base.base import BaseDatabaseWrapper

from tests.benchmarks.paths import BARE, OURS, Goal, Path

CONTENT = "The tide turns at six, and whoever wants to sail with it had better be here by five."
MEMBERS_OF_THE_SERVER = 200
# Of the rate of the bare INSERT.
GOAL = 0.7

_BARE = """
    INSERT INTO messages (id, space_id, channel_id, author_id, content)
    VALUES (%s, %s, %s, %s, %s)
    RETURNING seq, created_at
"""
# Before each measurement: PostgreSQL plans a statement for any values from the sixth time on.
_WARM_UP = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many clients send, and where."""

    name: str
    clients: int
    is_spread: bool


SHAPES = (
    Shape(name="send_message, 1 client", clients=1, is_spread=True),
    Shape(name="send_message, 8 clients, spread over channels", clients=8, is_spread=True),
    Shape(name="send_message, 8 clients, one channel", clients=8, is_spread=False),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A server with a channel and an author for each client."""

    database: str
    space_id: UUID
    channel_ids: tuple[UUID, ...]
    author_ids: tuple[UUID, ...]


class Crew:
    """Clients that wait to send; with `with`, they go home at the end of the block.

    A call lets all of them send `each` messages, and returns when the last is done.
    """

    def __init__(self, place: Place, shape: Shape, *, way: str, each: int) -> None:
        self.each = each
        # Not forked: a child must not share the parent's connections.
        context = multiprocessing.get_context("spawn")
        self._members: list[tuple[BaseProcess, Connection]] = []
        for n in range(shape.clients):
            ours, theirs = context.Pipe()
            channel = place.channel_ids[n if shape.is_spread else 0]
            args = (theirs, way, place.database, place.space_id, channel, place.author_ids[n])
            process = context.Process(target=_work, args=args, daemon=True)
            process.start()
            theirs.close()
            self._members.append((process, ours))
        for _, pipe in self._members:
            pipe.recv()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __call__(self) -> list[float]:
        """Send; raises when a client did not come through."""
        self.begin()
        return self.finish()

    def begin(self) -> None:
        """Let all of them send, and do not wait."""
        for _, pipe in self._members:
            pipe.send(self.each)

    def finish(self) -> list[float]:
        """Wait for the last, and return how long each message took, in seconds."""
        return [seconds for _, pipe in self._members for seconds in pipe.recv()]

    def close(self) -> None:
        """Let the clients end, and wait for them."""
        for process, pipe in self._members:
            pipe.send(0)
            process.join(timeout=10)
            pipe.close()


def make_place(*, clients: int = 8) -> Place:
    """Write a server of some size, in which each client's author has a role and an overwrite."""
    from django.db import connection

    from chat.models import Channel, ChannelPermission, MemberRole, Role, Server, ServerMember, User
    from chat.rules.permissions import DEFAULT_EVERYONE, Permission

    people = User.objects.bulk_create(
        User(username=f"sender_{n}") for n in range(MEMBERS_OF_THE_SERVER)
    )
    server = Server.objects.create(name="Harbour", owner=people[-1])
    ServerMember.objects.bulk_create(ServerMember(server=server, user=each) for each in people[:-1])
    roles = Role.objects.bulk_create(
        Role(server=server, name=f"role {n}", position=n, permissions=DEFAULT_EVERYONE.value)
        for n in range(10)
    )
    channels = Channel.objects.bulk_create(
        Channel(server=server, name=f"channel {n}", position=n) for n in range(50)
    )
    MemberRole.objects.bulk_create(
        MemberRole(server=server, user=each, role=roles[1 + n % 9]) for n, each in enumerate(people)
    )
    ChannelPermission.objects.bulk_create(
        ChannelPermission(
            server=server,
            channel=channel,
            role=roles[1],
            allow=Permission.MENTION_EVERYONE.value,
        )
        for channel in channels
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Place(
        database=connection.settings_dict["NAME"],
        space_id=server.id,
        channel_ids=tuple(channel.id for channel in channels[:clients]),
        author_ids=tuple(each.id for each in people[:clients]),
    )


def _work(
    pipe: Connection, way: str, database: str, space: UUID, channel: UUID, author: UUID
) -> None:
    """Be one client: say when ready, send as often as told, and end on 0."""
    import django

    django.setup()

    from django.conf import settings
    from django.db import connection

    # As in production: otherwise Django writes each statement down.
    settings.DEBUG = False
    connection.settings_dict["NAME"] = database
    send = {OURS: _ours, BARE: bare_send}[way](space, channel, author)
    for _ in range(_WARM_UP):
        send()
    pipe.send(None)
    while each := pipe.recv():
        pipe.send([_seconds(send) for _ in range(each)])
    connection.close()


def _seconds(send: Callable[[], object]) -> float:
    began = time.perf_counter()
    send()
    return time.perf_counter() - began


def _ours(_: UUID, channel: UUID, author: UUID) -> Callable[[], object]:
    from chat.services.messages import send_message

    return lambda: send_message(author=author, channel=channel, content=CONTENT)


def bare_send(space: UUID, channel: UUID, author: UUID) -> Callable[[], object]:
    """Return what sends a message by a bare INSERT, on a connection of its own."""
    import psycopg
    from django.db import connection

    from chat.db.ids import uuid7

    names = ("host", "port", "user", "password", "dbname")
    params = connection.get_connection_params()
    where: dict[str, Any] = {name: params[name] for name in names if name in params}
    own = psycopg.connect(**where, autocommit=True)
    return lambda: own.execute(
        _BARE, [uuid7(), space, channel, author, CONTENT], prepare=True
    ).fetchone()


@contextmanager
def send_path(place: Place, shape: Shape, *, each: int) -> Iterator[Path]:
    """Yield the path of sends of this shape; the clients are there until the end of the block."""
    from django.db import connection

    with (
        Crew(place, shape, way=OURS, each=each) as ours,
        Crew(place, shape, way=BARE, each=each) as bare,
    ):
        yield Path(
            name=shape.name,
            ways={OURS: ours, BARE: bare},
            goals=[Goal(way=OURS, other=BARE, ratio=1 / GOAL)],
            units=each * shape.clients,
            counts=lambda: written_by(connection, ours, messages=each * shape.clients),
        )


def written_by(
    connection: BaseDatabaseWrapper, send: Callable[[], object], *, messages: int
) -> dict[str, int]:
    """Return how many bytes a message adds to the log and to the database.

    Of the log the records of these transactions, without the pages that the first change after a
    checkpoint writes whole.
    """
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_walinspect")
        cursor.execute(
            "SELECT clock_timestamp(), pg_current_wal_flush_lsn(), "
            "pg_database_size(current_database())"
        )
        began, lsn, size = cursor.fetchone()
        send()
        cursor.execute(
            "SELECT sum(record_length - fpi_length)::bigint, "
            "pg_database_size(current_database()) "
            "FROM pg_get_wal_records_info(%s, pg_current_wal_flush_lsn()) "
            "WHERE xid IN (SELECT xmin FROM messages WHERE created_at > %s)",
            [lsn, began],
        )
        logged, size_then = cursor.fetchone()
    return {"WAL bytes": logged // messages, "disk bytes": (size_then - size) // messages}
