"""A database of a given size, made by SQL: a believable shape, the same one each time.

For measuring and for looking at plans. Keys and triggers rest meanwhile, so what is written here
has to be right by itself; the role needs the right to set session_replication_role.
"""

from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg

Session = psycopg.Connection[tuple[Any, ...]]

# What a word of the messages is: w1 is in nearly half of them, w20000 in one of 25,000.
COMMON_WORD = "w1"
MIDDLING_WORD = "w300"
RARE_WORD = "w19000"
ABSENT_WORD = "nowhere"

_PEOPLE: tuple[LiteralString, ...] = (
    "SELECT setseed(0.25)",
    """
    INSERT INTO users (username, display_name, avatar_key)
    SELECT
        'sailor_' || n,
        CASE n % 2 WHEN 0 THEN 'Sailor ' || n ELSE '' END,
        CASE n % 3 WHEN 0 THEN 'avatars/' || n END
    FROM generate_series(0, (SELECT max(size) - 1 FROM place)) AS n
    """,
    """
    CREATE TEMPORARY TABLE person AS
    SELECT substr(username, 8)::integer AS n, id FROM users WHERE username LIKE 'sailor\\_%'
    """,
    "CREATE UNIQUE INDEX ON person (n)",
)

# 1,500 servers of 21 channels; the viewer is in the first hundred, everybody in the very first.
_MANY: LiteralString = """
    CREATE TEMPORARY TABLE place AS
    SELECT
        n,
        uuidv7() AS id,
        CASE WHEN n = 0 THEN 5000 WHEN n < 300 THEN 100 ELSE 10 END AS size
    FROM generate_series(0, 1499) AS n
"""
_GIANT: LiteralString = """
    CREATE TEMPORARY TABLE place AS SELECT 0 AS n, uuidv7() AS id, 20000 AS size
"""

_MEMBERS: tuple[LiteralString, ...] = (
    """
    CREATE TEMPORARY TABLE belonging AS
    SELECT place.n AS s, place.id AS space_id, k, person.id AS user_id
    FROM place
    CROSS JOIN LATERAL generate_series(0, place.size - 1) AS k
    INNER JOIN person
        ON person.n = CASE
            WHEN place.n = 0 THEN k
            WHEN k = 0 AND place.n < 100 THEN 0
            ELSE 1 + (place.n * 7919 + k * 37) % 4999
        END
    """,
    "CREATE UNIQUE INDEX ON belonging (s, k)",
    """
    INSERT INTO servers (id, space_id, name, owner_id)
    SELECT space_id, space_id, 'Harbour ' || s, user_id FROM belonging WHERE k = 1
    """,
    """
    INSERT INTO server_members (space_id, user_id, nickname, joined_at)
    SELECT
        space_id,
        user_id,
        CASE k % 5 WHEN 0 THEN 'Mate ' || k END,
        timestamptz '2024-01-01 00:00Z' + k * interval '1 minute'
    FROM belonging
    """,
)

# Everyone's role sees, sends, reads, reacts and attaches.
_MANY_CHANNELS: tuple[LiteralString, ...] = (
    """
    INSERT INTO roles (space_id, name, position, permissions)
    SELECT id, 'role ' || k, k, CASE k WHEN 0 THEN 274878024768 | 65536 ELSE 64 END
    FROM place CROSS JOIN generate_series(0, 9) AS k
    """,
    """
    INSERT INTO member_roles (space_id, user_id, role_id)
    SELECT belonging.space_id, belonging.user_id, role.id
    FROM belonging
    INNER JOIN roles AS role
        ON
            role.space_id = belonging.space_id
            AND role.position > 0
            AND (belonging.k + role.position) % 4 = 0
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, position)
    SELECT
        id,
        id,
        'pier ' || k,
        CASE WHEN k = 0 THEN 'category' WHEN k % 5 = 0 THEN 'voice' ELSE 'text' END,
        k
    FROM place CROSS JOIN generate_series(0, 16) AS k
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, parent_id, position)
    SELECT space_id, server_id, 'thread of ' || name, 'thread', id, position
    FROM channels
    WHERE position IN (1, 2, 3, 4) AND kind = 'text'
    """,
    # Channels 2, 4, 6 … have an overwrite for everyone and two roles; 15 is for one role alone.
    """
    INSERT INTO channel_permissions (space_id, channel_id, role_id, allow, deny)
    SELECT channel.space_id, channel.id, role.id, 2048, 16384
    FROM channels AS channel
    INNER JOIN roles AS role
        ON role.space_id = channel.space_id AND role.position <= 2
    WHERE channel.position % 2 = 0 AND channel.kind <> 'thread'
    """,
    """
    INSERT INTO channel_permissions (space_id, channel_id, role_id, allow, deny)
    SELECT
        channel.space_id,
        channel.id,
        role.id,
        CASE role.position WHEN 0 THEN 0 ELSE 1024 END,
        CASE role.position WHEN 0 THEN 1024 ELSE 0 END
    FROM channels AS channel
    INNER JOIN roles AS role
        ON role.space_id = channel.space_id AND role.position IN (0, 3)
    WHERE channel.position = 15 AND channel.kind <> 'thread'
    """,
)

