"""There are never more than there may be, whoever writes and whoever writes at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from psycopg import IsolationLevel

from chat.errors import LimitReached
from chat.services.limits import limit_reached
from chat.services.use_case import use_case
from tests.chat.sql import Refusal, by_check, execute, refused, rows, value
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    DirectParticipantFactory,
    MessageFactory,
    ReactionFactory,
    ServerFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat.models import Message
    from tests.chat.conftest import Connect, StartAndWait

pytestmark = pytest.mark.django_db


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What has a limit: how to add to it, and how many are in it."""

    constraint: str
    most: int
    # What looks at rows that come.
    trigger: str
    table: str
    # Its last parameter is how many.
    add: str
    count: str
    ids: tuple[Any, ...]

    def params(self, many: int) -> tuple[Any, ...]:
        return *self.ids, many

    def counted(self) -> int:
        return int(value(self.count, self.ids[0]))

    def fill(self, *, up_to: int) -> None:
        execute(self.add, *self.params(up_to - self.counted()))


def channels() -> Place:
    return Place(
        constraint="channels_limit",
        most=500,
        trigger="channels_limit_new",
        table="channels",
        add=(
            "INSERT INTO channels (server_id, name) SELECT %s, 'pier' FROM generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM channels"
            " WHERE server_id = %s AND kind <> 'thread' AND deleted_at IS NULL"
        ),
        ids=(ServerFactory.create().id,),
    )


def threads() -> Place:
    channel = ChannelFactory.create()
    return Place(
        constraint="channels_thread_limit",
        most=1000,
        trigger="channels_limit_new",
        table="channels",
        add=(
            "INSERT INTO channels (server_id, parent_id, kind, name)"
            " SELECT %s, %s, 'thread', 'rumours' FROM generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM channels"
            " WHERE server_id = %s AND kind = 'thread' AND deleted_at IS NULL"
        ),
        ids=(channel.server_id, channel.id),
    )


def pins() -> Place:
    message = MessageFactory.create()
    return Place(
        constraint="messages_pin_limit",
        most=250,
        trigger="messages_pin_limit_new",
        table="messages",
        add=(
            "INSERT INTO messages (channel_id, server_id, author_id, pinned_at)"
            " SELECT %s, %s, %s, now() FROM generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM messages"
            " WHERE channel_id = %s AND pinned_at IS NOT NULL AND deleted_at IS NULL"
        ),
        ids=(message.channel_id, message.server_id, message.author_id),
    )


def direct_pins() -> Place:
    message = DirectMessageFactory.create()
    return Place(
        constraint="direct_messages_pin_limit",
        most=250,
        trigger="direct_messages_pin_limit_new",
        table="direct_messages",
        add=(
            "INSERT INTO direct_messages (conversation_id, author_id, pinned_at)"
            " SELECT %s, %s, now() FROM generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM direct_messages"
            " WHERE conversation_id = %s AND pinned_at IS NOT NULL AND deleted_at IS NULL"
        ),
        ids=(message.conversation_id, message.author_id),
    )


def emoji() -> Place:
    message = MessageFactory.create()
    return Place(
        constraint="reactions_emoji_limit",
        most=20,
        trigger="reactions_emoji_limit_new",
        table="reactions",
        add=(
            "INSERT INTO reactions (message_id, space_id, user_id, emoji)"
            " SELECT %s, %s, %s, gen_random_uuid()::text FROM generate_series(1, %s)"
        ),
        count="SELECT count(DISTINCT emoji) FROM reactions WHERE message_id = %s",
        ids=(message.id, message.server_id, message.author_id),
    )


def direct_emoji() -> Place:
    message = DirectMessageFactory.create()
    return Place(
        constraint="reactions_emoji_limit",
        most=20,
        trigger="reactions_emoji_limit_new",
        table="reactions",
        add=(
            "INSERT INTO reactions (direct_message_id, space_id, user_id, emoji)"
            " SELECT %s, %s, %s, gen_random_uuid()::text FROM generate_series(1, %s)"
        ),
        count="SELECT count(DISTINCT emoji) FROM reactions WHERE direct_message_id = %s",
        ids=(message.id, message.conversation_id, message.author_id),
    )


