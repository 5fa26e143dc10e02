"""Conversations: one for each pair, in no server, and only who takes part writes."""

from uuid import UUID

import pytest

from chat.db.ids import direct_pair_id, uuid7
from chat.models import Channel, DirectConversation, User
from tests.chat.sql import (
    SEND,
    by_check,
    by_foreign_key,
    by_unique_key,
    execute,
    refused,
    rows,
    value,
)
from tests.chat.test_database_roles import acting_as, roles
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MessageFactory,
    ParticipantFactory,
    ReadStateFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

OPEN = (
    "INSERT INTO channels (id, space_id, kind, name, pair_low_id, pair_high_id) "
    "VALUES (%s, %s, 'pair', '', %s, %s)"
)
OPEN_GROUP = "INSERT INTO channels (id, space_id, kind, name) VALUES (%s, %s, 'group', '')"
JOIN = "INSERT INTO participants (space_id, user_id) VALUES (%s, %s)"
LEAVE = "UPDATE participants SET left_at = now() WHERE space_id = %s AND user_id = %s"


@pytest.fixture
def pair() -> DirectConversation:
    return DirectConversationFactory.create()


@pytest.fixture
def group() -> DirectConversation:
    return DirectConversationFactory.create(group=True)


@pytest.fixture
def stranger() -> User:
    return UserFactory.create()


# --- a pair is one ---


@pytest.mark.one_machine("of two keys that a row breaks, another is named first")
def test_second_conversation_of_a_pair_is_refused_whichever_way_it_is_asked_for(
    pair: DirectConversation,
) -> None:
    low, high, other = pair.pair_low_id, pair.pair_high_id, uuid7()

    assert refused(OPEN, pair.id, pair.id, low, high) == by_unique_key("channels_pkey")
    # The higher id first, under the same id or under another.
    for own in (pair.id, other):
        assert refused(OPEN, own, own, high, low) == by_check("channels_pair_ck")
    assert refused(OPEN, other, other, low, high) == by_check("channels_pair_ck")


def test_id_of_a_pair_is_not_for_another_channel(stranger: User) -> None:
    taken = direct_pair_id(stranger.id, UserFactory.create().id)
    server = ServerFactory.create()

    assert refused(OPEN_GROUP, taken, taken) == by_check("channels_pair_ck")
    assert refused(
        "INSERT INTO channels (id, space_id, server_id, name) VALUES (%s, %s, %s, 'pier')",
        taken,
        server.id,
        server.id,
    ) == by_check("channels_pair_ck")


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("pair_high_id = owner_id", "pair_ck"),
        ("pair_low_id = NULL", "pair_ck"),
        ("name = 'crew'", "pair_ck"),
        ("owner_id = pair_low_id", "owner_ck"),
        ("id = uuidv7()", "pair_ck"),
        ("id = uuidv7(), space_id = uuidv7()", "tenant_fixed"),
        ("kind = 'group', pair_low_id = NULL, pair_high_id = NULL", "kind_fixed"),
        ("kind = 'text', name = 'pier'", "kind_fixed"),
    ],
)
def test_pair_stays_what_it_is(pair: DirectConversation, assignment: str, constraint: str) -> None:
    refusal = refused(f"UPDATE channels SET {assignment} WHERE id = %s", pair.id)

    assert refusal == by_check(f"channels_{constraint}")


def test_group_has_no_pair_and_becomes_none(group: DirectConversation, stranger: User) -> None:
    own = direct_pair_id(stranger.id, stranger.id)

    for assignment, constraint in (
        ("pair_low_id = %s, pair_high_id = %s", "channels_pair_ck"),
        (
            f"kind = 'pair', id = '{own}', pair_low_id = %s, pair_high_id = %s",
            "channels_kind_fixed",
        ),
    ):
        assert refused(
            f"UPDATE channels SET {assignment} WHERE id = %s", stranger.id, stranger.id, group.id
        ) == by_check(constraint)


def test_somebody_can_write_to_themselves(stranger: User) -> None:
    own = direct_pair_id(stranger.id, stranger.id)
    execute(OPEN, own, own, stranger.id, stranger.id)
    execute(JOIN, own, stranger.id)

    assert execute(SEND, own, own, stranger.id) == 1