# As many channels, roles and threads as a server can have. The viewer has every role, everybody
# else three beside everyone's. Each channel has overwrites for everyone, ten roles and five
# members; every tenth is for its ten roles and five members alone.
_GIANT_CHANNELS: tuple[LiteralString, ...] = (
    """
    INSERT INTO roles (space_id, name, position, permissions)
    SELECT id, 'role ' || k, k, CASE k WHEN 0 THEN 274878024768 | 65536 ELSE 64 END
    FROM place CROSS JOIN generate_series(0, 249) AS k
    """,
    """
    INSERT INTO member_roles (space_id, user_id, role_id)
    SELECT belonging.space_id, belonging.user_id, role.id
    FROM belonging
    INNER JOIN roles AS role
        ON
            role.position > 0
            AND CASE belonging.k
                WHEN 0 THEN TRUE ELSE (belonging.k * 7 + role.position) % 83 = 0
            END
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, position)
    SELECT
        id,
        id,
        'pier ' || k,
        CASE WHEN k % 20 = 0 THEN 'category' WHEN k % 5 = 0 THEN 'voice' ELSE 'text' END,
        k
    FROM place CROSS JOIN generate_series(0, 499) AS k
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, parent_id, position)
    SELECT space_id, server_id, 'thread of ' || name, 'thread', id, position
    FROM (
        SELECT *, row_number() OVER (ORDER BY k, position) AS n
        FROM channels CROSS JOIN generate_series(1, 4) AS k
        WHERE kind = 'text'
    ) AS parent
    WHERE n <= 1000
    """,
    """
    INSERT INTO channel_permissions (space_id, channel_id, role_id, allow, deny)
    SELECT
        channel.space_id,
        channel.id,
        role.id,
        CASE
            WHEN channel.position % 10 <> 7 THEN 2048 WHEN role.position = 0 THEN 0 ELSE 1024
        END,
        CASE
            WHEN channel.position % 10 <> 7 THEN 16384 WHEN role.position = 0 THEN 1024 ELSE 0
        END
    FROM channels AS channel
    INNER JOIN roles AS role
        ON role.position = 0 OR (channel.position + role.position) % 25 = 0
    WHERE channel.kind <> 'thread'
    """,
    """
    INSERT INTO channel_permissions (space_id, channel_id, user_id, allow, deny)
    SELECT channel.space_id, channel.id, belonging.user_id, 1024, 0
    FROM channels AS channel
    INNER JOIN belonging ON (belonging.k + channel.position) % 4000 = 2
    WHERE channel.kind <> 'thread'
    """,
)