def group() -> Place:
    return Place(
        constraint="direct_participants_limit",
        most=10,
        trigger="direct_participants_limit_new",
        table="direct_participants",
        add=(
            "WITH place (id) AS (SELECT %s::uuid), people AS ("
            "INSERT INTO users (username)"
            " SELECT 'mate_' || substr(md5(random()::text), 1, 20) FROM generate_series(1, %s)"
            " RETURNING id"
            ") INSERT INTO direct_participants (conversation_id, user_id)"
            " SELECT place.id, people.id FROM place, people"
        ),
        count=(
            "SELECT count(*) FROM direct_participants"
            " WHERE conversation_id = %s AND left_at IS NULL"
        ),
        ids=(DirectConversationFactory.create(group=True).id,),
    )


PLACES = [channels, threads, pins, direct_pins, emoji, direct_emoji, group]


@pytest.fixture(params=PLACES, ids=lambda make: make.__name__)
def place(request: pytest.FixtureRequest, db: None) -> Place:
    make: Callable[[], Place] = request.param
    return make()


# --- what is added ---


def test_the_last_place_is_taken_and_no_further_one(place: Place) -> None:
    place.fill(up_to=place.most - 1)

    assert execute(place.add, *place.params(1)) == 1
    assert refused(place.add, *place.params(1)) == by_check(place.constraint)


def test_one_statement_takes_as_many_as_there_may_be(place: Place) -> None:
    place.fill(up_to=place.most)

    assert place.counted() == place.most


def test_one_statement_with_one_too_many_is_refused(place: Place) -> None:
    too_many = place.most - place.counted() + 1

    assert refused(place.add, *place.params(too_many)) == by_check(place.constraint)


def test_refusal_says_how_many_there_would_be_and_may_be(place: Place) -> None:
    place.fill(up_to=place.most)

    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        execute(place.add, *place.params(3))

    assert str(refusal.value).startswith(f"{place.most + 3} ")
    assert f"more than the {place.most} that there may be" in str(refusal.value)


def test_service_that_meets_the_limit_in_the_database_names_it(place: Place) -> None:
    place.fill(up_to=place.most)

    @use_case
    def add() -> None:
        execute(place.add, *place.params(1))

    with pytest.raises(LimitReached) as refusal:
        add()

    assert refusal.value.limit == place.most


def test_no_other_rule_is_a_limit() -> None:
    assert limit_reached("channels_kind_ck") is None


def test_what_is_over_the_limit_stays_and_nothing_is_added(place: Place) -> None:
    execute(f"ALTER TABLE {place.table} DISABLE TRIGGER {place.trigger}")
    place.fill(up_to=place.most + 2)
    execute(f"ALTER TABLE {place.table} ENABLE TRIGGER {place.trigger}")

    assert execute(f"UPDATE {place.table} SET id = id") >= place.most + 2
    assert refused(place.add, *place.params(1)) == by_check(place.constraint)


def test_channels_and_threads_leave_room_for_each_other() -> None:
    talk = threads()
    talk.fill(up_to=1000)

    execute(
        "INSERT INTO channels (server_id, name) SELECT %s, 'pier' FROM generate_series(1, 499)",
        talk.ids[0],
    )

    assert value("SELECT count(*) FROM channels") == 1500


def test_each_server_has_its_own_limit() -> None:
    first, second = ServerFactory.create(), ServerFactory.create()

    added = execute(
        "INSERT INTO channels (server_id, name)"
        " SELECT server_id, 'pier' FROM unnest(%s::uuid[]) AS server_id, generate_series(1, 500)",
        [first.id, second.id],
    )

    assert added == 1000


def test_fullest_of_several_in_one_statement_is_found() -> None:
    first, second = channels(), channels()
    first.fill(up_to=500)

    refusal = refused(
        "INSERT INTO channels (server_id, name) SELECT unnest(%s::uuid[]), 'pier'",
        [second.ids[0], first.ids[0]],
    )

    assert refusal == by_check("channels_limit")