def test_python_and_the_database_agree_on_the_id_of_a_pair() -> None:
    pairs = rows(
        "SELECT one, other, direct_pair_id(one, other), direct_pair_id(other, one) "
        "FROM (SELECT gen_random_uuid() AS one, gen_random_uuid() AS other "
        "FROM generate_series(1, 200)) AS pairs"
    )

    assert len(pairs) == 200
    assert [
        (one, other)
        for one, other, forth, back in pairs
        if not forth == back == direct_pair_id(one, other) == direct_pair_id(other, one)
    ] == []


def test_id_of_a_pair_is_the_one_that_other_clients_compute() -> None:
    low, high = UUID(int=1), UUID(int=2)

    # The first 16 bytes of SHA-256 over both, with version 8 and its variant put in.
    assert direct_pair_id(high, low) == UUID("78d68721-debb-823c-b880-232869a63e25")


# --- no server ---


@pytest.mark.parametrize(
    ("kind", "space", "server"),
    [
        # A conversation that claims a server, or a space that is not its own.
        ("group", "server", "server"),
        ("group", "own", "server"),
        ("group", "server", None),
        # A channel of a server that passes for a conversation, or for one of another server.
        ("text", "own", None),
        ("text", "own", "server"),
        ("text", "server", None),
        ("text", "other", "server"),
    ],
)
def test_conversation_claims_no_server_and_a_channel_is_of_its_own(
    kind: str, space: str, server: str | None
) -> None:
    ids = {"own": uuid7(), "server": ServerFactory.create().id, "other": ServerFactory.create().id}

    refusal = refused(
        "INSERT INTO channels (id, space_id, server_id, kind, name) VALUES (%s, %s, %s, %s, 'x')",
        ids["own"],
        ids[space],
        server and ids[server],
        kind,
    )

    assert refusal == by_check("channels_space_ck")


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("server_id = %(server)s", "space_ck"),
        ("space_id = %(server)s", "tenant_fixed"),
        ("space_id = %(server)s, server_id = %(server)s", "tenant_fixed"),
        ("space_id = %(server)s, server_id = %(server)s, kind = 'text'", "kind_fixed"),
        ("server_id = %(server)s, kind = 'text'", "kind_fixed"),
        ("id = %(server)s", "space_ck"),
        ("id = %(server)s, space_id = %(server)s", "tenant_fixed"),
        ("parent_id = %(parent)s", "space_ck"),
        ("kind = 'thread', parent_id = %(parent)s", "kind_fixed"),
    ],
)
def test_conversation_does_not_move_into_a_server(
    group: DirectConversation, assignment: str, constraint: str
) -> None:
    execute("UPDATE channels SET name = 'crew' WHERE id = %s", group.id)
    parent = ChannelFactory.create()
    ids = {"%(server)s": f"'{parent.server_id}'", "%(parent)s": f"'{parent.id}'"}
    for name, given in ids.items():
        assignment = assignment.replace(name, given)

    refusal = refused(f"UPDATE channels SET {assignment} WHERE id = %s", group.id)

    assert refusal == by_check(f"channels_{constraint}")


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("server_id = NULL", "space_ck"),
        ("id = space_id", "space_ck"),
        ("space_id = id, server_id = NULL", "tenant_fixed"),
        ("kind = 'group', server_id = NULL", "kind_fixed"),
        ("kind = 'group', server_id = NULL, space_id = id", "kind_fixed"),
        ("owner_id = (SELECT owner_id FROM servers)", "owner_ck"),
        ("pair_low_id = (SELECT owner_id FROM servers)", "pair_ck"),
    ],
)
def test_channel_of_a_server_does_not_leave_it(assignment: str, constraint: str) -> None:
    channel = ChannelFactory.create()

    refusal = refused(f"UPDATE channels SET {assignment} WHERE id = %s", channel.id)

    assert refusal == by_check(f"channels_{constraint}")


def test_conversation_has_not_the_id_of_a_server_nor_a_server_that_of_a_conversation(
    group: DirectConversation,
) -> None:
    server = ServerFactory.create()

    assert refused(OPEN_GROUP, server.id, server.id) == by_check("channels_space_own")
    assert refused(
        "INSERT INTO servers (id, space_id, name, owner_id) VALUES (%s, %s, 'Harbour', %s)",
        group.id,
        group.id,
        group.owner_id,
    ) == by_check("servers_space_own")


