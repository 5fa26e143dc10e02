"""What a send touches: pages, and no table from end to end, with a plan for these values or any."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import pytest
from pytest_django import DjangoDbBlocker

from chat.services.messages import sending
from tests.access.plans import Full, Plan, explain, full_database
from tests.concurrency.connections import connect

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("it counts pages of the one statement that a send is on one machine"),
]

BIG = {
    "channel_counters",
    "channel_permissions",
    "channels",
    "member_roles",
    "mentions",
    "message_attachments",
    "messages",
    "participants",
    "read_states",
    "roles",
    "server_members",
    "users",
}
# 60 are needed: half of them for the permissions, and the others for a message and its indexes.
PAGES_OF_A_SEND = 90
PAGES_OF_A_REFUSAL = 60
# What the statement writes beside the message is counted apart, and not in this.
PAGES_OF_A_SEND_WITH_ALL = 110
# The statements within channel_permissions and the triggers are then planned each time too, and the
# planner looks for the ends of an index among dead rows on up to 100 pages each.
PAGES_OF_PLANNING = {"force_custom_plan": 700, "force_generic_plan": 0}

for_any_plan = pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])

# Past the triggers and the keys, as a restored dump: 40,000 messages in the channel, 10,000 by its
# author, and 2,000 files.
_ROWS: tuple[LiteralString, ...] = (
    "SET LOCAL ROLE none",
    "SET LOCAL session_replication_role = replica",
    """
    INSERT INTO messages (space_id, channel_id, seq, author_id, content)
    SELECT %(server)s, %(channel)s, n, CASE n %% 4 WHEN 0 THEN %(author)s::uuid ELSE uuidv7() END,
        'message ' || n
    FROM generate_series(1, 40000) AS n
    """,
    """
    INSERT INTO message_attachments (
        space_id, uploader_id, filename, content_type, size_bytes, sha256, storage_key
    )
    SELECT %(server)s, %(author)s, 'chart.png', 'image/png', 1, sha256('x'), 'key/' || n
    FROM generate_series(1, 2000) AS n
    """,
    """
    INSERT INTO read_states (space_id, user_id, channel_id, last_read_seq, last_sent_at)
    SELECT %(server)s, user_id, %(channel)s, 40000, now()
    FROM server_members
    WHERE space_id = %(server)s
    """,
    "UPDATE channel_counters SET last_seq = 40000 WHERE channel_id = %(channel)s",
    "SET LOCAL session_replication_role = origin",
    "ANALYZE messages, message_attachments, mentions, read_states",
    "RESET ROLE",
)
_VACUUM: LiteralString = "VACUUM messages, message_attachments, mentions, read_states"


# Each parameter, and its type as the services send it.
_PLAIN = {
    "id": "uuid",
    "author": "uuid",
    "channel": "uuid",
    "content": "text",
    "needed": "bigint",
}
_RICH = {
    "reply_to": "uuid",
    "files": "uuid[]",
    "users": "uuid[]",
    "roles": "uuid[]",
    "everyone": "boolean",
}
_NEEDED = 2048
_ALL_NEEDED = 2048 + 32768 + 65536


@dataclass(frozen=True, slots=True)
class Busy:
    """A busy channel of a big server, and a member with a few roles who writes in it."""

    full: Full
    author_id: UUID


@pytest.fixture(scope="module")
def busy(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Busy]:
    with django_db_blocker.unblock(), connect() as vacuum:
        with full_database() as full:
            author = _ask(
                full,
                "SELECT user_id FROM member_roles WHERE space_id = %s LIMIT 1",
                full.crowd_id,
            )
            place = {
                "server": full.crowd_id,
                "channel": full.channel_in_crowd_id,
                "author": author,
            }
            for statement in _ROWS:
                full.session.execute(statement, place if "%(" in statement else None)
            _prepare(full, "send", sending._SEND.sql, _PLAIN)
            _prepare(full, "send_rich", sending._SEND_RICH.sql, _PLAIN | _RICH)
            yield Busy(full, author)
        vacuum.execute(_VACUUM)


@for_any_plan
def test_a_send_touches_few_pages(busy: Busy, mode: LiteralString) -> None:
    plan = _send(busy, mode=mode)

    assert plan.rows == 1
    assert plan.scanned_whole & BIG == set(), plan.text
    assert plan.pages <= PAGES_OF_A_SEND + PAGES_OF_PLANNING[mode], plan.text


@for_any_plan
def test_slow_mode_looks_at_the_last_message_of_the_author_alone(
    busy: Busy, mode: LiteralString
) -> None:
    with busy.full.session.transaction(force_rollback=True):
        busy.full.session.execute(
            "UPDATE channels SET slowmode_seconds = 21600 WHERE id = %s",
            [busy.full.channel_in_crowd_id],
        )

        plan = _send(busy, mode=mode)

    assert plan.rows == 0
    assert plan.scanned_whole & BIG == set(), plan.text
    assert plan.pages <= PAGES_OF_A_REFUSAL + PAGES_OF_PLANNING[mode], plan.text


@for_any_plan
def test_a_send_with_all_that_belongs_to_one_touches_few_pages(
    busy: Busy, mode: LiteralString
) -> None:
    full = busy.full
    answered = _ask(full, "SELECT id FROM messages WHERE space_id = %s AND seq = 9", full.crowd_id)
    file = _ask(full, "SELECT id FROM message_attachments WHERE storage_key = %s", "key/1000")
    named = _ask(
        full,
        "SELECT (array_agg(user_id))[1:3] FROM server_members WHERE space_id = %s",
        full.crowd_id,
    )
    params = [busy.author_id, full.channel_in_crowd_id, "ahoy", _ALL_NEEDED, answered]

    plan = explain(
        full.session,
        "send_rich (uuidv7(), %s, %s, %s, %s, %s, %s::uuid[], %s::uuid[], '{}', true)",
        [*params, [file], named],
        mode=mode,
    )

    assert plan.rows == 1
    assert plan.scanned_whole & BIG == set(), plan.text
    assert plan.pages <= PAGES_OF_A_SEND_WITH_ALL + PAGES_OF_PLANNING[mode], plan.text


@pytest.mark.parametrize("sql", [sending._SEND.sql, sending._SEND_RICH.sql])
def test_each_table_of_a_space_is_asked_with_the_space(sql: str) -> None:
    tables = re.findall(r"(?:FROM|JOIN|UPDATE) public\.(\w+)", sql)

    # The channel alone is known by its id, from which the space is read; users are of no space.
    asked = [table for table in tables if table not in {"channels", "users"}]
    assert len(re.findall(r"\bspace_id = ", sql)) == len(asked)


def _send(busy: Busy, *, mode: LiteralString) -> Plan:
    params = [busy.author_id, busy.full.channel_in_crowd_id, "ahoy", _NEEDED]
    return explain(busy.full.session, "send (uuidv7(), %s, %s, %s, %s)", params, mode=mode)


def _prepare(full: Full, name: LiteralString, sql: str, types: dict[str, str]) -> None:
    for number, parameter in enumerate(types, 1):
        sql = sql.replace(f"%({parameter})s", f"${number}")
    full.session.execute(f"PREPARE {name} ({', '.join(types.values())}) AS {sql}")


def _ask(full: Full, statement: LiteralString, *params: object) -> Any:
    row = full.session.execute(statement, params).fetchone()
    assert row is not None
    return row[0]