def test_pair_has_two_and_its_insert_looks_for_no_more() -> None:
    pair = DirectConversationFactory.create()

    assert value("SELECT count(*) FROM direct_participants") == 2
    assert pair.kind == "pair"


# --- COPY ---


def copy_reactions(given: list[tuple[Any, ...]]) -> None:
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy("COPY reactions (space_id, message_id, user_id, emoji) FROM STDIN") as copy,
    ):
        for row in given:
            copy.write_row(row)


def test_copy_with_a_twenty_first_emoji_is_refused() -> None:
    fine, full = MessageFactory.create(), MessageFactory.create()

    with pytest.raises(IntegrityError) as refusal:
        copy_reactions(
            [
                (message.server_id, message.id, message.author_id, f"e{n}")
                for message, kinds in ((fine, 20), (full, 21))
                for n in range(kinds)
            ]
        )

    assert Refusal.of(refusal.value) == by_check("reactions_emoji_limit")
    assert str(full.id) in str(refusal.value)
    assert value("SELECT count(*) FROM reactions") == 0


def test_copy_counts_what_is_there() -> None:
    message = MessageFactory.create()
    ReactionFactory.create(message=message, emoji="before")

    with pytest.raises(IntegrityError, match="21 different emoji"):
        copy_reactions(
            [(message.server_id, message.id, message.author_id, f"e{n}") for n in range(20)]
        )


def test_copy_of_many_with_few_emoji_is_fine() -> None:
    message = MessageFactory.create()
    crowd = UserFactory.create_batch(30)

    copy_reactions([(message.server_id, message.id, user.id, "⚓") for user in crowd])

    assert value("SELECT count(*) FROM reactions") == 30


# --- what counts again ---


def test_channel_is_not_brought_back_past_the_limit() -> None:
    place = channels()
    execute(
        "INSERT INTO channels (server_id, name, deleted_at) VALUES (%s, 'gone', now())", *place.ids
    )
    place.fill(up_to=500)

    refusal = refused("UPDATE channels SET deleted_at = NULL WHERE name = 'gone'")

    assert refusal == by_check("channels_limit")
    execute(
        "UPDATE channels SET deleted_at = now() WHERE id = (SELECT max(id::text)::uuid FROM"
        " channels WHERE name = 'pier')"
    )
    assert execute("UPDATE channels SET deleted_at = NULL WHERE name = 'gone'") == 1


def test_several_are_not_brought_back_at_once_past_the_limit() -> None:
    place = channels()
    execute(
        "INSERT INTO channels (server_id, name, deleted_at)"
        " SELECT %s, 'gone', now() FROM generate_series(1, 3)",
        *place.ids,
    )
    place.fill(up_to=498)

    refusal = refused("UPDATE channels SET deleted_at = NULL WHERE name = 'gone'")

    assert refusal == by_check("channels_limit")


def test_upsert_brings_nothing_back_past_the_limit() -> None:
    place = channels()
    gone = ChannelFactory.create(server_id=place.ids[0], server=None)
    execute("UPDATE channels SET deleted_at = now() WHERE id = %s", gone.id)
    place.fill(up_to=500)

    refusal = refused(
        "INSERT INTO channels (id, server_id, name) VALUES (%s, %s, 'back')"
        " ON CONFLICT (id) DO UPDATE SET deleted_at = NULL",
        gone.id,
        place.ids[0],
    )

    assert refusal == by_check("channels_limit")


def test_thread_does_not_become_a_channel_past_the_limit() -> None:
    talk = threads()
    talk.fill(up_to=1)
    execute(
        "INSERT INTO channels (server_id, name) SELECT %s, 'pier' FROM generate_series(1, 499)",
        talk.ids[0],
    )

    refusal = refused("UPDATE channels SET kind = 'text', parent_id = NULL WHERE kind = 'thread'")

    assert refusal == by_check("channels_limit")


