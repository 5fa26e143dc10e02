"""Places to write in, made with plain SQL, and how a message gets there."""

from typing import NamedTuple
from uuid import UUID

from chat.db.ids import uuid7
from tests.concurrency.connections import Connection


class Channel(NamedTuple):
    """A channel or a conversation, and somebody who writes in it."""

    space_id: UUID
    id: UUID
    author_id: UUID


def create_channels(own: Connection, *, count: int, author: str = "author") -> list[Channel]:
    """Return the text channels of a new server, in the order of their ids."""
    server = uuid7()
    made = own.execute("INSERT INTO users (username) VALUES (%s) RETURNING id", [author]).fetchone()
    assert made
    own.execute(
        "INSERT INTO servers (id, space_id, name, owner_id) VALUES (%s, %s, 'Harbour', %s)",
        [server, server, made[0]],
    )
    rows = own.execute(
        "INSERT INTO channels (space_id, server_id, name, position) "
        "SELECT %s::uuid, %s::uuid, 'channel ' || n, n FROM generate_series(1, %s) AS n "
        "RETURNING space_id, id",
        [server, server, count],
    ).fetchall()
    return sorted((Channel(*row, *made) for row in rows), key=lambda channel: channel.id)


def create_conversation(own: Connection) -> Channel:
    """Return a new conversation of two."""
    row = own.execute(
        "WITH author AS ("
        "INSERT INTO users (username) VALUES ('author'), ('other') RETURNING id"
        "), pair AS ("
        "INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id) "
        "SELECT direct_pair_id(low.id, high.id), direct_pair_id(low.id, high.id), 'pair', '', "
        "low.id, high.id FROM author AS low INNER JOIN author AS high ON low.id < high.id "
        "RETURNING id, pair_low_id"
        ") INSERT INTO participants (space_id, user_id) "
        "SELECT pair.id, author.id FROM pair, author "
        "RETURNING space_id, space_id, (SELECT pair_low_id FROM pair)"
    ).fetchone()
    assert row
    return Channel(*row)


def send(own: Connection, channel: Channel) -> int:
    """Write one message in the channel and return its number."""
    row = own.execute(
        "INSERT INTO messages (space_id, channel_id, author_id, content) "
        "VALUES (%s, %s, %s, 'hello') RETURNING seq",
        channel,
    ).fetchone()
    assert row
    return int(row[0])


def numbers(own: Connection, channel: Channel) -> list[int]:
    """Return the numbers of the channel's messages, lowest first."""
    rows = own.execute(
        "SELECT seq FROM messages WHERE space_id = %s AND channel_id = %s ORDER BY seq",
        channel[:2],
    )
    return [row[0] for row in rows]


def last_number(own: Connection, channel: Channel) -> int:
    """Return the channel's counter."""
    row = own.execute(
        "SELECT last_seq FROM channel_counters WHERE space_id = %s AND channel_id = %s",
        channel[:2],
    ).fetchone()
    assert row
    return int(row[0])
