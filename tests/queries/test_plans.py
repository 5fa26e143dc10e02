"""What each statement costs: the indexes it goes along, and the pages it touches.

With a plan for these values and with one for any, for PostgreSQL chooses. Bounds on pages and not
on time, which other work on the machine would change; nothing here has been vacuumed yet, so an
index alone never answers, and a vacuumed database touches fewer.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from pytest_django import DjangoDbBlocker

from chat.db.distributed import without_marks
from chat.db.statements import read_sql
from chat.queries.source import FIRST, LAST, of_space
from tests.access.plans import Plan, explain
from tests.benchmarks.community import (
    COMMON_WORD,
    MIDDLING_WORD,
    OF_THREE_ROLES,
    RARE_WORD,
    Community,
    look_up,
    write,
)

# Without it there is no test database, and the rows would go into the other one.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("it counts pages and indexes of plans, which are those of each part"),
]

MESSAGES = 60_000
GIANT = "giant"
MODES: tuple[LiteralString, ...] = ("force_custom_plan", "force_generic_plan")

# Tables with many rows, each of one tenant.
OF_A_SPACE = {
    *("channel_counters", "channel_permissions", "channels", "member_roles", "mentions"),
    *("message_attachments", "messages", "reactions", "read_states", "roles"),
}
BIG = OF_A_SPACE | {"audit_log", "participants", "server_members", "users"}
# What may be asked without: the tenant of an id that the caller gave, by the primary key; and what
# a user has everywhere.
NEEDS_NO_TENANT = {"channels": r"\(id = ", "messages": r"\(id = ", "mentions": r"user_id = "}

FLAGS = ("has_file", "has_link", "mentions_viewer", "is_pinned")
TYPES = {
    **dict.fromkeys((*FLAGS, "is_far", "with_archived", "has_conversations"), "boolean"),
    "text": "text",
    "emoji": "text",
    "ids": "uuid[]",
    "spaces": "uuid[]",
    "before_at": "timestamptz",
    "after_at": "timestamptz",
    "limit": "bigint",
    "upto": "bigint",
    "older": "bigint",
    "newer": "bigint",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A session in which the database is full, who is asked about, and what is prepared."""

    session: psycopg.Connection[tuple[Any, ...]]
    community: Community
    message_id: UUID

    def plan(self, name: str, *, mode: LiteralString, **params: object) -> Plan:
        """Prepare the statement in sql/`name`.sql, and return what it does with these values."""
        return explain(self.session, *self.prepare(name, **params), mode=mode)

    def prepare(self, name: str, **params: object) -> tuple[Any, list[object]]:
        """Prepare the statement in sql/`name`.sql; return how it is called, and the values."""
        names: list[str] = []
        space = params.get("space")
        known = (
            self.usual()
            | (of_space(space, with_archived=True) if isinstance(space, UUID) else {})
            | params
        )

        def number(placeholder: re.Match[str]) -> str:
            if placeholder[1] not in names:
                names.append(placeholder[1])
            return f"${names.index(placeholder[1]) + 1}"

        written = without_marks(read_sql(f"queries/sql/{name}.sql"))
        sql = re.sub(r"%\((\w+)\)s", number, written)
        types = ", ".join(TYPES.get(name, "uuid") for name in names)
        self.session.execute("DEALLOCATE ALL")
        self.session.execute(f"PREPARE {name} ({types}) AS {sql}".encode())
        places = ", ".join(["%s"] * len(names))
        return f"{name} ({places})", [known[name] for name in names]

    def search(self, word: str, *, mode: LiteralString, **params: object) -> Plan:
        """Return what a search in the largest server does, or where `params` say."""
        where = {"space": self.community.server_id, "channel": None}
        return self.plan(
            "search_messages", mode=mode, **(where | {"limit": 25} | params), text=word
        )

    def usual(self) -> dict[str, object]:
        at = self.community
        return {
            "viewer": at.viewer_id,
            "user": at.viewer_id,
            "server": at.server_id,
            "space": None,
            **of_space(None, with_archived=True),
            "channel": at.channel_id,
            "message": self.message_id,
            "ids": [self.message_id],
            "spaces": [at.server_id],
            "author": None,
            "emoji": "⚓",
            "after": UUID(int=0),
            "before_at": LAST.at,
            "before_id": LAST.id,
            "after_at": FIRST.at,
            "after_id": FIRST.id,
            "has_conversations": True,
            "limit": 50,
            **dict.fromkeys((*FLAGS, "is_far"), False),
        }


