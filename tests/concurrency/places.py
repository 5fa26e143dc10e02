"""Places to write in, made with plain SQL, and how a message gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from uuid import UUID

    from tests.concurrency.connections import Connection


class Channel(NamedTuple):
    """A channel, and somebody who writes in it."""

    server_id: UUID
    id: UUID
    author_id: UUID


class Conversation(NamedTuple):
    """A direct conversation, and one of its two."""

    id: UUID
    author_id: UUID


def create_channels(own: Connection, *, count: int, author: str = "author") -> list[Channel]:
    """Return the text channels of a new server, in the order of their ids."""
    with own.transaction():
        user = own.execute(
            "INSERT INTO users (username) VALUES (%s) RETURNING id", [author]
        ).fetchone()
        assert user
        server = own.execute(
            "INSERT INTO servers (name, owner_id) VALUES ('Harbour', %s) RETURNING id", user
        ).fetchone()
        assert server
        own.execute(
            "INSERT INTO server_members (server_id, user_id) VALUES (%s, %s)", [*server, *user]
        )
        channels = own.execute(
            "INSERT INTO channels (server_id, name, position) "
            "SELECT %s, 'channel ' || n, n FROM generate_series(1, %s) AS n RETURNING id",
            [*server, count],
        ).fetchall()
    return [
        Channel(server_id=server[0], id=channel_id, author_id=user[0])
        for channel_id in sorted(row[0] for row in channels)
    ]


def create_conversation(own: Connection) -> Conversation:
    """Return a new conversation of two."""
    with own.transaction():
        users = own.execute(
            "INSERT INTO users (username) VALUES ('low'), ('high') RETURNING id"
        ).fetchall()
        low, high = sorted(row[0] for row in users)
        own.execute(
            "INSERT INTO direct_conversations (id, pair_low_id, pair_high_id) "
            "VALUES (direct_pair_id(%(low)s, %(high)s), %(low)s, %(high)s)",
            {"low": low, "high": high},
        )
        own.execute(
            "INSERT INTO direct_participants (conversation_id, user_id) "
            "SELECT direct_pair_id(%(low)s, %(high)s), unnest(%(both)s::uuid[])",
            {"low": low, "high": high, "both": [low, high]},
        )
        found = own.execute("SELECT id FROM direct_conversations").fetchone()
    assert found
    return Conversation(id=found[0], author_id=low)


def send(own: Connection, channel: Channel) -> int:
    """Write one message in the channel and return its number."""
    row = own.execute(
        "INSERT INTO messages (server_id, channel_id, author_id, content) "
        "VALUES (%s, %s, %s, 'hello') RETURNING seq",
        [channel.server_id, channel.id, channel.author_id],
    ).fetchone()
    assert row
    return int(row[0])


def send_direct(own: Connection, conversation: Conversation) -> int:
    """Write one message in the conversation and return its number."""
    row = own.execute(
        "INSERT INTO direct_messages (conversation_id, author_id, content) "
        "VALUES (%s, %s, 'hello') RETURNING seq",
        [conversation.id, conversation.author_id],
    ).fetchone()
    assert row
    return int(row[0])


def numbers(own: Connection, channel: Channel) -> list[int]:
    """Return the numbers of the channel's messages, lowest first."""
    rows = own.execute(
        "SELECT seq FROM messages WHERE server_id = %s AND channel_id = %s ORDER BY seq",
        [channel.server_id, channel.id],
    )
    return [row[0] for row in rows]


def last_number(own: Connection, channel: Channel) -> int:
    """Return the channel's counter."""
    row = own.execute("SELECT last_seq FROM channels WHERE id = %s", [channel.id]).fetchone()
    assert row
    return int(row[0])