def test_channel_does_not_become_a_thread_past_the_limit() -> None:
    talk = threads()
    talk.fill(up_to=1000)
    pier = ChannelFactory.create(server_id=talk.ids[0], server=None)

    refusal = refused(
        "UPDATE channels SET kind = 'thread', parent_id = %s WHERE id = %s", talk.ids[1], pier.id
    )

    assert refusal == by_check("channels_thread_limit")


def test_channel_of_a_full_server_is_still_changed() -> None:
    place = channels()
    place.fill(up_to=500)

    changed = execute("UPDATE channels SET kind = 'voice', deleted_at = NULL, name = 'quay'")

    assert changed == 500


@pytest.mark.parametrize(("make", "table"), [(pins, "messages"), (direct_pins, "direct_messages")])
def test_message_is_not_pinned_past_the_limit(make: Callable[[], Place], table: str) -> None:
    make().fill(up_to=250)

    refusal = refused(f"UPDATE {table} SET pinned_at = now() WHERE pinned_at IS NULL")

    assert refusal == by_check(f"{table}_pin_limit")


@pytest.mark.parametrize(("make", "table"), [(pins, "messages"), (direct_pins, "direct_messages")])
def test_pinned_message_is_not_brought_back_past_the_limit(
    make: Callable[[], Place], table: str
) -> None:
    place = make()
    execute(f"UPDATE {table} SET pinned_at = now(), deleted_at = now()")
    place.fill(up_to=250)

    refusal = refused(f"UPDATE {table} SET deleted_at = NULL")

    assert refusal == by_check(f"{table}_pin_limit")
    assert execute(f"UPDATE {table} SET deleted_at = NULL, pinned_at = NULL") == 251


@pytest.mark.parametrize(("make", "table"), [(pins, "messages"), (direct_pins, "direct_messages")])
def test_pinned_message_of_a_full_channel_is_still_changed(
    make: Callable[[], Place], table: str
) -> None:
    make().fill(up_to=250)

    changed = execute(
        f"UPDATE {table} SET content = 'ahoy!', pinned_at = now() WHERE pinned_at IS NOT NULL"
    )

    assert changed == 250


@pytest.mark.parametrize("make", [emoji, direct_emoji])
def test_reaction_is_not_changed_to_a_twenty_first_emoji(make: Callable[[], Place]) -> None:
    place = make()
    place.fill(up_to=20)
    execute(
        "UPDATE reactions SET emoji = 'other' WHERE id = (SELECT max(id::text)::uuid FROM"
        " reactions)"
    )
    member = make_member(place)
    execute(place.add.replace("gen_random_uuid()::text", "'other'"), *place.ids[:2], member, 1)

    refusal = refused("UPDATE reactions SET emoji = 'another' WHERE user_id = %s", member)

    assert refusal == by_check("reactions_emoji_limit")


def make_member(place: Place) -> Any:
    """Return the id of a second one who can react there."""
    if "direct" not in place.count:
        return UserFactory.create().id
    return value(
        "SELECT user_id FROM direct_participants WHERE conversation_id = %s AND user_id <> %s",
        *place.ids[1:],
    )


@pytest.mark.parametrize("make", [emoji, direct_emoji])
def test_emoji_that_is_there_is_put_again_under_a_full_message(make: Callable[[], Place]) -> None:
    place = make()
    place.fill(up_to=20)
    there = value("SELECT min(emoji) FROM reactions")

    added = execute(
        place.add.replace("gen_random_uuid()::text", f"'{there}'"),
        *place.ids[:2],
        make_member(place),
        1,
    )

    assert added == 1


def test_who_has_left_a_full_group_does_not_come_back() -> None:
    place = group()
    gone = DirectParticipantFactory.create(conversation_id=place.ids[0], conversation=None)
    execute("UPDATE direct_participants SET left_at = now() WHERE id = %s", gone.id)
    place.fill(up_to=10)

    refusal = refused("UPDATE direct_participants SET left_at = NULL WHERE id = %s", gone.id)

    assert refusal == by_check("direct_participants_limit")


# --- two at once ---


