"""What the reads cost on a filled community, each way."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8

from tests.benchmarks.community import Community
from tests.benchmarks.orm import by_orm
from tests.benchmarks.paths import BARE, BY_HAND, FLOOR, ORM, OURS, Goal, Path
from tests.benchmarks.reads import Read, reads_of
from tests.benchmarks.statements import Bare

_TO_BY_HAND = 1.1
# Their rows begin with the space.
_OF_MANY_SPACES = ("unread_overview", "visible_channels")
# The column that says to ask once more.
_IS_LONG = 2
# Five times as it comes and five times with a plan of its own, then PostgreSQL may keep one.
_WARMING = 12


def read_paths(
    session: psycopg.Connection[Any],
    community: Community,
    *,
    place: str = "",
    only: str = "",
    with_orm: bool = False,
) -> list[Path]:
    """Return the paths of the reads in the database that Django's default connection leads to.

    What is not ours runs on `session`. PostgreSQL keeps the plans of a session, and by its first
    calls decides whether it plans again at each: so `session` must have been asked what Django's
    connection has been asked.

    Nothing is written. DEBUG has to be off: it makes Django note every statement. `place` is said
    in their names; those without `only` in it are left out.

    Raises: RuntimeError, when a read and the same by hand return different rows.
    """
    paths = []
    for read in reads_of(community):
        if only not in f"{read.name}{place}":
            continue
        path = _path(session, community, read, with_orm=with_orm, place=place)
        for way in path.ways.values():
            for _ in range(_WARMING):
                way()
        paths.append(path)
    return paths


@contextmanager
def bare_session() -> Iterator[psycopg.Connection[Any]]:
    """Open a connection of psycopg's to where Django's default connection leads."""
    params = connection.get_connection_params()
    known = ("host", "port", "user", "password", "dbname")
    where = {name: params[name] for name in known if name in params}
    # As on our own connections.
    where["options"] = "-c jit=off"
    with psycopg.connect(**where, autocommit=True) as session:
        yield session


def _path(
    session: psycopg.Connection[Any], at: Community, read: Read, *, with_orm: bool, place: str
) -> Path:
    expected = read.ours()
    by_hand = Bare(session, (read.sql_by_hand, read.params))
    if read.of_rows(by_hand()) != expected:
        raise RuntimeError(f"{read.name}: other rows by hand")
    own = [*read.before, (read.own_sql, read.params)]
    if read.own == "search_messages" and Bare(session, *own)()[0][_IS_LONG]:
        own.append((read.own_sql, {**read.params, "is_far": True}))
    bare = Bare(session, *own)
    floor = {
        **read.params,
        "home": at.server_id,
        "homes": sorted({row[0] for row in expected}) if read.own in _OF_MANY_SPACES else [],
        "floor_seq": Int8(expected[0].seq) if read.own == "message_page" else None,
        "rows": Int8(len(expected)),
    }
    ways: dict[str, Callable[[], Sequence[Any]]] = {
        OURS: read.ours,
        BARE: bare,
        BY_HAND: by_hand,
        FLOOR: Bare(session, (read.floor_sql, floor)),
    }
    orm = by_orm(at, read) if with_orm else None
    if orm is not None:
        ways[ORM] = orm
    return Path(
        name=f"{read.name}{place}",
        ways={
            # Where nothing is found the statement has a row that says so.
            name: way if name == BARE and not expected else _expecting(len(expected), way)
            for name, way in ways.items()
        },
        goals=[
            Goal(way=OURS, other=BARE, ratio=read.goal),
            Goal(way=BARE, other=BY_HAND, ratio=_TO_BY_HAND),
        ],
        calls=read.calls,
        counts=lambda: {f"buffers {BARE}": bare.buffers(), f"buffers {BY_HAND}": by_hand.buffers()},
    )


def _expecting(count: int, ask: Callable[[], Sequence[object]]) -> Callable[[], object]:
    def run() -> object:
        found = ask()
        if len(found) != count:
            raise RuntimeError(f"{len(found)} rows instead of {count}")
        return found

    return run
