"""What is removed, and what comes meanwhile: no mark without its member, no message unseen."""

from typing import LiteralString

import pytest

from tests.chat.sql import rows, value
from tests.concurrency.connections import Deed, Outcome, in_turn
from tests.factories import ChannelFactory, MessageFactory, ReadStateFactory, ServerMemberFactory

pytestmark = pytest.mark.django_db(transaction=True)

LEVELS: list[LiteralString] = ["READ COMMITTED", "REPEATABLE READ"]
SEND: LiteralString = "INSERT INTO messages (space_id, channel_id, author_id) VALUES (%s, %s, %s)"
MARK: LiteralString = "INSERT INTO read_states (space_id, channel_id, user_id) VALUES (%s, %s, %s)"


def removal(*, marked: bool) -> tuple[Deed, list[object]]:
    """Return what removes a new member, and the parameters of what they do in a channel."""
    member = ServerMemberFactory.create()
    channel = ChannelFactory.create(server=member.server)
    if marked:
        ReadStateFactory.create(channel=channel, user=member.user)
    return (
        Deed("DELETE FROM server_members WHERE id = %s", [member.id]),
        [channel.space_id, channel.id, member.user_id],
    )


def marks_of(params: list[object]) -> int:
    return int(value("SELECT count(*) FROM read_states WHERE user_id = %s", params[-1]))


@pytest.mark.parametrize("level", LEVELS)
def test_who_goes_writes_nothing_more_and_leaves_no_mark(level: LiteralString) -> None:
    read_committed = level == "READ COMMITTED"

    for statement in (SEND, MARK):
        for marked in (False, True) if statement == SEND else (False,):
            remove, params = removal(marked=marked)
            late = in_turn(remove, Deed(statement, params), level=level)
            by: tuple[str, str | None] = ("40001", None)
            if read_committed:
                by = ("23514", "messages_member")
                if statement == MARK:
                    by = ("23503", "read_states_reader")
            assert (statement, marked, late) == (statement, marked, Outcome(True, *by))
            assert marks_of(params) == 0

            remove, params = removal(marked=marked)
            late = in_turn(Deed(statement, params), remove, level=level)
            # Members go at READ COMMITTED only, to see the marks that came meanwhile.
            assert late.sqlstate == (None if read_committed else "0A000")
            assert marks_of(params) == (0 if read_committed else 1)


PURGE: LiteralString = (
    "DELETE FROM messages WHERE channel_id = %s AND set_config('chat.purge', 'on', true) = 'on'"
)


@pytest.mark.superuser
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("purged_first", [True, False])
def test_message_that_comes_beside_a_purge_is_not_below_where_the_numbers_begin(
    level: LiteralString, purged_first: bool
) -> None:
    message = MessageFactory.create()
    send = Deed(SEND, [message.space_id, message.channel_id, message.author_id])
    purge = Deed(PURGE, [message.channel_id])
    first, late = (purge, send) if purged_first else (send, purge)

    outcome = in_turn(first, late, level=level)

    if level == "READ COMMITTED":
        assert outcome == Outcome(True)
        assert rows("SELECT seq FROM messages") == [(2,)]
        assert rows("SELECT first_seq, last_seq FROM channel_counters") == [(2, 2)]
    else:
        assert outcome == Outcome(True, "40001")
