"""Two sends with one id at the same moment: one message, no gap and no double, whoever writes."""

from typing import Any, LiteralString

import pytest

from chat.db.ids import uuid7
from chat.models import Channel
from tests.chat.sql import execute, refused, rows
from tests.concurrency.connections import Deed, Outcome, in_turn
from tests.factories import ChannelFactory, DirectConversationFactory, MessageFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

LEVELS: list[LiteralString] = ["READ COMMITTED", "REPEATABLE READ"]
SEND: LiteralString = (
    "INSERT INTO messages (id, space_id, channel_id, author_id) VALUES (%s, %s, %s, %s)"
)
WAYS: dict[str, LiteralString] = {"plain": SEND, "ignoring": SEND + " ON CONFLICT DO NOTHING"}
WHERE = ["one channel", "one pair", "one server", "two servers", "two pairs"]


def places(where: str) -> tuple[Channel, Channel]:
    """Return two places, or one twice, with a message in each."""
    author = UserFactory.create()
    first: Channel
    other: Channel
    if "pair" in where:
        first, other = DirectConversationFactory.create_batch(2, pair_low=author)
    else:
        first = ChannelFactory.create(server__owner=author)
        other = (
            ChannelFactory.create(server=first.server)
            if where == "one server"
            else ChannelFactory.create(server__owner=author)
        )
    if where in {"one channel", "one pair"}:
        other = first
    for place in (first, other):
        MessageFactory.create(channel=place, author=author)
    return first, other


def sends(where: str, way: str) -> tuple[Deed, Deed, Deed]:
    """Return two sends with one id, and another into the place of the second."""
    first, other = places(where)
    author = rows("SELECT author_id FROM messages WHERE channel_id = %s", first.id)[0][0]
    one, another = uuid7(), uuid7()
    return (
        Deed(SEND, [one, first.space_id, first.id, author]),
        Deed(WAYS[way], [one, other.space_id, other.id, author]),
        Deed(SEND, [another, other.space_id, other.id, author]),
    )


def gaps() -> list[tuple[Any, ...]]:
    """Return the channels whose numbers are not all there are up to their counter."""
    return rows(
        "SELECT channel_id FROM channel_counters WHERE last_seq <> coalesce("
        "(SELECT count(*) FROM messages WHERE channel_id = channel_counters.channel_id"
        " AND seq <= last_seq), 0)"
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("level", LEVELS)
def test_second_of_two_sends_with_one_id_is_refused_and_its_number_given_back(
    level: LiteralString, way: str
) -> None:
    for where in WHERE:
        first, late, another = sends(where, way)

        outcome = in_turn(first, late, level=level)

        if level == "REPEATABLE READ" and (
            way == "ignoring" or where in {"one channel", "one pair"}
        ):
            by: tuple[str, str | None] = ("40001", None)
        elif way == "ignoring":
            # Told at COMMIT: its row was left out when its number was taken.
            by = ("40001", "channel_counters_no_gap")
        else:
            by = ("23505", "messages_pkey")
        assert (where, outcome) == (where, Outcome(True, *by))

        # Tried again, it is known in its space, and an id of another space is refused.
        if where.startswith("one"):
            assert execute(*late[:1], *late.params) == 0
        else:
            assert refused(*late[:1], *late.params).sqlstate in {"23505", "40001"}
        assert execute(*another[:1], *another.params) == 1
        assert gaps() == [], where


@pytest.mark.parametrize("way", WAYS)
def test_second_of_two_sends_with_one_id_takes_the_number_of_a_first_that_gives_up(
    way: str,
) -> None:
    for where in WHERE:
        for level in LEVELS:
            first, late, another = sends(where, way)

            outcome = in_turn(first, late, level=level, first_ends="ROLLBACK")

            assert (where, outcome) == (where, Outcome(True))
            assert execute(*another[:1], *another.params) == 1
            assert gaps() == [], where
