"""Whether the reads and the same by hand return equal rows, in random servers and conversations.

The servers are those of the tests of permissions; here people write, answer, react, name each other
and read in them, and then some of it is deleted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from random import Random
from typing import LiteralString
from uuid import UUID

from django.db import connection

from chat.db.statements import Statement
from tests.access.servers import random_conversations, random_servers
from tests.access.storage import store
from tests.benchmarks.reads import (
    Read,
    conversations,
    mentioned,
    overview,
    page,
    permission,
    search,
    visible,
)
from tests.factories import as_superuser

_SOMEBODY: LiteralString = """
    WITH somebody AS (
        SELECT space_id, user_id, row_number() OVER (PARTITION BY space_id ORDER BY user_id) AS k
        FROM (
            SELECT space_id, user_id FROM server_members
            UNION ALL
            SELECT space_id, user_id FROM participants WHERE left_at IS NULL
        ) AS present
    )
"""
_TALK: tuple[LiteralString, ...] = (
    "UPDATE users SET display_name = 'Sailor ' || username WHERE username LIKE '%3'",
    "UPDATE server_members SET nickname = 'Mate' WHERE hashtext(user_id::text) % 3 = 0",
    _SOMEBODY
    + """
    INSERT INTO messages (space_id, channel_id, author_id, content, reply_to_seq)
    SELECT
        counter.space_id, counter.channel_id, author.user_id, 'ahoy w' || n % 3,
        CASE WHEN n > 3 THEN n - 2 END
    FROM channel_counters AS counter
    CROSS JOIN generate_series(1, 6) AS n
    CROSS JOIN LATERAL (
        SELECT user_id FROM somebody WHERE space_id = counter.space_id
        ORDER BY (k * 7 + n) % 5, k LIMIT 1
    ) AS author
    WHERE NOT counter.closed AND hashtext(counter.channel_id::text) % 4 > 0
    ORDER BY counter.channel_id, n
    """,
    _SOMEBODY
    + """
    INSERT INTO reactions (space_id, message_id, user_id, emoji)
    SELECT message.space_id, message.id, person.user_id, emoji
    FROM messages AS message
    INNER JOIN somebody AS person ON person.space_id = message.space_id AND person.k <= message.seq
    CROSS JOIN unnest(ARRAY['⚓', '👍', ':x_x:']) AS emoji
    WHERE message.seq % 2 = 0 AND hashtext(emoji || person.user_id) % 2 = 0
    """,
    """
    INSERT INTO message_attachments (
        space_id, message_id, uploader_id, position, filename, content_type, size_bytes, sha256,
        storage_key, width
    )
    SELECT
        space_id, id, author_id, place, 'chart.png', 'image/png', 10, sha256(id::text::bytea),
        id || '/' || place, NULLIF(place, 0)
    FROM messages CROSS JOIN generate_series(0, 1) AS place
    WHERE seq % 3 = 0
    """,
    _SOMEBODY
    + """
    INSERT INTO mentions (space_id, channel_id, seq, user_id)
    SELECT message.space_id, message.channel_id, message.seq, person.user_id
    FROM messages AS message
    INNER JOIN somebody AS person
        ON person.space_id = message.space_id AND (person.k + message.seq) % 4 = 0
    """,
    """
    INSERT INTO mentions (space_id, channel_id, seq, role_id)
    SELECT message.space_id, message.channel_id, message.seq, role.id
    FROM messages AS message
    INNER JOIN roles AS role
        ON role.space_id = message.space_id AND (role.position + message.seq) % 3 = 0
    """,
    """
    INSERT INTO mentions (space_id, channel_id, seq)
    SELECT space_id, channel_id, seq FROM messages WHERE seq = 4
    """,
    # Somebody is let in after what was said.
    "UPDATE roles SET permissions = permissions | 66560 WHERE hashtext(id::text) % 3 = 0",
    """
    UPDATE channel_permissions SET allow = allow | 66560, deny = deny & ~66560::bigint
    WHERE role_id IS NOT NULL AND hashtext(id::text) % 3 = 0
    """,
    _SOMEBODY
    + """
    INSERT INTO read_states (space_id, channel_id, user_id, last_read_seq, notify)
    SELECT counter.space_id, counter.channel_id, person.user_id,
        (counter.last_seq * (person.k % 4)) / 3 * (person.k % 4 < 3)::integer, 'mentions'
    FROM channel_counters AS counter
    INNER JOIN somebody AS person USING (space_id)
    WHERE person.k % 3 > 0
    ON CONFLICT (space_id, user_id, channel_id) DO UPDATE SET last_read_seq = 3
    WHERE read_states.last_read_seq > 3
    """,
    "UPDATE messages SET pinned_at = now() WHERE seq = 2",
    "UPDATE messages SET content = 'words w1' WHERE seq = 5",
    "UPDATE messages SET deleted_at = now() WHERE hashtext(id::text) % 4 = 0",
    "SET LOCAL chat.purge = 'on'",
    "DELETE FROM messages WHERE seq = 1 AND hashtext(channel_id::text) % 5 = 1",
    "DELETE FROM messages WHERE seq = 5 AND hashtext(channel_id::text) % 3 = 1",
    "SET LOCAL chat.purge = 'off'",
    "SET LOCAL chat.import = 'on'",
    _SOMEBODY
    + """
    INSERT INTO messages (space_id, channel_id, seq, author_id, content, created_at)
    SELECT counter.space_id, counter.channel_id, counter.last_seq + n, author.user_id, 'w0', now()
    FROM channel_counters AS counter
    INNER JOIN somebody AS author ON author.space_id = counter.space_id AND author.k = 1
    CROSS JOIN generate_series(1, 2) AS n
    WHERE NOT counter.closed AND hashtext(counter.channel_id::text) % 3 = 0
    ORDER BY counter.channel_id, n
    """,
    "SET LOCAL chat.import = 'off'",
    "UPDATE channels SET archived_at = now() WHERE hashtext(id::text) % 5 = 0",
    "UPDATE channels SET deleted_at = now() WHERE hashtext(id::text) % 7 = 0",
)


_WINDOWS: tuple[dict[str, int], ...] = ({}, {"before": 5}, {"after": 2}, {"around": 3})


def check_equality(*, seed: int) -> Counter[str]:
    """Make a random community, and return how many reads of each kind had rows, all of them equal.

    To be called in a transaction.

    Raises: RuntimeError, when a read and the same by hand return different rows.
    """
    servers = random_servers(seed=seed, count=6, users=60)
    users = sorted({member.user_id for server in servers for member in server.members})
    talks = random_conversations(seed=seed, count=40, user_ids=users)
    store(servers, talks)
    # Only the owner of the tables may purge.
    with as_superuser(), connection.cursor() as cursor:
        for statement in _TALK:
            cursor.execute(statement)
    rng = Random(seed)
    places = [
        (server.id, channel.id, [member.user_id for member in server.members])
        for server in servers
        for channel in server.channels
    ] + [(talk.id, talk.id, talk.present) for talk in talks]
    had_rows: Counter[str] = Counter()
    for read in _reads(rng, users, places):
        expected = read.ours()
        by_hand = read.of_rows(Statement(read.sql_by_hand).tuples(read.params, using="default"))
        if by_hand != expected:
            raise RuntimeError(
                f"{read.name} of {read.params} with the seed {seed}: by hand\n{by_hand}\n"
                f"and not\n{expected}"
            )
        had_rows[read.by_hand] += any(expected)
    return had_rows


def _reads(
    rng: Random, users: list[UUID], places: list[tuple[UUID, UUID, Sequence[UUID]]]
) -> Iterator[Read]:
    for user in rng.sample(users, 20):
        yield overview(user)
        yield visible(user)
        yield mentioned(user)
        yield conversations(user)
    for n in range(240):
        space, channel, people = rng.choice(places)
        user = rng.choice(people or users) if rng.random() < 0.9 else rng.choice(users)
        yield permission(user, channel)
        if n % 4 > 0:
            continue
        for at in _WINDOWS:
            yield page(user, channel, at, limit=rng.randint(2, 7))
        if space != channel:
            for word in ("w0", "w1", "ahoy"):
                yield search(user, space, word)
