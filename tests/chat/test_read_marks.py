"""A read mark may go back, never passes the newest message, and goes with its member."""

import pytest

from chat.models import Channel, ReadState, User
from tests.chat.sql import (
    SEND,
    SEND_BESIDE,
    by_check,
    by_foreign_key,
    by_unique_key,
    execute,
    refused,
    rows,
    value,
)
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MessageFactory,
    ReadStateFactory,
    ServerMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

MARK = (
    "INSERT INTO read_states (space_id, user_id, channel_id, last_read_seq) VALUES (%s, %s, %s, %s)"
)


@pytest.fixture
def mark(place: Channel) -> ReadState:
    """Somebody who has read two of three messages that others wrote."""
    other = UserFactory.create()
    if place.kind == "pair":
        other = place.pair_high
    elif place.kind == "group":
        other = place.participants.exclude(user=place.owner).get().user
    MessageFactory.create_batch(3, channel=place, author=other)
    return ReadStateFactory.create(channel=place, last_read_seq=2)


@pytest.mark.parametrize("seq", [3, 1, 0])
def test_mark_moves_to_the_newest_message_and_back(mark: ReadState, seq: int) -> None:
    execute("UPDATE read_states SET last_read_seq = %s WHERE id = %s", seq, mark.id)

    assert value("SELECT last_read_seq FROM read_states WHERE id = %s", mark.id) == seq


@pytest.mark.parametrize("way", ["update", "insert", "upsert"])
def test_mark_does_not_pass_the_newest_message_nor_fall_below_zero(
    mark: ReadState, way: str
) -> None:
    if way == "insert":
        execute("DELETE FROM read_states WHERE id = %s", mark.id)
    moves = "read_states_mark_moves" if way == "update" else "read_states_mark_starts"

    for seq, constraint in ((4, moves), (-1, "read_states_last_read_seq_ck")):
        if way == "update":
            refusal = refused(
                "UPDATE read_states SET last_read_seq = %s WHERE id = %s", seq, mark.id
            )
        else:
            upsert = (
                " ON CONFLICT (space_id, user_id, channel_id)"
                " DO UPDATE SET last_read_seq = excluded.last_read_seq"
            )
            refusal = refused(
                MARK + (upsert if way == "upsert" else ""),
                mark.space_id,
                mark.user_id,
                mark.channel_id,
                seq,
            )
        assert refusal == by_check(constraint)


def test_reader_has_one_mark_in_a_place(mark: ReadState) -> None:
    refusal = refused(MARK, mark.space_id, mark.user_id, mark.channel_id, 0)

    assert refusal == by_unique_key("read_states_uq")


@pytest.mark.parametrize("column", ["user_id", "channel_id", "space_id"])
def test_mark_is_not_moved_to_another_reader_or_place(column: str) -> None:
    state = ReadStateFactory.create()
    other = ReadStateFactory.create()

    refusal = refused(
        f"UPDATE read_states SET {column} = %s WHERE id = %s", getattr(other, column), state.id
    )

    assert refusal == by_check("read_states_tenant_fixed")


def test_reader_is_notified_in_one_of_three_ways() -> None:
    state = ReadStateFactory.create()

    refusal = refused("UPDATE read_states SET notify = 'loudly' WHERE id = %s", state.id)

    assert refusal == by_check("read_states_notify_ck")


# --- whose it is ---


def test_mark_is_of_who_is_in_the_space(place: Channel) -> None:
    # A member of another server, who takes part in another conversation.
    stranger = DirectConversationFactory.create(pair_low=ServerMemberFactory.create().user).pair_low

    refusal = refused(MARK, place.space_id, stranger.id, place.id, 0)

    assert refusal == by_foreign_key("read_states_reader")


def test_mark_is_in_a_channel_of_the_space() -> None:
    member, foreign = ServerMemberFactory.create(), ChannelFactory.create()

    refusal = refused(MARK, member.server_id, member.user_id, foreign.id, 0)

    assert refusal == by_foreign_key("read_states_channel_fk")


def test_mark_goes_with_the_member_or_participant_and_no_other_does(mark: ReadState) -> None:
    stays = ReadStateFactory.create()
    if mark.channel.server_id:
        execute("DELETE FROM server_members WHERE user_id = %s", mark.user_id)
    else:
        # The owner of a group stays known there.
        execute("UPDATE channels SET owner_id = NULL WHERE owner_id = %s", mark.user_id)
        execute("SET LOCAL chat.purge = 'on'")
        execute("DELETE FROM participants WHERE user_id = %s", mark.user_id)

    assert mark.id not in {state for (state,) in rows("SELECT id FROM read_states")}
    assert value("SELECT count(*) FROM read_states WHERE id = %s", stays.id) == 1


# --- one's own messages ---


@pytest.fixture
def author(place: Channel) -> User:
    author: User = place.pair_low or place.owner or place.server.owner
    return author


def test_own_message_is_read_and_says_when_one_last_wrote(place: Channel, author: User) -> None:
    for seq in (1, 2):
        sent_at = value(f"{SEND} RETURNING created_at", place.space_id, place.id, author.id)

        assert rows(
            "SELECT last_read_seq, last_sent_at FROM read_states "
            "WHERE channel_id = %s AND user_id = %s",
            place.id,
            author.id,
        ) == [(seq, sent_at)]


def test_own_message_leaves_the_marks_of_others(mark: ReadState) -> None:
    other = User.objects.get(id=value("SELECT author_id FROM messages WHERE seq = 3"))

    message = MessageFactory.create(channel=mark.channel, author=other)

    assert message.seq == 4
    assert value("SELECT last_read_seq FROM read_states WHERE id = %s", mark.id) == 2


def test_several_messages_of_one_statement_are_all_read(place: Channel, author: User) -> None:
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id) "
        "SELECT %s, %s, %s FROM generate_series(1, 3)",
        place.space_id,
        place.id,
        author.id,
    )

    assert value("SELECT last_read_seq FROM read_states") == 3


@pytest.mark.parametrize(
    ("columns", "values"),
    [("author_id, kind", "author_id, 'join'"), ("author_id, seq", "author_id, 2")],
    ids=["event", "import"],
)
def test_what_one_did_not_write_now_is_not_marked(
    place: Channel, author: User, columns: str, values: str
) -> None:
    message = MessageFactory.create(channel=place, author=author)
    before = rows("SELECT last_read_seq, last_sent_at FROM read_states")
    if "seq" in columns:
        execute("SET LOCAL chat.import = 'on'")

    execute(SEND_BESIDE.format(columns=columns, values=values), message.id)

    assert value("SELECT last_seq FROM channel_counters") == 2
    assert rows("SELECT last_read_seq, last_sent_at FROM read_states") == before


def test_message_with_an_earlier_moment_leaves_when_one_last_wrote(
    place: Channel, author: User
) -> None:
    message = MessageFactory.create(channel=place, author=author)

    execute(
        SEND_BESIDE.format(columns="author_id, created_at", values="author_id, '2001-02-03Z'"),
        message.id,
    )

    assert rows("SELECT last_read_seq, last_sent_at FROM read_states") == [(2, message.created_at)]
