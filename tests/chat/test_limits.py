"""There are never more than there may be, whoever writes and whoever writes at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from psycopg import IsolationLevel
from pytest_django import DjangoDbBlocker

from chat.errors import LimitReached
from chat.models import Channel, Message, Server
from chat.services.core.use_case import limit_reached, use_case
from tests.chat.conftest import Connect, StartAndWait
from tests.chat.sql import SEND, Refusal, by_check, execute, refused, rows, value
from tests.concurrency.connections import connect
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MessageFactory,
    ParticipantFactory,
    ReactionFactory,
    ServerFactory,
    somebody_in,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _vacuumed(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Clear away the dead rows of other tests, which keys read again for each of 1,000 channels."""
    with django_db_blocker.unblock(), connect() as own:
        own.execute("VACUUM channels, channel_counters, servers")


def rows_read(*, by_index: bool = False) -> int:
    """Return how many rows of channels and counters this transaction has read."""
    read: int = value(
        "SELECT sum(seq_tup_read + CASE WHEN %s THEN idx_tup_fetch ELSE 0 END)::bigint"
        " FROM pg_stat_xact_user_tables WHERE relname IN ('channels', 'channel_counters')",
        by_index,
    )
    return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What has a limit: how to add to it, and how many are in it."""

    constraint: str
    most: int
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
        """Add what is not yet the subject; channels past their triggers, of 1 ms each."""
        many = up_to - self.counted()
        if self.table != "channels":
            execute(self.add, *self.params(many))
            return
        with transaction.atomic():
            execute("SET LOCAL session_replication_role = replica")
            execute(self.add, *self.params(many))
            execute(
                "INSERT INTO channel_counters (space_id, channel_id)"
                " SELECT space_id, id FROM channels ON CONFLICT DO NOTHING"
            )
            execute("SET LOCAL session_replication_role = origin")


def channels() -> Place:
    return Place(
        constraint="channels_limit",
        most=500,
        table="channels",
        add=(
            "INSERT INTO channels (space_id, server_id, name) SELECT given, given, 'pier'"
            " FROM CAST(%s AS uuid) AS given, generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM channels"
            " WHERE space_id = %s AND kind <> 'thread' AND deleted_at IS NULL"
        ),
        ids=(ServerFactory.create().id,),
    )


def threads() -> Place:
    channel = ChannelFactory.create()
    return Place(
        constraint="channels_thread_limit",
        most=1000,
        table="channels",
        add=(
            "INSERT INTO channels (space_id, server_id, parent_id, kind, name)"
            " SELECT given, given, parent, 'thread', 'rumours' FROM"
            " CAST(%s AS uuid) AS given, CAST(%s AS uuid) AS parent, generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM channels"
            " WHERE space_id = %s AND kind = 'thread' AND deleted_at IS NULL"
            " AND archived_at IS NULL"
        ),
        ids=(channel.server_id, channel.id),
    )


def pins(channel: Channel | None = None) -> Place:
    message = MessageFactory.create(channel=channel or ChannelFactory.create())
    return Place(
        constraint="messages_pin_limit",
        most=250,
        table="messages",
        add=(
            "INSERT INTO messages (channel_id, space_id, author_id, pinned_at)"
            " SELECT %s, %s, %s, now() FROM generate_series(1, %s)"
        ),
        count=(
            "SELECT count(*) FROM messages"
            " WHERE channel_id = %s AND pinned_at IS NOT NULL AND deleted_at IS NULL"
        ),
        ids=(message.channel_id, message.space_id, message.author_id),
    )


def emoji(channel: Channel | None = None) -> Place:
    message = MessageFactory.create(channel=channel or ChannelFactory.create())
    return Place(
        constraint="reactions_emoji_limit",
        most=20,
        table="reactions",
        add=(
            "INSERT INTO reactions (message_id, space_id, user_id, emoji)"
            " SELECT %s, %s, %s, ':' || left(md5(random()::text), 20) || ':'"
            " FROM generate_series(1, %s)"
        ),
        count="SELECT count(DISTINCT emoji) FROM reactions WHERE message_id = %s",
        ids=(message.id, message.space_id, message.author_id),
    )


def group() -> Place:
    return Place(
        constraint="participants_limit",
        most=10,
        table="participants",
        add=(
            "WITH place (id) AS (SELECT %s::uuid), people AS ("
            "INSERT INTO users (username)"
            " SELECT 'mate_' || substr(md5(random()::text), 1, 20) FROM generate_series(1, %s)"
            " RETURNING id"
            ") INSERT INTO participants (space_id, user_id)"
            " SELECT place.id, people.id FROM place, people"
        ),
        count=("SELECT count(*) FROM participants WHERE space_id = %s AND left_at IS NULL"),
        ids=(DirectConversationFactory.create(group=True).id,),
    )


PLACES = [channels, threads, pins, emoji, group]


@pytest.fixture(params=PLACES, ids=lambda make: make.__name__)
def limited(request: pytest.FixtureRequest, db: None) -> Place:
    make: Callable[[], Place] = request.param
    return make()


# --- what is added ---


# First: plans made for small tables scan what the tests below leave dead, once a thread.
def test_no_new_thread_joins_all_the_others_whatever_the_planner_has_seen(db: None) -> None:
    """The plans are made while the tables are small, as after the first ANALYZE of a database."""
    place = threads()
    execute("ANALYZE")

    before = rows_read()
    assert execute(place.add, *place.params(300)) == 300

    # A key of a thread may look at the threads before it; nothing joins them with each other.
    assert rows_read() - before < 300 * 300


def test_each_channel_is_closed_by_its_key_whatever_the_planner_has_seen(db: None) -> None:
    """As where VACUUM has found the tables empty: the planner expects one channel in a server."""
    place = threads()
    execute(
        "UPDATE pg_class SET reltuples = 1, relpages = 100"
        " WHERE relname IN ('channels', 'channel_counters')"
    )
    place.fill(up_to=1000)
    before = rows_read(by_index=True)

    execute(channels().add, place.ids[0], 20)

    # A key may look at all channels of the server, once or twice for each new one.
    assert rows_read(by_index=True) - before < 20 * 3 * 1000


def test_the_last_place_is_taken_and_no_further_one(limited: Place) -> None:
    @use_case
    def add(many: int) -> None:
        execute(limited.add, *limited.params(many))

    limited.fill(up_to=limited.most - 1)

    assert refused(limited.add, *limited.params(2)) == by_check(limited.constraint)
    assert execute(limited.add, *limited.params(1)) == 1
    assert limited.counted() == limited.most
    assert refused(limited.add, *limited.params(1)) == by_check(limited.constraint)

    # What the refusal says, and what a service makes of it.
    with pytest.raises(DatabaseError) as refusal, transaction.atomic():
        execute(limited.add, *limited.params(1))
    assert Refusal.of(refusal.value) == by_check(limited.constraint)
    assert str(refusal.value).startswith(f"{limited.most + 1} ")
    assert f"more than the {limited.most} that there may be" in str(refusal.value)
    with pytest.raises(LimitReached) as reached:
        add(1)
    assert reached.value.limit == limited.most


def test_no_other_rule_is_a_limit() -> None:
    assert limit_reached("channels_kind_ck") is None


@pytest.mark.one_machine("there are checks to come on another machine, which alters no table then")
def test_what_is_over_the_limit_stays_and_nothing_is_added(limited: Place) -> None:
    looking = rows(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname ~ '_limit_'",
        limited.table,
    )
    for state in ("DISABLE", "ENABLE"):
        # PostgreSQL alters no table of which a check is still to come.
        execute("SET CONSTRAINTS ALL IMMEDIATE")
        execute("SET CONSTRAINTS ALL DEFERRED")
        for (trigger,) in looking:
            execute(f"ALTER TABLE {limited.table} {state} TRIGGER {trigger}")
        if state == "DISABLE":
            limited.fill(up_to=limited.most + 2)

    assert execute(f"UPDATE {limited.table} SET id = id") >= limited.most + 2
    assert refused(limited.add, *limited.params(1)) == by_check(limited.constraint)


def test_channels_and_threads_leave_room_for_each_other() -> None:
    talk = threads()
    talk.fill(up_to=1000)

    execute(channels().add, talk.ids[0], 499)

    assert value("SELECT count(*) FROM channels") == 1500


def test_each_server_has_its_own_limit() -> None:
    first, second = ServerFactory.create(), ServerFactory.create()

    added = execute(
        "INSERT INTO channels (space_id, server_id, name)"
        " SELECT given, given, 'pier' FROM unnest(%s::uuid[]) AS given, generate_series(1, 500)",
        [first.id, second.id],
    )

    assert added == 1000


def test_fullest_of_several_in_one_statement_is_found() -> None:
    first, second = channels(), channels()
    first.fill(up_to=500)

    refusal = refused(
        "INSERT INTO channels (space_id, server_id, name)"
        " SELECT given, given, 'pier' FROM unnest(%s::uuid[]) AS given",
        [second.ids[0], first.ids[0]],
    )

    assert refusal == by_check("channels_limit")


def test_pair_has_two_and_its_insert_looks_for_no_more() -> None:
    pair = DirectConversationFactory.create()

    assert value("SELECT count(*) FROM participants") == 2
    assert pair.kind == "pair"


# --- COPY ---


def copy_reactions(given: list[tuple[Any, ...]], *, importing: str) -> None:
    execute(f"SET LOCAL chat.import = '{importing}'")
    with (
        transaction.atomic(),
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy("COPY reactions (space_id, message_id, user_id, emoji) FROM STDIN") as copy,
    ):
        for row in given:
            copy.write_row(row)


@pytest.mark.parametrize("importing", ["off", "on"])
def test_copy_with_a_twenty_first_emoji_is_refused(importing: str) -> None:
    fine, full = MessageFactory.create(), MessageFactory.create()

    with pytest.raises(DatabaseError) as refusal:
        copy_reactions(
            [
                (message.space_id, message.id, message.author_id, f":e{n}:")
                for message, kinds in ((fine, 20), (full, 21))
                for n in range(kinds)
            ],
            importing=importing,
        )

    assert Refusal.of(refusal.value) == by_check("reactions_emoji_limit")
    assert str(full.id) in str(refusal.value)
    assert value("SELECT count(*) FROM reactions") == 0


@pytest.mark.parametrize("importing", ["off", "on"])
def test_copy_counts_what_is_there(importing: str) -> None:
    message = MessageFactory.create()
    ReactionFactory.create(message=message, emoji=":before:")

    with pytest.raises(DatabaseError, match="21 different emoji") as refusal:
        copy_reactions(
            [(message.space_id, message.id, message.author_id, f":e{n}:") for n in range(20)],
            importing=importing,
        )

    assert Refusal.of(refusal.value) == by_check("reactions_emoji_limit")


@pytest.mark.parametrize("importing", ["off", "on"])
def test_copy_of_many_with_few_emoji_is_fine(importing: str) -> None:
    message = MessageFactory.create()
    crowd = [somebody_in(message.channel) for _ in range(30)]

    copy_reactions(
        [(message.space_id, message.id, user.id, "⚓") for user in crowd], importing=importing
    )

    assert value("SELECT count(*) FROM reactions") == 30


# --- what counts again ---


def test_channel_is_not_brought_back_past_the_limit() -> None:
    place = channels()
    execute(
        "INSERT INTO channels (space_id, server_id, name, deleted_at)"
        " SELECT id, id, 'gone', now() FROM servers"
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
        "INSERT INTO channels (space_id, server_id, name, deleted_at)"
        " SELECT id, id, 'gone', now() FROM servers, generate_series(1, 3)"
    )
    place.fill(up_to=498)

    refusal = refused("UPDATE channels SET deleted_at = NULL WHERE name = 'gone'")

    assert refusal == by_check("channels_limit")


@pytest.mark.one_machine("an id is no key without its space")
def test_upsert_brings_nothing_back_past_the_limit() -> None:
    place = channels()
    gone = ChannelFactory.create(server=Server.objects.get())
    execute("UPDATE channels SET deleted_at = now() WHERE id = %s", gone.id)
    place.fill(up_to=500)

    refusal = refused(
        "INSERT INTO channels (id, space_id, server_id, name) VALUES (%s, %s, %s, 'back')"
        " ON CONFLICT (id) DO UPDATE SET deleted_at = NULL",
        gone.id,
        *place.ids * 2,
    )

    assert refusal == by_check("channels_limit")


def test_thread_does_not_become_a_channel_past_the_limit() -> None:
    talk = threads()
    talk.fill(up_to=1)
    execute(channels().add, talk.ids[0], 499)

    refusal = refused("UPDATE channels SET kind = 'text', parent_id = NULL WHERE kind = 'thread'")

    assert refusal == by_check("channels_limit")


def test_channel_does_not_become_a_thread_past_the_limit() -> None:
    talk = threads()
    talk.fill(up_to=1000)
    pier = ChannelFactory.create(server=Server.objects.get())

    refusal = refused(
        "UPDATE channels SET kind = 'thread', parent_id = %s WHERE id = %s", talk.ids[1], pier.id
    )

    assert refusal == by_check("channels_thread_limit")


def test_channel_of_a_full_server_is_still_changed() -> None:
    place = channels()
    place.fill(up_to=500)

    changed = execute("UPDATE channels SET kind = 'voice', deleted_at = NULL, name = 'quay'")

    assert changed == 500


def test_message_is_not_pinned_past_the_limit(place: Channel) -> None:
    pins(place).fill(up_to=250)

    refusal = refused("UPDATE messages SET pinned_at = now() WHERE pinned_at IS NULL")

    assert refusal == by_check("messages_pin_limit")


def test_pinned_message_is_not_brought_back_past_the_limit() -> None:
    place = pins()
    execute("UPDATE messages SET pinned_at = now(), deleted_at = now()")
    place.fill(up_to=250)

    refusal = refused("UPDATE messages SET deleted_at = NULL")

    assert refusal == by_check("messages_pin_limit")
    assert execute("UPDATE messages SET deleted_at = NULL, pinned_at = NULL") == 251


def test_pinned_message_of_a_full_channel_is_still_changed() -> None:
    pins().fill(up_to=250)

    changed = execute(
        "UPDATE messages SET content = 'ahoy!', pinned_at = now() WHERE pinned_at IS NOT NULL"
    )

    assert changed == 250


def test_reaction_is_not_changed_to_a_twenty_first_emoji_but_to_one_that_is_there() -> None:
    message = MessageFactory.create()
    place = emoji(message.channel)
    place.fill(up_to=20)
    there = value("SELECT min(emoji) FROM reactions")
    mate = somebody_in(message.channel)

    execute(REACT, place.ids[1], place.ids[0], mate.id, there)

    refusal = refused("UPDATE reactions SET emoji = ':another:' WHERE user_id = %s", mate.id)
    assert refusal == by_check("reactions_emoji_limit")
    assert execute(
        "UPDATE reactions SET emoji = (SELECT max(emoji) FROM reactions) WHERE user_id = %s",
        mate.id,
    )


def test_twenty_first_emoji_in_a_conversation_is_refused(place: Channel) -> None:
    message = emoji(place)
    message.fill(up_to=20)

    assert refused(message.add, *message.params(1)) == by_check("reactions_emoji_limit")


def test_who_has_left_a_full_group_does_not_come_back() -> None:
    place = group()
    gone = ParticipantFactory.create(channel=Channel.objects.get())
    execute("UPDATE participants SET left_at = now() WHERE id = %s", gone.id)
    place.fill(up_to=10)

    refusal = refused("UPDATE participants SET left_at = NULL WHERE id = %s", gone.id)

    assert refusal == by_check("participants_limit")


# --- two at once ---


@pytest.fixture
def last(limited: Place, transactional_db: None) -> Place:
    """Return a place with room for one more."""
    limited.fill(up_to=limited.most - 1)
    return limited


@pytest.mark.one_machine("COPY is refused by an internal error there")
def test_second_waits_for_the_last_place_and_who_may_not_see_the_first_is_refused(
    connect: Connect, start_and_wait: StartAndWait, last: Place
) -> None:
    first, second, blind = connect(), connect(), connect()
    blind.isolation_level = IsolationLevel.REPEATABLE_READ
    blind.execute("SELECT count(*) FROM servers")
    first.execute(last.add, last.params(1))

    late = start_and_wait(second, first, last.add, *last.params(1))
    first.commit()

    with pytest.raises(psycopg.errors.CheckViolation) as refusal:
        late.result(timeout=10)
    second.rollback()
    assert refusal.value.diag.constraint_name == last.constraint
    with pytest.raises((psycopg.errors.FeatureNotSupported, psycopg.errors.SerializationFailure)):
        blind.execute(last.add, last.params(1))
    blind.rollback()
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


@pytest.mark.one_machine("COPY is refused by an internal error there")
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


@pytest.mark.one_machine("COPY is refused by an internal error there")
def test_isolation_level_that_is_refused_is_named(connect: Connect) -> None:
    place = channels()
    blind = connect()
    blind.isolation_level = IsolationLevel.SERIALIZABLE

    with pytest.raises(
        psycopg.errors.FeatureNotSupported,
        match="channels are made at READ COMMITTED, not at SERIALIZABLE",
    ):
        blind.execute(place.add, place.params(1))


def test_pins_by_update_race_for_the_last_place(connect: Connect) -> None:
    place = pins()
    place.fill(up_to=249)
    channel = Channel.objects.get()
    unpinned = [message.id for message in MessageFactory.create_batch(4, channel=channel)]
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
        ReactionFactory.create(message=message, user=message.author, emoji=f":e{n}:")
    return message


def test_emoji_that_is_there_leaves_the_message_to_its_writers(
    connect: Connect, full: Message
) -> None:
    reacting, editing = connect(), connect()
    reacting.execute(REACT, [full.space_id, full.id, somebody_in(full.channel).id, ":e0:"])
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

    reacting.execute(REACT, [full.space_id, full.id, somebody_in(full.channel).id, ":e0:"])
    reacting.commit()

    assert value("SELECT count(*) FROM reactions WHERE emoji = ':e0:'") == 2


def test_emoji_that_is_repeated_does_not_go_before_the_repetition_is_seen(
    connect: Connect, start_and_wait: StartAndWait, full: Message
) -> None:
    repeating, removing, adding = connect(), connect(), connect()
    repeating.execute(REACT, [full.space_id, full.id, somebody_in(full.channel).id, ":e0:"])

    removal = start_and_wait(
        removing,
        repeating,
        "DELETE FROM reactions WHERE emoji = ':e0:' AND user_id = %s",
        full.author_id,
    )
    with pytest.raises(psycopg.errors.CheckViolation):
        adding.execute(REACT, [full.space_id, full.id, full.author_id, ":another:"])
    adding.rollback()
    repeating.commit()
    removal.result(timeout=10)
    removing.commit()

    with pytest.raises(psycopg.errors.CheckViolation):
        adding.execute(REACT, [full.space_id, full.id, full.author_id, ":another:"])
    adding.rollback()
    assert value("SELECT count(DISTINCT emoji) FROM reactions") == 20


def test_repetition_that_waits_for_the_emoji_to_go_is_counted_as_new(
    connect: Connect, start_and_wait: StartAndWait, full: Message
) -> None:
    repeating, removing = connect(), connect()
    removing.execute("DELETE FROM reactions WHERE emoji = ':e0:'")
    removing.execute(REACT, [full.space_id, full.id, full.author_id, ":another:"])

    repetition = start_and_wait(
        repeating, removing, REACT, full.space_id, full.id, somebody_in(full.channel).id, ":e0:"
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


@pytest.mark.one_machine("it reads plans, which are those of each part")
def test_pinned_message_asks_for_a_limit() -> None:
    place = pins()

    assert limits_asked(place.add, *place.params(1)) == {"messages_pin_limit_new"}


@pytest.mark.one_machine("it reads plans, which are those of each part")
def test_send_edit_and_deletion_ask_for_no_limit(place: Channel) -> None:
    message = MessageFactory.create(channel=place)
    channel = ChannelFactory.create()

    for statement, *params in (
        (SEND, message.space_id, message.channel_id, message.author_id),
        ("UPDATE messages SET content = 'edited'",),
        ("UPDATE messages SET deleted_at = now(), pinned_at = NULL",),
        ("UPDATE channels SET name = 'quay' WHERE id = %s", channel.id),
        ("UPDATE channels SET archived_at = now(), deleted_at = now()",),
        ("UPDATE participants SET left_at = now() WHERE space_id <> %s", message.space_id),
    ):
        assert limits_asked(statement, *params) == set(), statement
