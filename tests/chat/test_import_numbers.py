"""What an import brings is numbered on from the channel's last number, whatever else it tries."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction

from chat.db.ids import uuid7
from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused, rows, value
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MessageFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


COUNTED = "messages_counted"


@dataclass(frozen=True)
class Place:
    """A channel or a conversation, and somebody who writes in it."""

    space_id: UUID
    id: UUID
    author: UUID

    def insert(self, seqs: Sequence[int], *, end: str = "", **columns: Any) -> tuple[Any, ...]:
        """Return an INSERT of messages with these numbers, and its parameters."""
        given = {
            "space_id": self.space_id,
            "channel_id": self.id,
            "author_id": self.author,
            **columns,
        }
        names, marks = ", ".join([*given, "seq"]), ", ".join(["%s"] * len(given))
        return (
            (
                f"INSERT INTO messages ({names}) SELECT {marks}, seq"
                " FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (seq, place)"
                f" ORDER BY place {end}"
            ),
            *given.values(),
            list(seqs),
        )

    def send(self) -> int:
        """Send one message as everybody does, and return its number."""
        statement, *params = self.insert([0], end="RETURNING seq")
        return int(value(statement, *params))

    def numbers(self) -> list[int]:
        found = rows("SELECT seq FROM messages WHERE channel_id = %s ORDER BY seq", self.id)
        return [seq for (seq,) in found]

    def last(self) -> int:
        return int(value("SELECT last_seq FROM channel_counters WHERE channel_id = %s", self.id))

    def newest(self) -> Any:
        return value("SELECT last_message_at FROM channel_counters WHERE channel_id = %s", self.id)


def make_place(kind: str = "channel") -> Place:
    if kind == "channel":
        channel = ChannelFactory.create()
        return Place(channel.space_id, channel.id, channel.server.owner_id)
    conversation = DirectConversationFactory.create(group=kind == "group")
    author = conversation.owner_id or conversation.pair_low_id
    assert author
    return Place(conversation.id, conversation.id, author)


@pytest.fixture(params=["channel", "pair"])
def place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


@pytest.fixture
def importing() -> Iterator[None]:
    with transaction.atomic():
        execute("SET LOCAL chat.import = 'on'")
        yield


@pytest.mark.usefixtures("importing")
class TestWithTheSetting:
    def test_numbers_that_follow_are_counted(self, place: Place) -> None:
        execute(*place.insert([1, 2, 3], created_at="2020-01-02Z"))

        assert place.numbers() == [1, 2, 3]
        assert place.last() == 3
        assert place.newest() == datetime(2020, 1, 2, tzinfo=UTC)

    def test_second_statement_follows_on_the_first(self, place: Place) -> None:
        execute(*place.insert([1, 2]))
        execute(*place.insert([3]))

        assert place.last() == 3

    def test_order_within_the_statement_does_not_matter(self, place: Place) -> None:
        execute(*place.insert([3, 1, 2]))

        assert place.last() == 3

    @pytest.mark.parametrize("seqs", [[2], [2, 3], [1, 3], [1, 2, 4], [2**62], [1, 2**62]], ids=str)
    def test_gap_is_refused(self, place: Place, seqs: list[int]) -> None:
        assert refused(*place.insert(seqs)) == by_check(COUNTED)

    def test_number_twice_is_refused(self, place: Place) -> None:
        assert refused(*place.insert([1, 1])) == by_unique_key("messages_seq_uq")

    def test_number_that_is_taken_is_refused(self, place: Place) -> None:
        execute(*place.insert([1, 2]))

        assert refused(*place.insert([2, 3])) == by_unique_key("messages_seq_uq")

    @pytest.mark.parametrize("seq", [-1, -(2**63)])
    def test_negative_number_is_refused(self, place: Place, seq: int) -> None:
        assert refused(*place.insert([seq])) == by_check("messages_seq_ck")

    @pytest.mark.one_machine("COPY is refused by an internal error there")
    @pytest.mark.parametrize("seqs", [[0], [0, 2], [1, 0, 3], [0, 0]], ids=str)
    def test_row_without_a_number_is_refused(self, place: Place, seqs: list[int]) -> None:
        assert refused(*place.insert(seqs)).sqlstate in {"23514", "23505"}

    def test_number_of_a_purged_message_is_refused(self, place: Place) -> None:
        execute(*place.insert([1, 2]))
        execute("SET LOCAL chat.purge = 'on'")
        execute("DELETE FROM messages WHERE channel_id = %s", place.id)

        assert refused(*place.insert([2])) == by_check(COUNTED)
        assert refused(*place.insert([2, 3])) == by_check(COUNTED)

    def test_conflict_that_drops_a_row_in_the_middle_is_refused(self, place: Place) -> None:
        ids = [uuid7(), uuid7()]
        execute(*place.insert([1], id=ids[0]))

        refusal = refused(
            *with_ids(place, [(2, uuid7()), (3, ids[0]), (4, ids[1])], "ON CONFLICT DO NOTHING")
        )

        assert refusal == by_check(COUNTED)

    def test_conflict_that_drops_the_last_row_counts_the_others(self, place: Place) -> None:
        sent = uuid7()
        execute(*place.insert([1], id=sent))

        execute(*with_ids(place, [(2, uuid7()), (3, sent)], "ON CONFLICT DO NOTHING"))

        assert place.last() == 2
        assert place.numbers() == [1, 2]

    @pytest.mark.one_machine("an id is no key without its space")
    def test_conflict_that_edits_takes_no_number(self, place: Place) -> None:
        sent = uuid7()
        execute(*place.insert([1], id=sent))

        execute(
            *with_ids(
                place, [(2, sent)], "ON CONFLICT (id) DO UPDATE SET content = EXCLUDED.content"
            )
        )

        assert place.last() == 1

    def test_message_from_the_future_is_refused(self, place: Place) -> None:
        refusal = refused(*place.insert([1], created_at="2999-01-01Z"))

        assert refusal == by_check("messages_import_new")

    def test_version_that_no_edit_made_is_refused(self, place: Place) -> None:
        assert refused(*place.insert([1], version=2)) == by_check("messages_import_new")

    def test_older_messages_leave_when_the_newest_was(self, place: Place) -> None:
        execute("SET LOCAL chat.import = 'off'")
        place.send()
        newest = place.newest()

        execute("SET LOCAL chat.import = 'on'")
        execute(*place.insert([2], created_at="2001-01-01Z"))

        assert place.newest() == newest

    def test_setting_switched_off_by_the_last_row_is_counted_all_the_same(
        self, place: Place
    ) -> None:
        def switching(seqs: list[int]) -> tuple[Any, ...]:
            statement, *params = place.insert(seqs)
            return (
                statement.replace(
                    ", seq FROM",
                    ", seq + length(set_config('chat.import',"
                    " CASE WHEN place = 2 THEN 'off' ELSE 'on' END, true)) * 0 FROM",
                ),
                *params,
            )

        # The second row is numbered by the row trigger, whatever it says.
        assert refused(*switching([7, 8])) == by_check(COUNTED)

    def test_two_inserts_in_one_statement_are_counted_together(self, place: Place) -> None:
        first, *first_params = place.insert([1, 2], end="RETURNING seq")
        second, *second_params = place.insert([3, 4])

        execute(f"WITH first AS ({first}) {second}", *first_params, *second_params)

        assert place.numbers() == [1, 2, 3, 4]
        assert place.last() == 4

    def test_two_inserts_with_a_gap_between_are_refused(self, place: Place) -> None:
        first, *first_params = place.insert([1, 2], end="RETURNING seq")
        second, *second_params = place.insert([4])

        refusal = refused(f"WITH first AS ({first}) {second}", *first_params, *second_params)

        assert refusal == by_check(COUNTED)

    def test_copy_is_counted(self, place: Place) -> None:
        copy_numbers(place, [1, 2, 3])

        assert place.last() == 3

    @pytest.mark.one_machine("COPY is refused by an internal error there")
    def test_copy_with_a_gap_is_refused(self, place: Place) -> None:
        with pytest.raises(psycopg.errors.CheckViolation, match="brought 2 messages"):
            copy_numbers(place, [1, 3])

    def test_update_of_the_counter_is_refused(self, place: Place) -> None:
        execute(*place.insert([1]))

        refusal = refused("UPDATE channel_counters SET last_seq = 9")

        assert refusal == by_check("channel_counters_kept")


@pytest.mark.usefixtures("importing")
class TestSeveralPlaces:
    def test_each_channel_is_counted_by_itself(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)

        execute(*between([(channel, 1), (other, 1), (channel, 2)]))

        assert rows("SELECT channel_id, last_seq FROM channel_counters ORDER BY last_seq") == [
            (other.id, 1),
            (channel.id, 2),
        ]

    def test_gap_in_one_of_two_channels_is_refused(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)

        refusal = refused(*between([(channel, 1), (other, 2), (channel, 2)]))

        assert refusal == by_check(COUNTED)

    def test_numbers_of_another_channel_are_refused(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)
        execute(*between([(channel, 1)]))

        assert refused(*between([(other, 2)])) == by_check(COUNTED)

    @pytest.mark.parametrize("kind", ["channel", "pair"])
    def test_channel_of_another_space_is_refused(self, kind: str) -> None:
        place, other = make_place(), make_place(kind)

        refusal = refused(*place.insert([1], space_id=other.space_id))

        assert refusal == by_foreign_key("messages_channel_fk")

    def test_category_is_refused(self) -> None:
        category = ChannelFactory.create(category=True)

        assert refused(*between([(category, 1)])) == by_check("messages_channel_open")

    def test_deleted_channel_is_refused(self) -> None:
        channel = ChannelFactory.create()
        execute("UPDATE channels SET deleted_at = now()")

        assert refused(*between([(channel, 1)])) == by_check("messages_channel_open")

    def test_thread_of_a_deleted_channel_is_refused(self) -> None:
        thread = ChannelFactory.create(thread=True)
        execute("UPDATE channels SET deleted_at = now() WHERE id = %s", thread.parent_id)

        assert refused(*between([(thread, 1)])) == by_check("messages_channel_open")

    @pytest.mark.parametrize("kind", ["pair", "group"])
    def test_stranger_in_a_conversation_is_refused(self, kind: str) -> None:
        place = make_place(kind)

        refusal = refused(*place.insert([1], author_id=UserFactory.create().id))

        assert refusal == by_check("messages_participant")

    def test_participant_who_left_is_refused(self) -> None:
        place = make_place("group")
        execute("UPDATE participants SET left_at = now() WHERE user_id = %s", place.author)

        assert refused(*place.insert([1])) == by_check("messages_participant")

    def test_event_needs_no_author_in_a_conversation(self) -> None:
        place = make_place("group")

        execute(*place.insert([1], author_id=None, kind="notice"))

        assert place.last() == 1

    def test_reply_to_what_comes_later_is_refused(self) -> None:
        place = make_place()

        assert refused(*place.insert([1], reply_to_seq=2)) == by_check("messages_reply_ck")


def test_numbers_without_the_setting_are_replaced(place: Place) -> None:
    execute(*place.insert([7, 9]))

    assert place.numbers() == [1, 2]
    assert place.last() == 2


@pytest.mark.parametrize("setting", ["off", "", "true", "ON"])
def test_setting_wants_exactly_on(place: Place, setting: str) -> None:
    execute(f"SET LOCAL chat.import = '{setting}'")

    execute(*place.insert([7]))

    assert place.numbers() == [1]


def test_setting_ends_with_its_transaction(place: Place) -> None:
    with transaction.atomic():
        execute("SET LOCAL chat.import = 'on'")
        transaction.set_rollback(True)

    assert place.send() == 1
    assert place.send() == 2


def test_session_that_has_imported_sends_as_before() -> None:
    execute("SET LOCAL chat.import = 'off'")

    message = MessageFactory.create()
    MessageFactory.create(channel=message.channel)
    direct = DirectMessageFactory.create()
    execute(
        "INSERT INTO messages (id, space_id, channel_id, author_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        message.id,
        message.space_id,
        message.channel_id,
        message.author_id,
    )

    assert rows("SELECT last_seq FROM channel_counters ORDER BY 1") == [(1,), (2,)]
    assert direct.seq == 1


# Several at once


@pytest.mark.django_db(transaction=True)
def test_send_waits_for_an_import_that_locked_the_channel(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    place = make_place()
    loader, sender = connect(), connect()
    begin_import(loader, place)
    loader.execute(*split(place.insert([1, 2])))

    late = start_and_wait(sender, loader, *place.insert([0], end="RETURNING seq"))
    loader.commit()

    assert late.result(timeout=10).fetchone() == (3,)
    sender.commit()
    assert place.numbers() == [1, 2, 3]


@pytest.mark.one_machine("COPY is refused by an internal error there")
@pytest.mark.django_db(transaction=True)
def test_import_that_read_the_counter_before_a_send_is_refused(connect: Connect) -> None:
    place = make_place()
    loader = connect()
    loader.execute("SET LOCAL chat.import = 'on'")
    loader.execute("SELECT last_seq FROM channel_counters")
    place.send()
    place.send()

    with pytest.raises(psycopg.errors.UniqueViolation):
        loader.execute(*split(place.insert([1, 2])))
    loader.rollback()

    assert place.numbers() == [1, 2]
    assert place.last() == 2


@pytest.mark.one_machine("COPY is refused by an internal error there")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["channel", "pair"])
def test_second_of_two_imports_of_the_same_numbers_is_refused(
    connect: Connect, start_and_wait: StartAndWait, kind: str
) -> None:
    place = make_place(kind)
    first, second = connect(), connect()
    for loader in (first, second):
        loader.execute("SET LOCAL chat.import = 'on'")
    first.execute(*split(place.insert([1, 2])))

    late = start_and_wait(second, first, *place.insert([1, 2]))
    first.commit()

    with pytest.raises(psycopg.errors.UniqueViolation):
        late.result(timeout=10)
    assert place.numbers() == [1, 2]
    assert place.last() == 2


@pytest.mark.django_db(transaction=True)
def test_import_that_waited_for_one_that_failed_takes_its_numbers(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    place = make_place()
    first, second = connect(), connect()
    for loader in (first, second):
        loader.execute("SET LOCAL chat.import = 'on'")
    first.execute(*split(place.insert([1, 2])))

    late = start_and_wait(second, first, *place.insert([1, 2, 3]))
    first.rollback()

    late.result(timeout=10)
    second.commit()
    assert place.numbers() == [1, 2, 3]
    assert place.last() == 3


@pytest.mark.one_machine("COPY is refused by an internal error there")
@pytest.mark.django_db(transaction=True)
def test_import_at_repeatable_read_after_a_send_is_refused(connect: Connect) -> None:
    place = make_place()
    loader = connect()
    loader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    loader.execute("SET LOCAL chat.import = 'on'")
    loader.execute("SELECT FROM channel_counters")
    place.send()

    with pytest.raises(psycopg.errors.SerializationFailure):
        loader.execute(*split(place.insert([2])))
    loader.rollback()

    assert place.numbers() == [1]


# What the tests above share


def split(statement: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    return statement[0], statement[1:]


def begin_import(loader: psycopg.Connection[Any], place: Place) -> None:
    loader.execute("SET LOCAL chat.import = 'on'")
    loader.execute(
        "SELECT FROM channel_counters WHERE space_id = %s AND channel_id = %s FOR NO KEY UPDATE",
        [place.space_id, place.id],
    )


def with_ids(place: Place, given: list[tuple[int, UUID]], end: str) -> tuple[Any, ...]:
    return (
        (
            "INSERT INTO messages (space_id, channel_id, author_id, id, seq)"
            " SELECT %s, %s, %s, id, seq"
            f" FROM unnest(%s::uuid[], %s::bigint[]) AS given (id, seq) {end}"
        ),
        place.space_id,
        place.id,
        place.author,
        [message_id for _, message_id in given],
        [seq for seq, _ in given],
    )


def between(given: list[tuple[Any, int]]) -> tuple[Any, ...]:
    """Return one INSERT into several channels of one server."""
    server = given[0][0].server
    return (
        (
            "INSERT INTO messages (space_id, channel_id, author_id, seq)"
            " SELECT %s, channel_id, %s, seq FROM unnest(%s::uuid[], %s::bigint[])"
            " AS given (channel_id, seq)"
        ),
        server.id,
        server.owner_id,
        [channel.id for channel, _ in given],
        [seq for _, seq in given],
    )


def copy_numbers(place: Place, seqs: list[int]) -> None:
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy("COPY messages (space_id, channel_id, author_id, seq) FROM STDIN") as copy,
    ):
        for seq in seqs:
            copy.write_row([place.space_id, place.id, place.author, seq])