@pytest.fixture
def last(place: Place, transactional_db: None) -> Place:
    """Return a place with room for one more."""
    place.fill(up_to=place.most - 1)
    return place


def test_second_waits_for_the_last_place_and_is_refused(
    connect: Connect, start_and_wait: StartAndWait, last: Place
) -> None:
    first, second = connect(), connect()
    first.execute(last.add, last.params(1))

    late = start_and_wait(second, first, last.add, *last.params(1))
    first.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        late.result(timeout=10)
    second.rollback()
    assert refusal.value.diag.constraint_name == last.constraint
    assert last.counted() == last.most


def test_second_takes_the_last_place_when_the_first_gives_it_back(
    connect: Connect, start_and_wait: StartAndWait
) -> None:
    last = channels()
    last.fill(up_to=499)
    first, second = connect(), connect()
    first.execute(last.add, last.params(1))

    late = start_and_wait(second, first, last.add, *last.params(1))
    first.rollback()

    late.result(timeout=10)
    second.commit()
    assert last.counted() == 500


def test_of_many_at_once_one_has_the_last_place(connect: Connect, last: Place) -> None:
    clients = [connect() for _ in range(6)]
    start = Barrier(len(clients), timeout=60)

    def add(client: psycopg.Connection[Any]) -> str:
        start.wait()
        try:
            client.execute(last.add, last.params(1))
        except psycopg.errors.CheckViolation as refusal:
            client.rollback()
            return str(refusal.diag.constraint_name)
        client.commit()
        return "added"

    with ThreadPoolExecutor(len(clients)) as pool:
        outcomes = sorted(pool.map(add, clients))

    assert outcomes == sorted(["added", *[last.constraint] * 5])
    assert last.counted() == last.most


def test_client_that_may_not_see_the_others_is_refused(connect: Connect, last: Place) -> None:
    seeing, blind = connect(), connect()
    blind.isolation_level = IsolationLevel.REPEATABLE_READ
    blind.execute("SELECT count(*) FROM servers")
    seeing.execute(last.add, last.params(1))
    seeing.commit()

    with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.SerializationFailure)):
        blind.execute(last.add, last.params(1))

    blind.rollback()
    assert last.counted() == last.most


def test_isolation_level_that_is_refused_is_named(connect: Connect) -> None:
    place = channels()
    blind = connect()
    blind.isolation_level = IsolationLevel.SERIALIZABLE

    with pytest.raises(
        psycopg.errors.FeatureNotSupported,
        match="channels are made at READ COMMITTED, not at SERIALIZABLE",
    ):
        blind.execute(place.add, place.params(1))


@pytest.mark.parametrize("turn", range(3))
def test_pins_by_update_race_for_the_last_place(connect: Connect, turn: int) -> None:
    place = pins()
    place.fill(up_to=249)
    unpinned = [
        MessageFactory.create(
            channel_id=place.ids[0], channel=None, server_id=place.ids[1], server=None
        ).id
        for _ in range(4)
    ]
    clients = [connect() for _ in unpinned]
    start = Barrier(len(clients), timeout=60)

    def pin(client: psycopg.Connection[Any], message: Any) -> bool:
        start.wait()
        try:
            client.execute("UPDATE messages SET pinned_at = now() WHERE id = %s", [message])
        except psycopg.errors.CheckViolation:
            client.rollback()
            return False
        client.commit()
        return True

    with ThreadPoolExecutor(len(clients)) as pool:
        outcomes = list(pool.map(pin, clients, unpinned))

    assert sum(outcomes) == 1
    assert place.counted() == 250


# --- an emoji that is there already ---

REACT = "INSERT INTO reactions (space_id, message_id, user_id, emoji) VALUES (%s, %s, %s, %s)"


@pytest.fixture
def full(transactional_db: None) -> Message:
    """Return a message with twenty emoji, each put once by its author."""
    message: Message = MessageFactory.create()
    for n in range(20):
        ReactionFactory.create(message=message, user=message.author, emoji=f"e{n}")
    return message