# The r-th channel has a share of 1 / r: the first one of a million has some 100,000.
_MESSAGES: tuple[LiteralString, ...] = (
    """
    CREATE TEMPORARY TABLE row_of AS
    WITH ranked AS (
        SELECT
            channel.space_id,
            channel.id AS channel_id,
            place.n AS s,
            place.size,
            row_number() OVER (
                ORDER BY channel.position <> 1 OR place.n > 0, channel.position, place.n
            ) AS r
        FROM channels AS channel
        INNER JOIN place ON place.id = channel.space_id
        WHERE channel.kind IN ('text', 'thread')
    )
    SELECT
        *,
        floor(%(messages)s::bigint / r / sum(1.0 / r) OVER ())::bigint AS messages
    FROM ranked
    """,
    """
    INSERT INTO messages (
        space_id, channel_id, seq, author_id, content, reply_to_seq, created_at, updated_at,
        version, edited_at, pinned_at, deleted_at
    )
    SELECT
        row_of.space_id,
        row_of.channel_id,
        seq,
        belonging.user_id,
        (
            SELECT string_agg('w' || floor(20000 ^ random())::integer, ' ')
            FROM generate_series(1, 5 + (seq % 7)::integer)
        ),
        CASE WHEN seq % 5 = 3 THEN greatest(1, seq - 1 - seq % 40) END,
        sent.at,
        sent.at,
        CASE WHEN seq % 30 = 7 THEN 2 ELSE 1 END,
        CASE WHEN seq % 30 = 7 THEN sent.at END,
        CASE WHEN seq % 500 = 11 THEN sent.at END,
        CASE WHEN seq % 50 = 23 THEN sent.at END
    FROM row_of
    CROSS JOIN LATERAL generate_series(1, row_of.messages) AS seq
    CROSS JOIN LATERAL (
        SELECT timestamptz '2024-01-01 00:00Z' + seq * interval '37 seconds' AS at
    ) AS sent
    INNER JOIN belonging
        ON belonging.s = row_of.s
        AND belonging.k = floor(row_of.size * (seq * 0.6180339887 % 1.0) ^ 2)::integer
    """,
    """
    INSERT INTO channel_counters (space_id, channel_id, last_seq, last_message_at, closed)
    SELECT
        channel.space_id,
        channel.id,
        coalesce(row_of.messages, 0),
        CASE
            WHEN row_of.messages > 0
                THEN timestamptz '2024-01-01 00:00Z' + row_of.messages * interval '37 seconds'
        END,
        channel.kind = 'category'
    FROM channels AS channel
    LEFT JOIN row_of ON row_of.channel_id = channel.id
    """,
    """
    INSERT INTO reactions (space_id, message_id, emoji, user_id)
    SELECT message.space_id, message.id, (ARRAY['⚓', '👍', '🎉'])[1 + k % 3], person.id
    FROM messages AS message
    CROSS JOIN LATERAL generate_series(0, (message.seq % 6)::integer) AS k
    INNER JOIN person ON person.n = (message.seq * 31 + k * 7) % 5000
    WHERE message.seq % 5 = 1
    """,
    """
    INSERT INTO message_attachments (
        space_id, message_id, uploader_id, position, filename, content_type, size_bytes, sha256,
        storage_key, width, height
    )
    SELECT
        space_id, id, author_id, k, 'chart-' || seq || '.png', 'image/png', 1000 + seq % 1000,
        sha256(id::text::bytea), 'files/' || id || '/' || k, 640, 480
    FROM messages
    CROSS JOIN LATERAL generate_series(0, (seq % 2)::integer) AS k
    WHERE seq % 8 = 2 OR seq % 40 = 9
    """,
    """
    INSERT INTO mentions (space_id, channel_id, seq, user_id, created_at)
    SELECT
        message.space_id,
        message.channel_id,
        message.seq,
        CASE message.seq % 400
            WHEN 0 THEN viewer.id WHEN 20 THEN other.id ELSE belonging.user_id
        END,
        message.created_at
    FROM messages AS message
    INNER JOIN row_of USING (space_id, channel_id)
    INNER JOIN belonging
        ON belonging.s = row_of.s AND belonging.k = 1 + message.seq % (row_of.size - 1)
    CROSS JOIN (SELECT id FROM person WHERE n = 0) AS viewer
    CROSS JOIN (SELECT id FROM person WHERE n = 2) AS other
    WHERE message.seq % 20 = 0
    """,
    """
    INSERT INTO mentions (space_id, channel_id, seq, role_id, created_at)
    SELECT
        message.space_id,
        message.channel_id,
        message.seq,
        role.id,
        message.created_at
    FROM messages AS message
    LEFT JOIN roles AS role
        ON
            role.space_id = message.space_id
            AND role.position = 1 + message.seq % 9
            AND message.seq % 3 > 0
    WHERE message.seq % 150 = 31 OR message.seq % 150 = 32 OR message.seq % 150 = 33
    """,
    # Everybody is at most two hundred messages behind. Where no more have been sent, one in three
    # has no mark, as in a channel that is younger than the membership.
    """
    INSERT INTO read_states (space_id, user_id, channel_id, last_read_seq, notify)
    SELECT
        row_of.space_id,
        belonging.user_id,
        row_of.channel_id,
        greatest(0, row_of.messages - (row_of.r * 13) % 200),
        CASE row_of.r % 7 WHEN 0 THEN 'mentions' END
    FROM row_of
    INNER JOIN belonging ON belonging.s = row_of.s AND belonging.k < 20
    WHERE (row_of.r + belonging.k) % 3 <> 0 OR row_of.messages > 200
    """,
)

