"""A database with enough rows for the planner to choose, and what its plans touch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
from django.db import connection

from chat.db.statements import read_sql

ONE_CHANNEL: LiteralString = (
    "SELECT permissions FROM channel_access "
    "WHERE user_id = $1 AND space_id = $2 AND channel_id = $3"
)
BY_FUNCTION: LiteralString = "SELECT channel_permissions($1, $2, $3)"
# 10,000 users; 300 servers of 60 members, 10 roles and 40 channels, a quarter of them threads;
# user_0 in twenty of these. And the crowd: 5,000 members, each role held by one in four.
_ROWS: Sequence[LiteralString] = (
    """
    INSERT INTO users (username) SELECT 'user_' || n FROM generate_series(0, 9999) AS n
    """,
    """
    CREATE TEMPORARY TABLE place ON COMMIT DROP AS
    SELECT n, uuidv7() AS id, CASE n WHEN 0 THEN 5000 ELSE 60 END AS size
    FROM generate_series(0, 300) AS n
    """,
    """
    CREATE TEMPORARY TABLE belonging ON COMMIT DROP AS
    SELECT place.n AS s, place.id AS space_id, person.n AS p, person.id AS user_id
    FROM place
    CROSS JOIN LATERAL generate_series(0, place.size - 1) AS k
    INNER JOIN (SELECT substr(username, 6)::integer AS n, id FROM users) AS person
        ON person.n = CASE
            WHEN k = 0 AND place.n <= 20 THEN 0 ELSE 1 + (place.n * 7919 + k * 37) % 9999
        END
    """,
    """
    INSERT INTO servers (id, space_id, name, owner_id)
    SELECT space_id, space_id, 'Server', min(user_id::text) FILTER (WHERE p > 0)::uuid
    FROM belonging GROUP BY space_id
    """,
    """
    INSERT INTO server_members (space_id, user_id) SELECT space_id, user_id FROM belonging
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO roles (space_id, name, position, permissions)
    SELECT id, 'role', k, CASE k WHEN 0 THEN 274878008384 ELSE 64 END
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
            AND (belonging.p + role.position) % 4 = 0
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, position)
    SELECT id, id, 'channel', CASE k % 5 WHEN 0 THEN 'voice' ELSE 'text' END, k
    FROM place CROSS JOIN generate_series(1, 30) AS k
    """,
    """
    INSERT INTO channels (space_id, server_id, name, kind, parent_id)
    SELECT space_id, space_id, 'thread', 'thread', id FROM channels WHERE position % 3 = 0
    """,
    """
    INSERT INTO channel_permissions (space_id, channel_id, role_id, allow, deny)
    SELECT channel.space_id, channel.id, role.id, 2048, 16384
    FROM channels AS channel
    INNER JOIN roles AS role
        ON role.space_id = channel.space_id AND role.position <= 2
    WHERE channel.position % 2 = 0
    """,
    """
    INSERT INTO channel_permissions (space_id, channel_id, user_id, allow, deny)
    SELECT channel.space_id, channel.id, belonging.user_id, 2048, 16384
    FROM channels AS channel
    INNER JOIN belonging
        ON
            belonging.space_id = channel.space_id
            AND belonging.p % 50 = channel.position
    WHERE channel.position % 4 = 1
    """,
    "ANALYZE",
)
_FILLED: LiteralString = (
    "VACUUM users, servers, server_members, roles, member_roles, channels, channel_counters, "
    "channel_permissions"
)


@dataclass(frozen=True, slots=True)
class Full:
    """A session in which the database is full, and who is asked about there."""

    session: psycopg.Connection[tuple[Any, ...]]
    member_id: UUID
    channel_id: UUID
    server_id: UUID
    crowd_id: UUID
    channel_in_crowd_id: UUID


@dataclass(frozen=True, slots=True)
class Plan:
    """What a statement did."""

    rows: int
    pages: int
    scanned_whole: frozenset[str]
    # What each scan of a table asks for.
    conditions: tuple[tuple[str, str], ...]
    text: str


@contextmanager
def full_database() -> Iterator[Full]:
    """Fill the test database in one transaction, and leave it as it was."""
    params = connection.get_connection_params()
    where = {k: params[k] for k in ("host", "port", "user", "password", "dbname") if k in params}
    session = psycopg.connect(**where, cursor_factory=psycopg.ClientCursor, autocommit=True)
    with session:
        with session.transaction(force_rollback=True):
            for statement in _ROWS:
                session.execute(statement)
            session.execute(f"PREPARE one_channel (uuid, uuid, uuid) AS {ONE_CHANNEL}")
            session.execute(f"PREPARE by_function (uuid, uuid, uuid) AS {BY_FUNCTION}")
            places = read_sql("queries/sql/places.sql")
            for number, name in enumerate(
                ("user", "first_space", "last_space", "with_archived"), start=1
            ):
                places = places.replace(f"%({name})s", f"${number}")
            session.execute(f"PREPARE places (uuid, uuid, uuid, boolean) AS {places}".encode())
            (member_id,) = _row(session, "SELECT id FROM users WHERE username = 'user_0'")
            yield Full(
                session,
                member_id,
                *_row(
                    session,
                    "SELECT channel.id, place.id FROM place "
                    "INNER JOIN channels AS channel ON channel.space_id = place.id "
                    "WHERE place.n = 7 AND channel.position = 10",
                ),
                *_row(
                    session,
                    "SELECT place.id, channel.id FROM place "
                    "INNER JOIN channels AS channel ON channel.space_id = place.id "
                    "WHERE place.n = 0 AND channel.position = 10",
                ),
            )
        # The rows are gone, their pages and the statistics not: others measure here as well.
        session.execute(_FILLED)


def explain(
    session: psycopg.Connection[tuple[Any, ...]],
    statement: LiteralString,
    params: Sequence[object],
    *,
    mode: LiteralString,
) -> Plan:
    """Run a prepared statement, twice so that all is warm, and return what the second one did.

    What it writes is undone each time.
    """
    session.execute(f"SET LOCAL plan_cache_mode = {mode}")
    for _ in range(2):
        with session.transaction(force_rollback=True):
            (found,) = _row(
                session,
                f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) EXECUTE {statement}",
                params,
            )
    (top,) = found
    nodes = list(_nodes(top["Plan"]))
    return Plan(
        rows=top["Plan"]["Actual Rows"],
        pages=top["Plan"]["Shared Hit Blocks"] + top["Plan"]["Shared Read Blocks"],
        scanned_whole=frozenset(
            node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"
        ),
        conditions=tuple(
            (
                node["Relation Name"],
                " ".join(node.get(kind, "") for kind in ("Index Cond", "Recheck Cond", "Filter")),
            )
            for node in nodes
            if "Relation Name" in node
        ),
        text="\n".join(
            f"{node['Node Type']} {node.get('Index Name', node.get('Relation Name', ''))} "
            f"{node.get('Index Cond', '')} filter {node.get('Filter', '')[:120]} "
            f"pages {node['Shared Hit Blocks']}"
            for node in nodes
        ),
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _row(
    session: psycopg.Connection[tuple[Any, ...]],
    statement: LiteralString,
    params: Sequence[object] = (),
) -> tuple[Any, ...]:
    row = session.execute(statement, params).fetchone()
    assert row is not None, statement
    return row
