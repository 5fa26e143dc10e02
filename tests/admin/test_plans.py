"""What lists touch when there are many rows: about a page of them, never the table."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import Channel, DirectConversation, DirectMessage, Message, Server, User
from tests.admin.pages import page
from tests.chat.sql import execute
from tests.factories import as_superuser

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("it reads plans, which are those of each part"),
]

# 50, and one to know whether there is more; but where there are 200 at all, they may be sorted.
ROWS_OF_A_PAGE = 200

# 200 users; 3,000 conversations with a message each, but 6,000 in one of them; 20 servers of five
# channels with 200 messages each, but 20,000 in one of them.
FILL = """
SET LOCAL session_replication_role = replica;
INSERT INTO users (username) SELECT 'sailor_' || n FROM generate_series(1, 200) AS n;
INSERT INTO channels (id, space_id, kind, pair_low_id, pair_high_id, name)
SELECT pair.id, pair.id, 'pair', low, high, ''
FROM (
    SELECT direct_pair_id(one.id, other.id) AS id, one.id AS low, other.id AS high
    FROM users AS one INNER JOIN users AS other ON other.id > one.id
    LIMIT 3000
) AS pair;
INSERT INTO messages (space_id, channel_id, seq, author_id, content)
SELECT
    id, id, n, (SELECT id FROM users WHERE username = 'sailor_1'),
    'ahoy ' || n || CASE WHEN mod(n, 1000) = 3 THEN ' treasure' ELSE '' END
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM channels) AS pair
CROSS JOIN LATERAL generate_series(1, CASE WHEN number = 1 THEN 6000 ELSE 1 END) AS n;
INSERT INTO servers (id, space_id, name, owner_id)
SELECT made.id, made.id, 'Harbour ' || n, (SELECT id FROM users ORDER BY id LIMIT 1)
FROM (SELECT n, uuidv7() AS id FROM generate_series(1, 20) AS n) AS made;
INSERT INTO channels (space_id, server_id, name)
SELECT id, id, 'pier-' || n FROM servers CROSS JOIN generate_series(1, 5) AS n;
INSERT INTO messages (space_id, channel_id, seq, author_id, content, deleted_at, pinned_at)
SELECT
    channel.space_id,
    channel.id,
    n,
    author.id,
    'ahoy ' || n || CASE WHEN mod(n, 5000) = 3 THEN ' treasure' ELSE '' END,
    CASE WHEN mod(n, 100) = 0 THEN now() END,
    CASE WHEN mod(n, 90) = 0 THEN now() END
FROM channels AS channel
INNER JOIN servers AS server ON server.id = channel.server_id
CROSS JOIN LATERAL generate_series(
    1, CASE WHEN server.name = 'Harbour 1' AND channel.name = 'pier-1' THEN 20000 ELSE 200 END
) AS n
INNER JOIN users AS author ON author.username = 'sailor_' || 1 + mod(n * 7, 200);
SET LOCAL session_replication_role = origin;
SELECT gin_clean_pending_list('messages_search_ix');
ANALYZE users, servers, channels, messages;
"""


@as_superuser()
def fill() -> None:
    for statement in FILL.split(";\n"):
        execute(statement)


def test_lists_of_messages_touch_about_a_page_of_rows(admin_client: Client) -> None:
    fill()
    busy = Channel.objects.select_related("server").get(name="pier-1", server__name="Harbour 1")
    quiet = Channel.objects.select_related("server").get(name="pier-2", server__name="Harbour 7")
    author = User.objects.get(username="sailor_42")

    asked: list[dict[str, object]] = [{}, {"author": author.pk}]
    for channel in (busy, quiet):
        asked += [
            {"server": channel.server_id},
            {"channel": channel.pk},
            {"channel": channel.pk, "after": "100"},
            {"channel": channel.pk, "author": author.pk},
            {"server": channel.server_id, "author": author.pk},
            {"channel": channel.pk, "only": "deleted"},
        ]
    touched = {str(each): rows_touched(admin_client, Message, each) for each in asked}

    assert {each: rows for each, rows in touched.items() if rows > ROWS_OF_A_PAGE} == {}


def test_words_are_met_from_the_newest_on_or_found_by_their_index(admin_client: Client) -> None:
    fill()
    busy = Server.objects.get(name="Harbour 1")

    touched = {
        words: rows_touched(admin_client, Message, {"server": busy.pk, "q": words})
        for words in ("ahoy", "treasure", "nowhere")
    }

    # Of 20,800 messages; the eight with the treasure twice, for their ids and for the page.
    assert touched["ahoy"] <= ROWS_OF_A_PAGE
    assert (touched["treasure"], touched["nowhere"]) == (16, 0)


def test_servers_are_listed_without_the_pairs_above_them(admin_client: Client) -> None:
    """Most pairs have ids above all others: they are made of chance, the others of time."""
    fill()
    execute(
        "INSERT INTO channels (space_id, server_id, name) "
        "SELECT id, id, 'quay-' || n FROM servers CROSS JOIN generate_series(1, 200) AS n"
    )
    with as_superuser():
        execute("ANALYZE channels")

    assert 50 <= rows_touched(admin_client, Channel, {}) <= ROWS_OF_A_PAGE


def test_lists_of_a_conversation_touch_about_a_page_of_rows(admin_client: Client) -> None:
    fill()
    busy = min(conversation.pk for conversation in DirectConversation.objects.all())

    touched = [
        rows_touched(admin_client, DirectMessage, {"conversation": busy, **more})
        for more in ({}, {"after": "1000"}, {"q": "ahoy"}, {"q": "treasure"})
    ]

    # Of 6,000 messages; the six with the treasure twice, as above.
    assert all(50 <= rows <= ROWS_OF_A_PAGE for rows in touched[:3])
    assert touched[3] == 12


def rows_touched(client: Client, model: type[Model], asked: dict[str, object]) -> int:
    """Return how many rows of its table the statements of a list read, those thrown away too."""
    table = model._meta.db_table
    with CaptureQueriesContext(connection) as captured:
        client.get(page(model, "changelist"), {name: str(value) for name, value in asked.items()})
    return sum(
        int((node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"])
        for query in captured.captured_queries
        if f'FROM "{table}"' in query["sql"] and query["sql"].startswith("SELECT")
        for node in nodes(plan_of(query["sql"]))
        if node.get("Relation Name") == table
    )


def plan_of(statement: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}")
        (found,) = cursor.fetchone()
    plan: dict[str, Any] = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)