def test_channel_of_a_server_has_no_participants(stranger: User) -> None:
    channel = ChannelFactory.create()

    for space in (channel.id, channel.space_id):
        assert refused(JOIN, space, stranger.id) == by_foreign_key("participants_channel_fk")


# --- who takes part ---


def test_pair_keeps_its_two(pair: DirectConversation, stranger: User) -> None:
    low = pair.pair_low_id

    assert refused(JOIN, pair.id, stranger.id) == by_check("participants_pair")
    assert refused(JOIN, pair.id, low) == by_unique_key("participants_uq")
    assert refused(LEAVE, pair.id, low) == by_check("participants_pair_kept")
    assert refused(
        "UPDATE participants SET user_id = %s WHERE space_id = %s AND user_id = %s",
        stranger.id,
        pair.id,
        low,
    ) == by_check("participants_tenant_fixed")
    assert refused("DELETE FROM participants WHERE user_id = %s", low) == by_check(
        "participants_kept"
    )

    # An erasure ends it.
    execute("SET LOCAL chat.purge = 'on'")
    assert execute(LEAVE, pair.id, low) == 1


def test_group_takes_a_third_and_who_left_stays_known(
    group: DirectConversation, stranger: User
) -> None:
    ParticipantFactory.create(channel=group)
    execute(JOIN, group.id, stranger.id)
    execute(LEAVE, group.id, stranger.id)

    assert refused("DELETE FROM participants WHERE user_id = %s", stranger.id) == by_check(
        "participants_kept"
    )
    assert value("SELECT count(*) FROM participants") == 3


@pytest.mark.one_machine("what is refused at COMMIT is an internal error there")
def test_owner_of_a_group_takes_or_took_part_in_it(
    group: DirectConversation, stranger: User
) -> None:
    key = by_foreign_key("channels_owner_participant_fk")
    open_owned = "INSERT INTO channels (id, space_id, kind, name, owner_id)"
    execute("SET CONSTRAINTS ALL IMMEDIATE")

    with acting_as(roles().app):
        assert refused("UPDATE channels SET owner_id = %s", stranger.id) == key
        own = uuid7()
        assert (
            refused(f"{open_owned} VALUES (%s, %s, 'group', '', %s)", own, own, stranger.id) == key
        )
    execute("SET LOCAL chat.purge = 'on'")
    assert refused("DELETE FROM participants") == key
    # A group goes as a whole.
    assert execute("DELETE FROM channels WHERE id = %s", group.id) == 1


def test_only_who_takes_part_writes(place: Channel, stranger: User) -> None:
    constraint = "messages_member" if place.server_id else "messages_participant"

    assert refused(SEND, place.space_id, place.id, stranger.id) == by_check(constraint)
    if place.kind == "group":
        owner = place.owner_id
        execute(LEAVE, place.id, owner)
        assert refused(SEND, place.id, place.id, owner) == by_check("messages_participant")
        execute("UPDATE participants SET left_at = NULL WHERE user_id = %s", owner)
        assert execute(SEND, place.id, place.id, owner) == 1


def test_what_hangs_on_a_conversation_goes_with_it_but_messages_do_not(
    place: Channel, stranger: User
) -> None:
    ReadStateFactory.create(channel=place)
    message = MessageFactory.create(channel=place)

    assert refused("DELETE FROM channels WHERE id = %s", place.id) == by_foreign_key(
        "messages_channel_fk"
    )

    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", message.id)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET LOCAL chat.purge = 'off'")
    execute("DELETE FROM channels WHERE id = %s", place.id)

    for table in ("channel_counters", "participants", "read_states"):
        assert value(f"SELECT count(*) FROM {table}") == 0


# --- the names that they once had ---


def test_views_show_conversations_and_their_messages_and_nothing_of_a_server(
    pair: DirectConversation,
) -> None:
    MessageFactory.create()
    message = MessageFactory.create(channel=pair)

    assert rows("SELECT id, kind, last_seq FROM direct_conversations") == [(pair.id, "pair", 1)]
    assert rows("SELECT id, conversation_id, seq, content FROM direct_messages") == [
        (message.id, pair.id, 1, "ahoy")
    ]
    assert refused("DELETE FROM direct_conversations").sqlstate == "55000"
    assert refused("DELETE FROM direct_messages") == by_check("messages_place_kept")
