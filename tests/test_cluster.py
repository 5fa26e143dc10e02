"""What each machine of a cluster is asked, seen in the plans; for a database that is spread."""

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from psycopg import ClientCursor

from chat.db.distributed import for_spaces, is_distributed
from chat.db.ids import uuid7
from chat.db.statements import Statement, bigint, read_sql
from chat.queries import access, history, unread
from chat.queries.source import LAST, of_space
from chat.services import messages
from chat.services.core.purging import policies
from chat.services.messages import editing, sending
from tests.cluster import SHARDS
from tests.factories import ServerMemberFactory
from tests.services.places import READ, Harbour, make_harbour

pytestmark = [pytest.mark.django_db, pytest.mark.citus, pytest.mark.superuser]

_ONE_SPACE = {
    "page": "queries/sql/message_page.sql",
    "pins": "queries/sql/message_pins.sql",
    "permission": "queries/sql/permissions_in.sql",
    "unread": "queries/sql/unread_overview.sql",
    "visible channels": "queries/sql/visible_channels.sql",
    "search": "queries/sql/search_messages.sql",
    "send": "services/sql/sendable.sql",
    "read mark": "services/sql/mark_read.sql",
    "members": "queries/sql/member_page.sql",
    "audit log": "queries/sql/audit_page.sql",
}
_STATEMENTS = {name: Statement(read_sql(path)) for name, path in _ONE_SPACE.items()} | {
    "message": sending._INSERT,
    "answered": sending._ANSWERED,
    "files to send": sending._LOCK_FILES,
    "sent files": sending._ATTACH,
    "mentions": editing.UPDATE_MENTIONS,
}


@pytest.fixture(autouse=True)
def _on_a_cluster(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("distributed"):
        pytest.skip(
            "needs a Citus cluster: DATABASE_URL=$CITUS_URL python -m pytest --distributed -n 0"
        )


@pytest.fixture
def harbour(_on_a_cluster: None, db: None) -> Harbour:
    return make_harbour(everyone=READ)


def _params(harbour: Harbour) -> dict[str, Any]:
    far = "9000-01-01 00:00:00+00"
    return {
        "viewer": harbour.server.owner.pk,
        "user": harbour.server.owner.pk,
        "author": harbour.server.owner.pk,
        "channel": harbour.channel.pk,
        "space": harbour.server.pk,
        "server": harbour.server.pk,
        "upto": bigint(10),
        "older": bigint(50),
        "newer": bigint(0),
        "before_at": far,
        "before_id": uuid7(),
        "after_at": "1970-01-01 00:00:00+00",
        "after_id": uuid7(),
        "limit": bigint(50),
        "text": "ahoy",
        "needed": bigint(2048),
        "as_unread": False,
        "has_file": False,
        "has_link": False,
        "mentions_viewer": False,
        "is_pinned": False,
        "is_far": False,
        "id": uuid7(),
        "content": "ahoy",
        "reply_to": uuid7(),
        "reply_to_seq": None,
        "files": [uuid7()],
        "users": [harbour.member.pk],
        "roles": [harbour.everyone.pk],
        "everyone": True,
        "permissions": READ.value,
        "message": uuid7(),
        "seq": 1,
        **of_space(harbour.server.pk, with_archived=False),
    }


@pytest.mark.parametrize("statement", _STATEMENTS.values(), ids=_STATEMENTS.keys())
def test_a_statement_for_one_space_asks_one_machine(
    harbour: Harbour, statement: Statement[Any]
) -> None:
    assert is_distributed("default")

    ((sql, params),) = for_spaces(statement.marked, _params(harbour), using="default")
    with ClientCursor(connection.connection) as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}", params)
        plan = "\n".join(line for (line,) in cursor)

    tasks = {line.strip() for line in plan.splitlines() if "Task Count" in line}
    assert tasks == {"Task Count: 1"}, plan


@pytest.mark.parametrize("path", ["unread_overview", "visible_channels"])
def test_a_statement_for_all_spaces_asks_every_part_once(harbour: Harbour, path: str) -> None:
    everywhere = {"user": harbour.member.pk, **of_space(None, with_archived=False)}

    ((sql, params),) = for_spaces(read_sql(f"queries/sql/{path}.sql"), everywhere, using="default")
    with ClientCursor(connection.connection) as cursor:
        cursor.execute(f"EXPLAIN (COSTS OFF) {sql}", params)
        plan = "\n".join(line for (line,) in cursor)

    tasks = [line.strip() for line in plan.splitlines() if "Task Count" in line]
    assert tasks == [f"Task Count: {SHARDS}"], plan