# The viewer with two hundred others; a tenth as many messages, the first pair has the most.
_CONVERSATIONS: tuple[LiteralString, ...] = (
    """
    CREATE TEMPORARY TABLE pair AS
    SELECT
        other.n,
        least(viewer.id, other.id) AS low,
        greatest(viewer.id, other.id) AS high,
        direct_pair_id(least(viewer.id, other.id), greatest(viewer.id, other.id)) AS id,
        floor(%(messages)s::bigint / 10 / other.n / 5.88)::bigint AS messages
    FROM person AS viewer
    INNER JOIN person AS other ON other.n BETWEEN 1 AND 200
    WHERE viewer.n = 0
    """,
    """
    INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id)
    SELECT id, id, 'pair', '', low, high FROM pair
    """,
    """
    INSERT INTO channel_counters (space_id, channel_id, last_seq, last_message_at)
    SELECT
        id, id, messages,
        CASE
            WHEN messages > 0
                THEN timestamptz '2024-01-01 00:00Z' + messages * interval '37 seconds'
        END
    FROM pair
    """,
    """
    INSERT INTO participants (space_id, user_id)
    SELECT id, user_id FROM pair
    CROSS JOIN LATERAL unnest(ARRAY[low, high]) AS user_id
    """,
    """
    INSERT INTO read_states (space_id, user_id, channel_id, last_read_seq)
    SELECT id, user_id, id, greatest(0, messages - n) FROM pair
    CROSS JOIN LATERAL unnest(ARRAY[low, high]) AS user_id
    """,
    """
    INSERT INTO messages (
        space_id, channel_id, seq, author_id, content, created_at, updated_at, deleted_at
    )
    SELECT
        pair.id,
        pair.id,
        seq,
        CASE seq % 2 WHEN 0 THEN pair.low ELSE pair.high END,
        'w' || floor(20000 ^ random())::integer,
        timestamptz '2024-01-01 00:00Z' + seq * interval '37 seconds',
        timestamptz '2024-01-01 00:00Z' + seq * interval '37 seconds',
        CASE WHEN seq % 50 = 23 THEN timestamptz '2025-01-01 00:00Z' END
    FROM pair
    CROSS JOIN LATERAL generate_series(1, pair.messages) AS seq
    """,
    # And others among themselves, who have said nothing yet.
    """
    INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id)
    SELECT
        pair_id, pair_id, 'pair', '', least(one.id, other.id), greatest(one.id, other.id)
    FROM person AS one
    INNER JOIN person AS other ON other.n BETWEEN one.n + 1 AND one.n + 2
    CROSS JOIN LATERAL direct_pair_id(one.id, other.id) AS pair_id
    WHERE one.n > 0
    """,
    """
    INSERT INTO channel_counters (space_id, channel_id)
    SELECT space_id, id
    FROM channels
    WHERE kind = 'pair' AND NOT EXISTS (SELECT FROM pair WHERE pair.id = channels.id)
    """,
    """
    INSERT INTO participants (space_id, user_id)
    SELECT space_id, user_id
    FROM channels
    CROSS JOIN LATERAL unnest(ARRAY[pair_low_id, pair_high_id]) AS user_id
    WHERE kind = 'pair' AND NOT EXISTS (SELECT FROM pair WHERE pair.id = channels.id)
    """,
)