def test_emoji_that_is_there_leaves_the_message_to_its_writers(
    connect: Connect, full: Message
) -> None:
    reacting, editing = connect(), connect()
    reacting.execute(REACT, [full.server_id, full.id, UserFactory.create().id, "e0"])
    editing.execute("SET lock_timeout = '1s'")

    editing.execute("UPDATE messages SET content = 'edited' WHERE id = %s", [full.id])

    editing.commit()
    reacting.commit()
    assert rows("SELECT content FROM messages") == [("edited",)]


def test_emoji_that_is_there_is_put_at_every_isolation_level(
    connect: Connect, full: Message
) -> None:
    reacting = connect()
    reacting.isolation_level = IsolationLevel.REPEATABLE_READ

    reacting.execute(REACT, [full.server_id, full.id, UserFactory.create().id, "e0"])
    reacting.commit()

    assert value("SELECT count(*) FROM reactions WHERE emoji = 'e0'") == 2


def test_emoji_that_is_repeated_does_not_go_before_the_repetition_is_seen(
    connect: Connect, start_and_wait: StartAndWait, full: Message
) -> None:
    repeating, removing, adding = connect(), connect(), connect()
    repeating.execute(REACT, [full.server_id, full.id, UserFactory.create().id, "e0"])

    removal = start_and_wait(
        removing,
        repeating,
        "DELETE FROM reactions WHERE emoji = 'e0' AND user_id = %s",
        full.author_id,
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        adding.execute(REACT, [full.server_id, full.id, full.author_id, "another"])
    adding.rollback()
    repeating.commit()
    removal.result(timeout=10)
    removing.commit()

    with pytest.raises(psycopg.errors.CheckViolation):
        adding.execute(REACT, [full.server_id, full.id, full.author_id, "another"])
    adding.rollback()
    assert value("SELECT count(DISTINCT emoji) FROM reactions") == 20


def test_repetition_that_waits_for_the_emoji_to_go_is_counted_as_new(
    connect: Connect, start_and_wait: StartAndWait, full: Message
) -> None:
    repeating, removing = connect(), connect()
    removing.execute("DELETE FROM reactions WHERE emoji = 'e0'")
    removing.execute(REACT, [full.server_id, full.id, full.author_id, "another"])

    repetition = start_and_wait(
        repeating, removing, REACT, full.server_id, full.id, UserFactory.create().id, "e0"
    )
    removing.commit()

    with pytest.raises(psycopg.errors.CheckViolation):
        repetition.result(timeout=10)
    repeating.rollback()
    assert value("SELECT count(DISTINCT emoji) FROM reactions") == 20


# --- what it costs ---


def limits_asked(statement: str, *params: Any) -> set[str]:
    """Return the triggers of limits that a statement fires."""
    (plan,) = value(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *params)
    return {name for each in plan["Triggers"] if "_limit" in (name := each["Trigger Name"])}


def test_pinned_message_asks_for_a_limit() -> None:
    place = pins()

    assert limits_asked(place.add, *place.params(1)) == {"messages_pin_limit_new"}


def test_send_edit_and_deletion_ask_for_no_limit() -> None:
    message, direct = MessageFactory.create(), DirectMessageFactory.create()
    send = "INSERT INTO messages (server_id, channel_id, author_id) VALUES (%s, %s, %s)"
    send_direct = "INSERT INTO direct_messages (conversation_id, author_id) VALUES (%s, %s)"

    assert limits_asked(send, message.server_id, message.channel_id, message.author_id) == set()
    assert limits_asked(send_direct, direct.conversation_id, direct.author_id) == set()
    for statement in (
        "UPDATE messages SET content = 'edited'",
        "UPDATE messages SET deleted_at = now(), pinned_at = NULL",
        "UPDATE channels SET last_seq = last_seq + 1, name = 'quay'",
        "UPDATE channels SET deleted_at = now()",
        "UPDATE direct_conversations SET last_seq = last_seq + 1",
        "UPDATE direct_participants SET last_read_seq = 0, left_at = now()",
    ):
        assert limits_asked(statement) == set(), statement
