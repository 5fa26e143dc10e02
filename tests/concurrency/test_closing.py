"""Whatever closes a place and whatever is on its way into it see each other, in either order.

At REPEATABLE READ whoever comes second is told to try again: its snapshot is of before the first.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import LiteralString

import pytest
from django.utils import timezone

from chat.db.ids import uuid7
from chat.models import Channel
from tests.chat.sql import by_check, refused, rows
from tests.chat.test_erasure import erase_leaving
from tests.concurrency.connections import Deed, Outcome, connect, in_turn, wait_until_blocked
from tests.factories import ChannelFactory, DirectConversationFactory, UserFactory, somebody_in

pytestmark = pytest.mark.django_db(transaction=True)

LEVELS: list[LiteralString] = ["READ COMMITTED", "REPEATABLE READ"]
SEND: LiteralString = "INSERT INTO messages (space_id, channel_id, author_id) VALUES (%s, %s, %s)"
DELETE_PARENT: LiteralString = (
    "UPDATE channels SET deleted_at = now() "
    "WHERE id = (SELECT parent_id FROM channels WHERE id = %s)"
)
DELETE_SERVER: LiteralString = (
    "UPDATE servers SET deleted_at = now() WHERE id = (SELECT space_id FROM channels WHERE id = %s)"
)

# What closes which place, and in whose name a message is refused from then on.
CLOSINGS: dict[str, tuple[LiteralString, LiteralString, str]] = {
    "deleted": ("thread", "UPDATE channels SET deleted_at = now() WHERE id = %s", "channel_open"),
    "archived": ("thread", "UPDATE channels SET archived_at = now() WHERE id = %s", "channel_open"),
    "parent": (
        "thread",
        DELETE_PARENT,
        "channel_open",
    ),
    "category": ("channel", "UPDATE channels SET kind = 'category' WHERE id = %s", "channel_open"),
    "server": (
        "thread",
        DELETE_SERVER,
        "channel_open",
    ),
    "left": ("group", "UPDATE participants SET left_at = now() WHERE space_id = %s", "participant"),
    "author": ("channel", "", "not_erased"),
    "author of a group": ("group", "", "not_erased"),
}


def place(kind: str) -> Channel:
    if kind == "group":
        return DirectConversationFactory.create(group=True)
    return ChannelFactory.create(thread=kind == "thread")


def meeting(closing: str) -> tuple[Deed, Deed, str]:
    """Return what closes a new place, a send into it, and how one after the other is refused."""
    kind, statement, constraint = CLOSINGS[closing]
    channel = place(kind)
    author = somebody_in(channel)
    close = Deed(statement, [channel.id]) if statement else Deed(erase_leaving({}), [author.id])
    return (
        close,
        Deed(SEND, [channel.space_id, channel.id, author.id]),
        f"messages_{constraint}",
    )


def numbers(send: Deed) -> list[int]:
    """Return the numbers in the place of a send, and see that the counter says the same."""
    *_, channel, _ = send.params
    found = [seq for (seq,) in rows("SELECT seq FROM messages WHERE channel_id = %s", channel)]
    assert rows("SELECT last_seq FROM channel_counters WHERE channel_id = %s", channel) == [
        (len(found),)
    ]
    return found


@pytest.mark.parametrize("level", LEVELS)
def test_send_that_meets_what_closes_its_place_is_refused(level: LiteralString) -> None:
    for closing in CLOSINGS:
        close, send, constraint = meeting(closing)

        late = in_turn(close, send, level=level)

        by = ("23514", constraint) if level == "READ COMMITTED" else ("40001", None)
        assert (closing, late) == (closing, Outcome(True, *by))
        assert refused(*send[:1], *send.params).constraint == constraint
        assert numbers(send) == []


@pytest.mark.parametrize("level", LEVELS)
def test_what_closes_a_place_waits_for_who_is_sending_into_it(level: LiteralString) -> None:
    # A category has no messages. Servers are deleted at READ COMMITTED only, to see all that came
    # into them meanwhile. An erasure waits at the user's row, which a send only holds.
    others: dict[str, tuple[str | None, ...]] = (
        {"category": ("23514", "channels_category_empty")}
        if level == "READ COMMITTED"
        else {"server": ("0A000", None), "author": (), "author of a group": ()}
    )

    for closing in CLOSINGS:
        close, send, constraint = meeting(closing)

        late = in_turn(send, close, level=level)

        by = others.get(closing, () if level == "READ COMMITTED" else ("40001", None))
        assert (closing, late._replace(waited=True)) == (closing, Outcome(True, *by))
        assert numbers(send) == [1]
        if not by:
            assert refused(*send[:1], *send.params).constraint == constraint


# What opens a place, or makes one, in what is being deleted.
OPENINGS: dict[str, tuple[LiteralString, str, str]] = {
    "new thread": (
        (
            "INSERT INTO channels (id, space_id, server_id, parent_id, kind, name) "
            "VALUES (%(new)s, %(server)s, %(server)s, %(parent)s, 'thread', 'new')"
        ),
        "new",
        "parent",
    ),
    "thread that is brought back": (
        "UPDATE channels SET archived_at = NULL WHERE id = %(thread)s",
        "thread",
        "parent",
    ),
    "thread that moves": (
        "UPDATE channels SET parent_id = %(parent)s WHERE id = %(other)s",
        "other",
        "parent",
    ),
    "new channel": (
        (
            "INSERT INTO channels (id, space_id, server_id, name) "
            "VALUES (%(new)s, %(server)s, %(server)s, 'new')"
        ),
        "new",
        "server",
    ),
    "channel that is brought back": (
        "UPDATE channels SET deleted_at = NULL WHERE id = %(gone)s",
        "gone",
        "server",
    ),
}


def opening(name: str) -> tuple[Deed, Deed, Deed]:
    """Return what opens a place, the deletion of what that is in, and a send into the place."""
    statement, place, inside = OPENINGS[name]
    parent = ChannelFactory.create()
    server = parent.server
    thread = ChannelFactory.create(
        server=server, parent=parent, kind="thread", archived_at=timezone.now()
    )
    other = ChannelFactory.create(
        server=server, parent=ChannelFactory.create(server=server), kind="thread"
    )
    gone = ChannelFactory.create(server=server, deleted_at=timezone.now())
    ids = {
        "new": uuid7(),
        "server": server.id,
        "parent": parent.id,
        "thread": thread.id,
        "other": other.id,
        "gone": gone.id,
    }
    return (
        Deed(statement, ids),
        Deed(DELETE_PARENT if inside == "parent" else DELETE_SERVER, [thread.id]),
        Deed(SEND, [server.id, ids[place], server.owner_id]),
    )


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("deleted_first", [True, False])
def test_nothing_is_open_in_what_was_deleted_meanwhile(
    level: LiteralString, deleted_first: bool
) -> None:
    for name in OPENINGS:
        open_it, delete, send = opening(name)
        first, late = (delete, open_it) if deleted_first else (open_it, delete)

        outcome = in_turn(first, late, level=level)

        if level != "READ COMMITTED":
            # What is limited in number is made at READ COMMITTED only.
            assert outcome.sqlstate in {"40001", "0A000"}, name
        elif name == "new channel" and deleted_first:
            assert outcome == Outcome(True, "23514", "channels_server_open")
        else:
            assert (name, outcome) == (name, Outcome(True))
            assert refused(*send[:1], *send.params) == by_check("messages_channel_open")


def test_channel_is_brought_back_beside_the_deletion_of_its_server_without_a_deadlock() -> None:
    channel = ChannelFactory.create()
    gone = ChannelFactory.create(server=channel.server, deleted_at=timezone.now())
    with connect() as sending, connect() as deleting, connect() as returning:
        sending.execute("BEGIN")
        sending.execute(SEND, [channel.space_id, channel.id, channel.server.owner_id])

        with ThreadPoolExecutor() as pool:
            deletion = pool.submit(
                deleting.execute,
                "UPDATE servers SET deleted_at = now() WHERE id = %s",
                [channel.server_id],
            )
            wait_until_blocked(deleting, by=sending)
            back = pool.submit(
                returning.execute, "UPDATE channels SET deleted_at = NULL WHERE id = %s", [gone.id]
            )
            wait_until_blocked(returning, by=deleting)
            sending.execute("COMMIT")

            deletion.result(timeout=30)
            back.result(timeout=30)

    assert rows("SELECT DISTINCT closed FROM channel_counters") == [(True,)]


def test_nobody_joins_a_server_that_is_being_deleted() -> None:
    channel, user = ChannelFactory.create(), UserFactory.create()
    join = Deed(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)",
        [channel.space_id, user.id],
    )

    late = in_turn(Deed(DELETE_SERVER, [channel.id]), join, level="READ COMMITTED")

    assert late == Outcome(True, "23514", "server_members_server_open")


def test_deletion_of_a_server_waits_for_who_is_joining() -> None:
    channel, user = ChannelFactory.create(), UserFactory.create()
    join = Deed(
        "INSERT INTO server_members (space_id, user_id) VALUES (%s, %s)",
        [channel.space_id, user.id],
    )

    late = in_turn(join, Deed(DELETE_SERVER, [channel.id]), level="READ COMMITTED")

    assert late == Outcome(True)