_AUDIT: LiteralString = """
    INSERT INTO audit_log (space_id, actor_id, action, created_at)
    SELECT belonging.space_id, belonging.user_id, 'member.kick',
        timestamptz '2024-01-01 00:00Z' + n * interval '1 minute'
    FROM belonging
    CROSS JOIN generate_series(1, 100) AS n
    WHERE belonging.k = 1
"""

# An index that is made at the end is made many times faster than one that grows.
_LATER: LiteralString = """
    SELECT
        pg_get_indexdef(indexrelid),
        format('DROP INDEX %%s', indexrelid::regclass)
    FROM pg_index
    WHERE
        indrelid IN (
            'messages'::regclass, 'mentions'::regclass, 'reactions'::regclass,
            'message_attachments'::regclass
        )
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
"""


@dataclass(frozen=True, slots=True)
class Community:
    """Who is where in it."""

    # In a hundred servers, with two thousand channels; in the giant one as asked for.
    viewer_id: UUID
    # The server with everybody, and its channel with the most messages.
    server_id: UUID
    channel_id: UUID
    last_seq: int
    # A server that the viewer is in and in which little is said, and one of its channels; where
    # there is one server, that one.
    quiet_server_id: UUID
    quiet_channel_id: UUID
    # The conversation with the most messages.
    conversation_id: UUID
    conversation_last_seq: int
    # Owns `server_id`.
    owner_id: UUID


# In `look_up`: who has every role of the giant server, and who has three.
OF_EVERY_ROLE = "sailor_0"
OF_THREE_ROLES = "sailor_2"


def fill(session: Session, *, messages: int, is_giant: bool = False) -> Community:
    """Write some `messages` messages, and all that belongs to them, into empty tables.

    In 1,500 servers, or in one of 20,000 members at its limits.
    """
    with session.transaction():
        write(session, messages=messages, is_giant=is_giant)
    session.execute("VACUUM ANALYZE")
    return look_up(session)


def write(session: Session, *, messages: int, is_giant: bool = False) -> None:
    """Do the same in a transaction of the caller's."""
    session.execute("SET LOCAL session_replication_role = replica")
    session.execute("SET LOCAL maintenance_work_mem = '256MB'")
    session.execute("SET LOCAL synchronous_commit = off")
    place, channels = (_GIANT, _GIANT_CHANNELS) if is_giant else (_MANY, _MANY_CHANNELS)
    for statement in (place, *_PEOPLE, *_MEMBERS, *channels):
        session.execute(statement)
    session.execute("ANALYZE person, place, belonging, channels, roles")
    later = session.execute(_LATER, {}).fetchall()
    for _, drop in later:
        session.execute(drop)
    for statement in (*_MESSAGES, *_CONVERSATIONS):
        session.execute(statement, {"messages": messages} if "%(" in statement else None)
    session.execute(_AUDIT)
    for create, _ in later:
        session.execute(create)
    session.execute("DROP TABLE person, place, belonging, row_of, pair")
    session.execute("ANALYZE")


def look_up(session: Session, *, viewer: str = "sailor_0") -> Community:
    """Return who is where, from a database that `fill` has filled."""
    row = session.execute(
        """
        SELECT
            viewer.id, big.space_id, big.channel_id, big.last_seq, quiet.space_id, quiet.id,
            pair.channel_id, pair.last_seq, server.owner_id
        FROM (SELECT id FROM users WHERE username = %s) AS viewer
        CROSS JOIN (
            SELECT *
            FROM channel_counters
            WHERE space_id <> channel_id
            ORDER BY last_seq DESC
            LIMIT 1
        ) AS big
        CROSS JOIN (
            SELECT channels.*
            FROM channels
            INNER JOIN servers ON servers.space_id = channels.space_id
            WHERE channels.name = 'pier 1'
            ORDER BY servers.name = 'Harbour 99' DESC
            LIMIT 1
        ) AS quiet
        CROSS JOIN (
            SELECT *
            FROM channel_counters
            WHERE space_id = channel_id
            ORDER BY last_seq DESC
            LIMIT 1
        ) AS pair
        INNER JOIN servers AS server ON server.space_id = big.space_id
        """,
        [viewer],
    ).fetchone()
    assert row is not None, "this database has not been filled"
    return Community(*row)