@pytest.fixture(scope="module")
def asked(
    request: pytest.FixtureRequest, django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Asked]:
    """Fill the database: with 1,500 servers, or with one at its limits where the test says so."""
    with django_db_blocker.unblock():
        params = connection.get_connection_params()
        where = {
            k: params[k] for k in ("host", "port", "user", "password", "dbname") if k in params
        }
        session = psycopg.connect(**where, cursor_factory=psycopg.ClientCursor, autocommit=True)
        with session:
            # As below: of the rows of others, too.
            session.execute("VACUUM")
            with session.transaction(force_rollback=True):
                is_giant = getattr(request, "param", None) == GIANT
                write(session, messages=MESSAGES // 10 if is_giant else MESSAGES, is_giant=is_giant)
                community = look_up(session)
                row = session.execute(
                    "SELECT id FROM messages WHERE space_id = %s AND channel_id = %s AND seq = 61",
                    [community.server_id, community.channel_id],
                ).fetchone()
                assert row is not None
                yield Asked(session, community, row[0])
            # The rows are gone, their pages and the statistics not: others measure here as well.
            session.execute("VACUUM")


def assert_cheap(plan: Plan, *, pages: int) -> None:
    """Assert that no big table is read whole, that each is asked by tenant, and the bound."""
    assert plan.scanned_whole & BIG == set(), plan.text
    assert [
        (table, condition)
        for table, condition in plan.conditions
        if table in OF_A_SPACE
        and "space_id" not in condition
        and not re.search(NEEDS_NO_TENANT.get(table, "(?!)"), condition)
    ] == [], plan.text
    assert plan.pages <= pages


for_any_plan = pytest.mark.parametrize("mode", MODES)


@for_any_plan
@pytest.mark.parametrize(
    "window",
    [
        {"upto": 2**63 - 1, "older": 50, "newer": 0},
        {"older": 50, "newer": 0},
        {"older": 0, "newer": 50},
        {"older": 25, "newer": 25},
    ],
    ids=["newest", "before", "after", "around"],
)
@pytest.mark.parametrize("place", ["channel", "conversation"])
def test_page_of_messages(
    asked: Asked, place: str, window: dict[str, int], mode: LiteralString
) -> None:
    at = asked.community
    channel_id, last_seq = {
        "channel": (at.channel_id, at.last_seq),
        "conversation": (at.conversation_id, at.conversation_last_seq),
    }[place]

    plan = asked.plan(
        "message_page", mode=mode, **({"channel": channel_id, "upto": last_seq // 2} | window)
    )

    assert plan.rows == 50
    assert "messages_seq_uq" in plan.text
    assert_cheap(plan, pages=900)


@for_any_plan
@pytest.mark.parametrize("place", ["channel_id", "conversation_id"])
def test_pins(asked: Asked, place: str, mode: LiteralString) -> None:
    plan = asked.plan("message_pins", mode=mode, limit=10, channel=getattr(asked.community, place))

    assert "messages_pinned_ix" in plan.text
    assert_cheap(plan, pages=220)


@for_any_plan
def test_messages_by_their_ids(asked: Asked, mode: LiteralString) -> None:
    at = asked.community
    ids = [
        row[0]
        for row in asked.session.execute(
            "SELECT id FROM messages WHERE space_id = %s AND channel_id = %s AND seq %% 40 = 3 "
            "ORDER BY seq LIMIT 50",
            [at.server_id, at.channel_id],
        )
    ]

    found = asked.plan("readable_messages", mode=mode, ids=ids)
    read = asked.plan("message_rows", mode=mode, ids=ids, spaces=[at.server_id] * len(ids))

    assert (found.rows, read.rows) == (50, 50)
    assert_cheap(found, pages=300)
    assert_cheap(read, pages=1200)


@for_any_plan
def test_permissions(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("permissions_in", mode=mode)

    assert plan.rows == 1
    assert_cheap(plan, pages=40)


@for_any_plan
def test_visible_channels(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("visible_channels", mode=mode)

    assert plan.rows == 2000
    assert_cheap(plan, pages=14000)


@for_any_plan
def test_visible_channels_of_a_server(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("visible_channels", mode=mode, space=asked.community.server_id)

    assert plan.rows == 20
    assert_cheap(plan, pages=300)


@for_any_plan
def test_unread_overview(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("unread_overview", mode=mode)

    assert plan.rows == 2200
    for index in (
        "messages_deleted_ix",
        "mentions_user_ix",
        "mentions_shared_ix",
    ):
        assert index in plan.text
    assert_cheap(plan, pages=32000)


@for_any_plan
def test_page_of_own_servers_and_conversations(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("own_spaces", mode=mode)

    assert plan.rows == 50
    assert_cheap(plan, pages=160)


@for_any_plan
def test_archived_threads(asked: Asked, mode: LiteralString) -> None:
    with asked.session.transaction(force_rollback=True):
        asked.session.execute(
            """
            INSERT INTO channels (space_id, server_id, name, kind, parent_id, archived_at)
            SELECT space_id, server_id, 'thread', 'thread', id, now() - n * interval '1 hour'
            FROM channels
            CROSS JOIN generate_series(1, 2000) AS n
            WHERE id = %s
            """,
            [asked.community.channel_id],
        )
        # What a trigger does, and they rest here.
        asked.session.execute(
            """
            INSERT INTO channel_counters (space_id, channel_id, closed)
            SELECT space_id, id, TRUE FROM channels WHERE archived_at IS NOT NULL
            """
        )

        plan = asked.plan("archived_threads", mode=mode)

    assert plan.rows == 50
    assert_cheap(plan, pages=500)


@for_any_plan
def test_conversation_list(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("conversation_list", mode=mode)

    assert plan.rows == 50
    assert_cheap(plan, pages=2000)


@for_any_plan
def test_member_page(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("member_page", mode=mode)

    assert plan.rows == 50
    assert "server_members_joined_ix" in plan.text
    assert_cheap(plan, pages=900)


@for_any_plan
def test_inbox(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("mention_inbox", mode=mode, limit=10)

    assert plan.rows == 10
    assert_cheap(plan, pages=700)


@for_any_plan
def test_inbox_of_one_who_can_read_nothing_any_more(asked: Asked, mode: LiteralString) -> None:
    # Not the usual viewer, in whose part of the index the mentions would stay until a vacuum.
    user = asked.session.execute(
        "SELECT user_id FROM server_members WHERE user_id <> %s"
        " AND user_id NOT IN (SELECT owner_id FROM servers) LIMIT 1",
        [asked.community.viewer_id],
    ).fetchone()
    assert user is not None
    with asked.session.transaction(force_rollback=True):
        named = asked.session.execute(
            """
            INSERT INTO mentions (space_id, channel_id, seq, user_id)
            SELECT space_id, channel_id, seq, %s
            FROM messages
            WHERE deleted_at IS NULL AND space_id <> channel_id
            ON CONFLICT DO NOTHING
            """,
            user,
        )
        asked.session.execute("DELETE FROM server_members WHERE user_id = %s", user)
        # As after a vacuum.
        asked.session.execute(
            "UPDATE pg_class SET relallvisible = 100000 WHERE oid = 'mentions'::regclass"
        )

        plan = asked.plan("mention_inbox", mode=mode, limit=10, user=user[0], viewer=user[0])

    assert named.rowcount > 20_000
    assert plan.rows == 1
    # All of them in their order, and not sorted: it ends after 500.
    assert "Index Only Scan mentions_latest_ix" in plan.text
    assert_cheap(plan, pages=12_000)


@for_any_plan
def test_audit_page(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("audit_page", mode=mode, viewer=asked.community.owner_id)

    assert plan.rows == 50
    assert "audit_log_server_ix" in plan.text
    assert_cheap(plan, pages=100)


@for_any_plan
def test_reaction_users(asked: Asked, mode: LiteralString) -> None:
    plan = asked.plan("reaction_users", mode=mode)

    assert "reactions_uq" in plan.text
    assert_cheap(plan, pages=60)


@for_any_plan
@pytest.mark.parametrize(
    ("word", "pages"), [(COMMON_WORD, 550), (MIDDLING_WORD, 900), (RARE_WORD, 900)]
)
def test_search(asked: Asked, word: str, pages: int, mode: LiteralString) -> None:
    plan = asked.search(word, mode=mode)

    assert "messages_search_ix" in plan.text
    assert "messages_created_ix" in plan.text
    assert_cheap(plan, pages=pages)


@for_any_plan
def test_newest_messages_of_the_largest_server_are_not_sorted(
    asked: Asked, mode: LiteralString
) -> None:
    with asked.session.transaction(force_rollback=True):
        # As where the rows of a space lie anywhere: the planner would rather sort a few of them.
        asked.session.execute(
            """
            UPDATE pg_statistic
            SET
                stanumbers1 = CASE WHEN stakind1 = 3 THEN '{0}' ELSE stanumbers1 END,
                stanumbers2 = CASE WHEN stakind2 = 3 THEN '{0}' ELSE stanumbers2 END,
                stanumbers3 = CASE WHEN stakind3 = 3 THEN '{0}' ELSE stanumbers3 END
            FROM pg_attribute
            WHERE
                starelid = 'messages'::regclass AND attrelid = starelid AND attnum = staattnum
                AND attname = 'space_id'
            """
        )

        plan = asked.search(COMMON_WORD, mode=mode)

    assert_cheap(plan, pages=550)


@for_any_plan
def test_search_in_a_quiet_server(asked: Asked, mode: LiteralString) -> None:
    plan = asked.search(COMMON_WORD, mode=mode, space=asked.community.quiet_server_id)

    assert_cheap(plan, pages=900)


@for_any_plan
def test_search_in_a_conversation(asked: Asked, mode: LiteralString) -> None:
    place = asked.community.conversation_id

    plan = asked.plan(
        "search_messages", mode=mode, text=MIDDLING_WORD, channel=place, space=place, limit=25
    )

    assert_cheap(plan, pages=900)


@for_any_plan
@pytest.mark.parametrize("flag", FLAGS)
def test_search_narrowed_by_what_a_message_has(
    asked: Asked, flag: str, mode: LiteralString
) -> None:
    plan = asked.search(MIDDLING_WORD, mode=mode, **{flag: True})

    assert_cheap(plan, pages=3000)


@for_any_plan
def test_rare_word_is_looked_up_while_much_of_its_index_is_not_merged(
    asked: Asked, mode: LiteralString
) -> None:
    with asked.session.transaction(force_rollback=True):
        asked.session.execute("SELECT gin_clean_pending_list('messages_search_ix')")
        asked.session.execute("SET LOCAL session_replication_role = replica")
        asked.session.execute(
            """
            INSERT INTO messages (space_id, channel_id, seq, author_id, content, created_at)
            SELECT space_id, channel_id, seq + 1000000, author_id, content, created_at
            FROM messages
            WHERE deleted_at IS NULL AND space_id = %s
            LIMIT 3000
            """,
            [asked.community.server_id],
        )

        plan = asked.search(RARE_WORD, mode=mode)

    assert "messages_search_ix" in plan.text
    assert_cheap(plan, pages=900)


@for_any_plan
@pytest.mark.parametrize("word", [COMMON_WORD, MIDDLING_WORD, RARE_WORD])
def test_search_everywhere(asked: Asked, word: str, mode: LiteralString) -> None:
    # As after a VACUUM: while much of the index is not merged, a small space is sooner read whole.
    asked.session.execute("SELECT gin_clean_pending_list('messages_search_ix')")

    plan = asked.plan("search_everywhere", mode=mode, text=word, limit=25)

    assert "messages_created_ix" in plan.text
    assert "messages_search_ix" in plan.text
    # What shows all places is 14,000 of them.
    assert_cheap(plan, pages=32_000)


# What makes one of them a giant: more rows of its own than all others have together.
GIANTS: dict[str, LiteralString] = {
    "reactions to a message": """
        INSERT INTO reactions (space_id, message_id, user_id, emoji)
        SELECT message.space_id, message.id, person.id, chr(128511 + n)
        FROM messages AS message
        CROSS JOIN (SELECT id FROM users ORDER BY id LIMIT 5000) AS person
        CROSS JOIN generate_series(1, %(each)s) AS n
        WHERE message.id = %(message)s
    """,
    "mentions in a channel": """
        INSERT INTO mentions (space_id, channel_id, seq, user_id)
        SELECT message.space_id, message.channel_id, message.seq, person.id
        FROM messages AS message
        CROSS JOIN (SELECT id FROM users ORDER BY id LIMIT 5000) AS person
        WHERE message.channel_id = %(channel)s AND message.seq <= 4
        ON CONFLICT DO NOTHING
    """,
    "mentions of a user": """
        INSERT INTO mentions (space_id, channel_id, seq, user_id)
        SELECT message.space_id, message.channel_id, message.seq, server.owner_id
        FROM messages AS message
        INNER JOIN servers AS server ON server.space_id = %(server)s
        LIMIT 20000
        ON CONFLICT DO NOTHING
    """,
    "files of a server": """
        INSERT INTO message_attachments (
            space_id, message_id, uploader_id, position, filename, content_type, size_bytes,
            sha256, storage_key
        )
        SELECT
            server.space_id, NULL, server.owner_id, 0, 'chart.png', 'image/png', 1,
            sha256(n::text::bytea), 'giant/' || n
        FROM servers AS server
        CROSS JOIN generate_series(1, 20000) AS n
        WHERE server.space_id = %(server)s
    """,
    "revisions of a message": """
        INSERT INTO message_revisions (space_id, message_id, editor_id, version, content)
        SELECT message.space_id, message.id, message.author_id, n, 'ahoy'
        FROM messages AS message
        CROSS JOIN generate_series(1, 20000) AS n
        WHERE message.id = %(message)s
    """,
    "members of a server": """
        WITH crowd AS (
            INSERT INTO users (username)
            SELECT 'crowd_' || n FROM generate_series(1, 20000) AS n
            RETURNING id
        )
        INSERT INTO server_members (space_id, user_id)
        SELECT %(server)s, id FROM crowd
    """,
    "read marks in a server": """
        INSERT INTO read_states (space_id, user_id, channel_id, last_read_seq)
        SELECT channel.space_id, person.id, channel.id, 0
        FROM channels AS channel
        CROSS JOIN (SELECT id FROM users ORDER BY id LIMIT 5000) AS person
        WHERE channel.space_id = %(server)s AND channel.position < 4
        ON CONFLICT DO NOTHING
    """,
}
GROWN: Sequence[LiteralString] = (
    "reactions",
    "mentions",
    "message_attachments",
    "message_revisions",
    "users",
    "server_members",
    "read_states",
)
# What is asked where the giant is not.
ELSEWHERE: dict[str, dict[str, object]] = {
    "message_page": {"upto": 50, "older": 50, "newer": 0},
    "message_pins": {"limit": 10},
    "unread_overview": {},
    "visible_channels": {},
    "conversation_list": {},
    "mention_inbox": {"limit": 10},
    "member_page": {},
    "reaction_users": {},
}


@pytest.mark.parametrize("what", GIANTS)
def test_no_plan_learns_from_a_giant(asked: Asked, what: str) -> None:
    at = asked.community
    quiet = {"channel": at.quiet_channel_id, "server": at.quiet_server_id}
    (quiet["message"],) = asked.session.execute(
        "SELECT id FROM messages WHERE space_id = %s AND channel_id = %s ORDER BY seq LIMIT 1",
        [at.quiet_server_id, at.quiet_channel_id],
    ).fetchone() or (asked.message_id,)

    def pages(mode: LiteralString) -> dict[str, int]:
        return {
            name: asked.plan(name, mode=mode, **(quiet | params)).pages
            for name, params in ELSEWHERE.items()
        }

    found: dict[tuple[int, str, str], tuple[int, int]] = {}
    with asked.session.transaction(force_rollback=True):
        # Without the dead rows of the giants before: how many of them a small sample has is chance.
        for table in GROWN:
            asked.session.execute(f"CLUSTER {table} USING {table}_pkey")
        before = {mode: pages(mode) for mode in MODES}
        asked.session.execute("SET LOCAL session_replication_role = replica")
        made = asked.session.execute(GIANTS[what], asked.usual() | {"each": 4})
        for target in (1, 1000):
            asked.session.execute(f"SET LOCAL default_statistics_target = {target}")
            asked.session.execute(f"ANALYZE {', '.join(GROWN)}")
            found |= {
                (target, mode, name): (before[mode][name], seen)
                for mode in MODES
                for name, seen in pages(mode).items()
            }

    assert made.rowcount >= 19_000
    # What lies between the rows of others takes some pages more.
    assert {where: seen for where, seen in found.items() if seen[1] > 1.1 * seen[0] + 20} == {}


def test_page_with_a_hundred_thousand_reactions_takes_twice_their_count_at_most(
    asked: Asked,
) -> None:
    at = asked.community
    page = {"channel": at.channel_id, "upto": 80, "older": 50, "newer": 0}
    without = {mode: asked.plan("message_page", mode=mode, **page).pages for mode in MODES}
    found: dict[tuple[int, str], tuple[int, int]] = {}
    with asked.session.transaction(force_rollback=True):
        asked.session.execute("SET LOCAL session_replication_role = replica")
        asked.session.execute(GIANTS["reactions to a message"], asked.usual() | {"each": 20})
        for target in (1, 1000):
            asked.session.execute(f"SET LOCAL default_statistics_target = {target}")
            asked.session.execute("ANALYZE reactions")
            for mode in MODES:
                seen = asked.plan("message_page", mode=mode, **page)
                asked.session.execute(
                    "PREPARE counted (uuid, uuid) AS SELECT emoji, count(*) FROM reactions "
                    "WHERE space_id = $1 AND message_id = $2 GROUP BY emoji"
                )
                # By the plan that a connection keeps, along the index: for this message alone the
                # table would be read.
                counted = explain(
                    asked.session,
                    "counted (%s, %s)",
                    [at.server_id, asked.message_id],
                    mode="force_generic_plan",
                )
                assert counted.rows >= 20
                found[target, mode] = (seen.pages - without[mode], counted.pages)

    assert {where: seen for where, seen in found.items() if seen[0] > 2 * seen[1]} == {}


@pytest.mark.parametrize(
    "name",
    [
        *("permissions_in", "visible_channels", "unread_overview", "mention_inbox"),
        *("message_page", "conversation_list", "search_messages", "search_everywhere"),
    ],
)
def test_plan_is_kept_by_a_connection_however_many_messages_there_are(
    asked: Asked, name: str
) -> None:
    """To plan a search anew at each call takes 2 ms."""
    at = asked.community
    with asked.session.transaction(force_rollback=True):
        asked.session.execute(
            "UPDATE pg_class SET reltuples = 2e7 WHERE oid = 'public.messages'::regclass"
        )
        window = {"upto": 2**63 - 1, "older": 50, "newer": 0}
        statement, values = asked.prepare(
            name, space=at.server_id, text=RARE_WORD, limit=25, **window
        )
        for _ in range(3):
            explain(asked.session, statement, values, mode="auto")

        row = asked.session.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE name = %s", [name]
        ).fetchone()

    assert row == (1, 5)


in_a_giant_server = pytest.mark.parametrize("asked", [GIANT], indirect=True)


@in_a_giant_server
@for_any_plan
@pytest.mark.parametrize(
    ("name", "rows", "pages"),
    [
        ("permissions_in", 1, 60),
        ("visible_channels", 1500, 3000),
        ("unread_overview", 1700, 20_000),
    ],
)
def test_planner_expects_many_channels_of_a_server_among_conversations(
    asked: Asked, name: str, rows: int, pages: int, mode: LiteralString
) -> None:
    plan = asked.plan(name, mode=mode)

    assert plan.rows == rows
    assert plan.pages <= pages


@in_a_giant_server
@for_any_plan
@pytest.mark.parametrize("name", ["visible_channels", "unread_overview"])
def test_hundreds_of_roles_are_looked_up_by_hash(
    asked: Asked, name: str, mode: LiteralString
) -> None:
    plan = asked.plan(name, mode=mode)

    conditions = " ".join(condition for _, condition in plan.conditions)
    assert "role_id = ANY" not in conditions
    assert "hashed SubPlan" in conditions


@in_a_giant_server
def test_permissions_of_a_member_of_few_roles_are_asked_by_a_plan_that_is_kept(
    asked: Asked,
) -> None:
    """To plan what a channel overwrites anew at each call takes longer than to read it."""
    member = look_up(asked.session, viewer=OF_THREE_ROLES).viewer_id
    statement, values = asked.prepare("permissions_in", user=member)
    plans: list[str] = []
    asked.session.add_notice_handler(lambda notice: plans.append(notice.message_primary or ""))
    with asked.session.transaction(force_rollback=True):
        asked.session.execute("LOAD 'auto_explain'")
        asked.session.execute(
            """
            SET LOCAL auto_explain.log_min_duration = 0;
            SET LOCAL auto_explain.log_nested_statements = on;
            SET LOCAL auto_explain.log_level = notice
            """
        )
        for _ in range(8):
            asked.session.execute(f"EXECUTE {statement}".encode(), values)

    of_overwrites = [plan for plan in plans if "overwrite.role_id = ANY" in plan]
    assert len(of_overwrites) == 8
    # A plan that is kept has no values.
    assert "channel_id = $" in of_overwrites[-1]