def test_inbox_asks_the_spaces_of_the_newest_mentions_alone(harbour: Harbour) -> None:
    busy = make_harbour(everyone=READ)
    everywhere = {
        "user": harbour.member.pk,
        "viewer": harbour.member.pk,
        "before_at": LAST.at,
        "before_id": LAST.id,
        "limit": bigint(50),
    }
    for place, count in ((harbour, 1), (busy, 500)):
        for statement in (
            """
            INSERT INTO messages (space_id, channel_id, author_id)
            SELECT %(space)s, %(channel)s, %(author)s FROM generate_series(1, %(count)s)
            """,
            """
            INSERT INTO mentions (space_id, channel_id, seq, user_id)
            SELECT %(space)s, %(channel)s, seq, %(user)s FROM generate_series(1, %(count)s) AS seq
            """,
        ):
            with connection.cursor() as cursor:
                cursor.execute(
                    statement, _params(place) | {"user": harbour.member.pk, "count": count}
                )

    asked = for_spaces(read_sql("queries/sql/mention_inbox.sql"), everywhere, using="default")

    assert [given["space"] for _, given in asked] == [busy.server.pk]


def test_no_machine_compiles_statements(harbour: Harbour) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT result FROM run_command_on_all_nodes('SHOW jit')")

        assert cursor.fetchall() == [("off",)]


def test_what_was_sent_is_read_counted_and_searched(harbour: Harbour) -> None:
    reader = ServerMemberFactory.create(server=harbour.server).user
    sent = messages.send_message(
        author=harbour.server.owner, channel=harbour.channel, content=f"Ahoy <@{reader.pk}>!"
    )

    page = history.message_page(viewer=reader, channel=harbour.channel)
    counted = {row.channel_id: row for row in unread.unread_overview(user=reader).entries}

    assert [message.id for message in page.messages] == [sent.id]
    assert counted[harbour.channel.pk].unread == 1
    assert counted[harbour.channel.pk].mentions == 1
    assert access.permissions_in(user=reader, channel=harbour.channel)


def test_policies_of_all_servers_are_read_at_once(harbour: Harbour) -> None:
    assert [policy.space_id for policy in policies()] == [harbour.server.pk]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("page", ["index", "chat_discardedfile_changelist"])
def test_page_of_the_admin_opens(admin_client: Client, page: str) -> None:
    assert admin_client.get(reverse(f"admin:{page}")).status_code == 200


@pytest.mark.parametrize(
    "attack",
    [
        # A number that is not the next, a reply to nothing, and somebody who is not there.
        "UPDATE public.channel_counters SET last_seq = 99 WHERE space_id = %(space)s",
        (
            "INSERT INTO public.messages (space_id, channel_id, author_id, content, reply_to_seq)"
            " VALUES (%(space)s, %(channel)s, %(owner)s, 'x', 7)"
        ),
        (
            "INSERT INTO public.messages (space_id, channel_id, author_id, content)"
            " VALUES (%(space)s, %(channel)s, %(stranger)s, 'x')"
        ),
        # A channel and a role of another space.
        (
            "INSERT INTO public.messages (space_id, channel_id, author_id, content)"
            " VALUES (%(other)s, %(channel)s, %(owner)s, 'x')"
        ),
        (
            "INSERT INTO public.member_roles (space_id, user_id, role_id)"
            " VALUES (%(space)s, %(owner)s, %(other)s)"
        ),
        # What is kept: the author of a message, everyone's role, a message itself.
        "UPDATE public.messages SET author_id = %(stranger)s WHERE space_id = %(space)s",
        "UPDATE public.roles SET position = 9 WHERE space_id = %(space)s AND position = 0",
        "DELETE FROM public.messages WHERE space_id = %(space)s",
        # An owner who leaves, a banned member, a mark past the newest message.
        "DELETE FROM public.server_members WHERE space_id = %(space)s AND user_id = %(owner)s",
        "INSERT INTO public.bans (space_id, user_id) VALUES (%(space)s, %(owner)s)",
        (
            "INSERT INTO public.read_states (space_id, channel_id, user_id, last_read_seq)"
            " VALUES (%(space)s, %(channel)s, %(owner)s, 99)"
            " ON CONFLICT (space_id, user_id, channel_id) DO UPDATE SET last_read_seq = 99"
        ),
    ],
)
def test_attacks_are_refused_on_the_machine_of_the_space(harbour: Harbour, attack: str) -> None:
    other = make_harbour(everyone=READ)
    stranger = other.server.owner
    messages.send_message(author=harbour.server.owner, channel=harbour.channel, content="Ahoy!")
    params = {
        "space": harbour.server.pk,
        "channel": harbour.channel.pk,
        "owner": harbour.server.owner.pk,
        "stranger": stranger.pk,
        "other": other.server.pk,
    }

    with (
        pytest.raises(DatabaseError),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(attack, params)
