"""What an import brings is numbered on from the channel's last number, whatever else it tries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection, transaction

from chat.ids import uuid7
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused, rows, value
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MessageFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from tests.chat.conftest import Connect, StartAndWait

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Place:
    """A channel or a conversation, and somebody who writes in it."""

    table: str
    counter: str
    column: str
    id: UUID
    tenant: Sequence[UUID]
    author: UUID

    @property
    def booked(self) -> str:
        return f"{self.table}_booked"

    def insert(self, seqs: Sequence[int], *, end: str = "", **columns: Any) -> tuple[Any, ...]:
        """Return an INSERT of messages with these numbers, and its parameters."""
        given = {"author_id": self.author, **columns}
        names = ", ".join([*self.tenant_columns, *given, "seq"])
        marks = ", ".join(["%s"] * (len(self.tenant) + len(given)))
        return (
            (
                f"INSERT INTO {self.table} ({names}) SELECT {marks}, seq"
                " FROM unnest(%s::bigint[]) WITH ORDINALITY AS given (seq, place)"
                f" ORDER BY place {end}"
            ),
            *self.tenant,
            *given.values(),
            list(seqs),
        )

    @property
    def tenant_columns(self) -> list[str]:
        if self.table == "messages":
            return ["server_id", "channel_id"]
        return ["conversation_id"]

    def send(self) -> int:
        """Send one message as everybody does, and return its number."""
        statement, *params = self.insert([0], end="RETURNING seq")
        return int(value(statement, *params))

    def numbers(self) -> list[int]:
        return [
            seq
            for (seq,) in rows(
                f"SELECT seq FROM {self.table} WHERE {self.column} = %s ORDER BY seq", self.id
            )
        ]

    def last(self) -> int:
        return int(value(f"SELECT last_seq FROM {self.counter} WHERE id = %s", self.id))


def make_place(table: str) -> Place:
    if table == "messages":
        channel = ChannelFactory.create()
        return Place(
            table,
            "channels",
            "channel_id",
            channel.id,
            [channel.server_id, channel.id],
            channel.server.owner_id,
        )
    conversation = DirectConversationFactory.create()
    assert conversation.pair_low_id
    return Place(
        table,
        "direct_conversations",
        "conversation_id",
        conversation.id,
        [conversation.id],
        conversation.pair_low_id,
    )


@pytest.fixture(params=["messages", "direct_messages"])
def place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


@pytest.fixture
def importing() -> Iterator[None]:
    with transaction.atomic():
        execute("SET LOCAL chat.import = 'on'")
        yield


@pytest.mark.usefixtures("importing")
class TestWithTheSetting:
    def test_numbers_that_follow_are_booked(self, place: Place) -> None:
        execute(*place.insert([1, 2, 3], created_at="2020-01-02Z"))

        assert place.numbers() == [1, 2, 3]
        assert place.last() == 3
        newest = value(
            f"SELECT last_message_at::date::text FROM {place.counter} WHERE id = %s", place.id
        )
        assert newest == "2020-01-02"

    def test_second_statement_follows_on_the_first(self, place: Place) -> None:
        execute(*place.insert([1, 2]))
        execute(*place.insert([3]))

        assert place.last() == 3

    def test_order_within_the_statement_does_not_matter(self, place: Place) -> None:
        execute(*place.insert([3, 1, 2]))

        assert place.last() == 3

    @pytest.mark.parametrize("seqs", [[2], [2, 3], [1, 3], [1, 2, 4], [2**62], [1, 2**62]], ids=str)
    def test_gap_is_refused(self, place: Place, seqs: list[int]) -> None:
        assert refused(*place.insert(seqs)) == by_check(place.booked)

    def test_number_twice_is_refused(self, place: Place) -> None:
        assert refused(*place.insert([1, 1])) == by_unique_key(f"{place.table}_seq_uq")

    def test_number_that_is_taken_is_refused(self, place: Place) -> None:
        execute(*place.insert([1, 2]))

        assert refused(*place.insert([2, 3])) == by_unique_key(f"{place.table}_seq_uq")

    @pytest.mark.parametrize("seq", [-1, -(2**63)])
    def test_negative_number_is_refused(self, place: Place, seq: int) -> None:
        assert refused(*place.insert([seq])) == by_check(f"{place.table}_seq_ck")

    @pytest.mark.parametrize("seqs", [[0], [0, 2], [1, 0, 3], [0, 0]], ids=str)
    def test_row_without_a_number_is_refused(self, place: Place, seqs: list[int]) -> None:
        assert refused(*place.insert(seqs)).sqlstate in {"23514", "23505"}

    def test_number_of_a_purged_message_is_refused(self, place: Place) -> None:
        execute(*place.insert([1, 2]))
        execute("SET LOCAL chat.purge = 'on'")
        execute(f"DELETE FROM {place.table} WHERE {place.column} = %s", place.id)

        assert refused(*place.insert([2])) == by_check(place.booked)
        assert refused(*place.insert([2, 3])) == by_check(place.booked)

    def test_conflict_that_drops_a_row_in_the_middle_is_refused(self, place: Place) -> None:
        ids = [uuid7(), uuid7()]
        execute(*place.insert([1], id=ids[0]))

        refusal = refused(
            *with_ids(place, [(2, uuid7()), (3, ids[0]), (4, ids[1])], "ON CONFLICT DO NOTHING")
        )

        assert refusal == by_check(place.booked)

    def test_conflict_that_drops_the_last_row_books_the_others(self, place: Place) -> None:
        sent = uuid7()
        execute(*place.insert([1], id=sent))

        execute(*with_ids(place, [(2, uuid7()), (3, sent)], "ON CONFLICT DO NOTHING"))

        assert place.last() == 2
        assert place.numbers() == [1, 2]

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

        assert refusal == by_check(f"{place.table}_import_new")

    def test_version_that_no_edit_made_is_refused(self, place: Place) -> None:
        assert refused(*place.insert([1], version=2)) == by_check(f"{place.table}_import_new")

    def test_older_messages_leave_when_the_newest_was(self, place: Place) -> None:
        execute("SET LOCAL chat.import = 'off'")
        place.send()
        newest = value(f"SELECT last_message_at FROM {place.counter} WHERE id = %s", place.id)

        execute("SET LOCAL chat.import = 'on'")
        execute(*place.insert([2], created_at="2001-01-01Z"))

        assert (
            value(f"SELECT last_message_at FROM {place.counter} WHERE id = %s", place.id) == newest
        )

    def test_setting_switched_off_by_the_last_row_is_booked_all_the_same(
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
        assert refused(*switching([7, 8])) == by_check(place.booked)

    def test_two_inserts_in_one_statement_are_booked_together(self, place: Place) -> None:
        first, *first_params = place.insert([1, 2], end="RETURNING seq")
        second, *second_params = place.insert([3, 4])

        execute(f"WITH first AS ({first}) {second}", *first_params, *second_params)

        assert place.numbers() == [1, 2, 3, 4]
        assert place.last() == 4

    def test_two_inserts_with_a_gap_between_are_refused(self, place: Place) -> None:
        first, *first_params = place.insert([1, 2], end="RETURNING seq")
        second, *second_params = place.insert([4])

        refusal = refused(f"WITH first AS ({first}) {second}", *first_params, *second_params)

        assert refusal == by_check(place.booked)

    def test_copy_is_booked(self, place: Place) -> None:
        copy_numbers(place, [1, 2, 3])

        assert place.last() == 3

    def test_copy_with_a_gap_is_refused(self, place: Place) -> None:
        with pytest.raises(psycopg.errors.CheckViolation, match="brought 2 messages"):
            copy_numbers(place, [1, 3])

    def test_update_of_the_counter_is_ignored(self, place: Place) -> None:
        execute(*place.insert([1]))

        execute(f"UPDATE {place.counter} SET last_seq = 9")

        assert place.last() == 1


@pytest.mark.usefixtures("importing")
class TestSeveralPlaces:
    def test_each_channel_is_booked_by_itself(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)

        execute(*between([(channel, 1), (other, 1), (channel, 2)]))

        assert rows("SELECT name, last_seq FROM channels ORDER BY last_seq") == [
            (other.name, 1),
            (channel.name, 2),
        ]

    def test_gap_in_one_of_two_channels_is_refused(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)

        refusal = refused(*between([(channel, 1), (other, 2), (channel, 2)]))

        assert refusal == by_check("messages_booked")

    def test_numbers_of_another_channel_are_refused(self) -> None:
        channel = ChannelFactory.create()
        other = ChannelFactory.create(server=channel.server)
        execute(*between([(channel, 1)]))

        assert refused(*between([(other, 2)])) == by_check("messages_booked")

    def test_channel_of_another_server_is_refused(self) -> None:
        channel, stranger = ChannelFactory.create(), ChannelFactory.create()

        refusal = refused(
            "INSERT INTO messages (server_id, channel_id, author_id, seq) VALUES (%s, %s, %s, 1)",
            stranger.server_id,
            channel.id,
            channel.server.owner_id,
        )

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

    def test_stranger_in_a_conversation_is_refused(self) -> None:
        place = make_place("direct_messages")

        refusal = refused(*place.insert([1], author_id=UserFactory.create().id))

        assert refusal == by_foreign_key("direct_messages_author_fk")

    def test_participant_who_left_is_refused(self) -> None:
        place = make_place("direct_messages")
        execute("UPDATE direct_participants SET left_at = now() WHERE user_id = %s", place.author)

        assert refused(*place.insert([1])) == by_check("direct_messages_participant")

    def test_reply_to_what_comes_later_is_refused(self) -> None:
        place = make_place("messages")

        assert refused(*place.insert([1], reply_to_seq=2)) == by_check("messages_reply_ck")


def test_numbers_without_the_setting_are_replaced(place: Place) -> None:
    execute(*place.insert([7, 9]))

    assert place.numbers() == [1, 2]
    assert place.last() == 2


@pytest.mark.parametrize("setting", ["off", "", "true", "ON"])
def test_setting_wants_exactly_on(place: Place, setting: str) -> None:
    execute("SELECT set_config('chat.import', %s, true)", setting)

    execute(*place.insert([7]))

    assert place.numbers() == [1]


def test_setting_ends_with_its_transaction(place: Place) -> None:
    with transaction.atomic():
        execute("SET LOCAL chat.import = 'on'")
        transaction.set_rollback(True)

    assert place.send() == 1
    assert place.send() == 2


def test_session_that_has_imported_sends_as_before() -> None:
    execute("SELECT set_config('chat.import', 'off', true)")

    message = MessageFactory.create()
    MessageFactory.create(channel=message.channel)
    direct = DirectMessageFactory.create()
    execute(
        "INSERT INTO messages (id, server_id, channel_id, author_id) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        message.id,
        message.server_id,
        message.channel_id,
        message.author_id,
    )

    assert rows("SELECT last_seq FROM channels") == [(2,)]
    assert direct.seq == 1


# Several at once


@pytest.mark.django_db(transaction=True)
def test_send_waits_for_an_import_that_locked_the_channel(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    place = make_place("messages")
    loader, sender = connect(), connect()
    begin_import(loader, place)
    loader.execute(*split(place.insert([1, 2])))

    late = start_and_wait(sender, loader, *place.insert([0], end="RETURNING seq"))
    loader.commit()

    assert late.result(timeout=10).fetchone() == (3,)
    sender.commit()
    assert place.numbers() == [1, 2, 3]


@pytest.mark.django_db(transaction=True)
def test_import_that_read_the_counter_before_a_send_is_refused(connect: Connect) -> None:
    place = make_place("messages")
    loader = connect()
    loader.execute("SET LOCAL chat.import = 'on'")
    loader.execute("SELECT last_seq FROM channels")
    place.send()
    place.send()

    with pytest.raises(psycopg.errors.UniqueViolation):
        loader.execute(*split(place.insert([1, 2])))
    loader.rollback()

    assert place.numbers() == [1, 2]
    assert place.last() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("table", ["messages", "direct_messages"])
def test_second_of_two_imports_of_the_same_numbers_is_refused(
    connect: Connect, start_and_wait: StartAndWait, table: str
) -> None:
    place = make_place(table)
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
    place = make_place("messages")
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


@pytest.mark.django_db(transaction=True)
def test_import_at_repeatable_read_after_a_send_is_refused(connect: Connect) -> None:
    place = make_place("messages")
    loader = connect()
    loader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    loader.execute("SET LOCAL chat.import = 'on'")
    loader.execute("SELECT FROM channels")
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
        f"SELECT FROM {place.counter} WHERE id = %s FOR NO KEY UPDATE",
        [place.id],
    )


def with_ids(place: Place, given: list[tuple[int, UUID]], end: str) -> tuple[Any, ...]:
    names = ", ".join([*place.tenant_columns, "author_id", "id", "seq"])
    marks = ", ".join(["%s"] * (len(place.tenant) + 1))
    return (
        (
            f"INSERT INTO {place.table} ({names}) SELECT {marks}, id, seq"
            f" FROM unnest(%s::uuid[], %s::bigint[]) AS given (id, seq) {end}"
        ),
        *place.tenant,
        place.author,
        [message_id for _, message_id in given],
        [seq for seq, _ in given],
    )


def between(given: list[tuple[Any, int]]) -> tuple[Any, ...]:
    """Return one INSERT into several channels of one server."""
    server = given[0][0].server
    return (
        (
            "INSERT INTO messages (server_id, channel_id, author_id, seq)"
            " SELECT %s, channel_id, %s, seq FROM unnest(%s::uuid[], %s::bigint[])"
            " AS given (channel_id, seq)"
        ),
        server.id,
        server.owner_id,
        [channel.id for channel, _ in given],
        [seq for _, seq in given],
    )


def copy_numbers(place: Place, seqs: list[int]) -> None:
    names = ", ".join([*place.tenant_columns, "author_id", "seq"])
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {place.table} ({names}) FROM STDIN") as copy,
    ):
        for seq in seqs:
            copy.write_row([*place.tenant, place.author, seq])
