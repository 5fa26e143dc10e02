"""Messages are numbered by the database, without gaps, and each stays what and where it is."""

import pytest

from chat.db.ids import uuid7
from chat.models import Channel, Message, User
from tests.chat.sql import (
    SEND,
    SEND_BESIDE,
    by_check,
    by_foreign_key,
    by_length,
    execute,
    purge,
    refused,
    rows,
    value,
)
from tests.factories import (
    ChannelFactory,
    DirectConversationFactory,
    MentionFactory,
    MessageFactory,
    MessageRevisionFactory,
    ReactionFactory,
    ServerFactory,
    ServerMemberFactory,
    UserFactory,
    somebody_in,
)

pytestmark = pytest.mark.django_db

COUNTERS = "SELECT first_seq, last_seq, last_message_at FROM channel_counters WHERE channel_id = %s"


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


@pytest.fixture
def author(place: Channel) -> User:
    return somebody_in(place)


# --- numbers ---


def test_numbers_count_up_without_a_gap_in_each_place(place: Channel, author: User) -> None:
    MessageFactory.create()

    for _ in range(3):
        execute(SEND, place.space_id, place.id, author.id)

    assert rows("SELECT seq FROM messages WHERE channel_id = %s ORDER BY seq", place.id) == [
        (1,),
        (2,),
        (3,),
    ]
    assert rows(COUNTERS, place.id) == [
        (1, 3, value("SELECT max(created_at) FROM messages WHERE channel_id = %s", place.id))
    ]


@pytest.mark.one_machine("of a table there, each part has rows and plans of its own")
def test_send_reads_no_other_message_though_it_was_planned_before_there_were_any() -> None:
    purge("TRUNCATE messages CASCADE")
    execute("ANALYZE messages")
    for function in ("number_message", "mark_own_message"):
        # Whose plans are made from now on.
        source = value(f"SELECT pg_get_functiondef('{function}()'::regprocedure)")
        execute(source.replace("%", "%%"))
    place = ChannelFactory.create()
    author = somebody_in(place)
    read = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'messages'"
    before = value(read)

    for _ in range(30):
        execute(SEND, place.space_id, place.id, author.id)

    assert value(read) == before


def test_every_trigger_of_a_row_looks_messages_up_by_key() -> None:
    others = """
    SELECT DISTINCT function.proname
    FROM pg_proc AS function
    INNER JOIN pg_trigger AS of_row ON of_row.tgfoid = function.oid AND of_row.tgtype & 1 = 1
    WHERE
        function.prosrc LIKE '%%public.messages%%'
        AND ('enable_seqscan=off' = ANY (function.proconfig)) IS NOT TRUE
    """

    assert rows(others) == []


def test_number_of_a_refused_message_is_used_again(message: Message) -> None:
    refused(SEND, message.space_id, message.channel_id, None)

    assert MessageFactory.create(channel=message.channel).seq == 2


def test_number_and_version_that_a_client_writes_are_ignored(place: Channel, author: User) -> None:
    written = rows(
        "INSERT INTO messages (space_id, channel_id, author_id, seq, version) "
        "VALUES (%s, %s, %s, 77, 9) RETURNING seq, version",
        place.space_id,
        place.id,
        author.id,
    )

    assert written == [(1, 1)]


# --- where there is none to be had ---


def test_message_in_no_channel_or_in_another_space_is_refused() -> None:
    channel, author = ChannelFactory.create(), UserFactory.create()
    elsewhere = ServerFactory.create()

    for space, place in ((channel.space_id, uuid7()), (elsewhere.id, channel.id)):
        assert refused(SEND, space, place, author.id) == by_foreign_key("messages_channel_fk")


@pytest.mark.parametrize(
    "close",
    [
        "UPDATE channels SET kind = 'category', parent_id = NULL WHERE id = %(id)s",
        "UPDATE channels SET archived_at = now() WHERE id = %(id)s",
        "UPDATE channels SET deleted_at = now() WHERE id = %(id)s",
        "UPDATE channels SET deleted_at = now() WHERE id = %(parent)s",
        "UPDATE servers SET deleted_at = now() WHERE id = %(server)s",
    ],
    ids=["category", "archived", "deleted", "parent-deleted", "server-deleted"],
)
def test_channel_that_is_closed_takes_no_message_until_it_is_open_again(close: str) -> None:
    thread = ChannelFactory.create(thread=True)
    ids = {"id": thread.id, "parent": thread.parent_id, "server": thread.server_id}
    before = thread.kind, thread.parent_id

    execute(
        close.replace("%(id)s", "%s").replace("%(parent)s", "%s").replace("%(server)s", "%s"),
        ids[next(name for name in ids if f"%({name})s" in close)],
    )

    assert refused(SEND, thread.space_id, thread.id, thread.server.owner_id) == by_check(
        "messages_channel_open"
    )
    execute("UPDATE servers SET deleted_at = NULL")
    execute("UPDATE channels SET deleted_at = NULL, archived_at = NULL")
    execute("UPDATE channels SET kind = %s, parent_id = %s WHERE id = %s", *before, thread.id)
    assert MessageFactory.create(channel=thread).seq == 1


@pytest.mark.parametrize("moment", ["archived_at", "deleted_at"])
def test_conversation_that_is_closed_takes_no_message(message: Message, moment: str) -> None:
    execute(f"UPDATE channels SET {moment} = now() WHERE id = %s", message.channel_id)

    refusal = refused(SEND, message.space_id, message.channel_id, message.author_id)

    assert refusal == by_check("messages_channel_open")


def test_thread_of_an_archived_channel_and_a_thread_made_in_a_deleted_one() -> None:
    thread = ChannelFactory.create(thread=True)
    execute("UPDATE channels SET archived_at = now() WHERE id = %s", thread.parent_id)
    assert MessageFactory.create(channel=thread).seq == 1

    execute("UPDATE channels SET deleted_at = now() WHERE id = %s", thread.parent_id)
    late = ChannelFactory.create(server=thread.server, parent=thread.parent, kind="thread")

    for closed in (thread, late):
        assert refused(SEND, closed.space_id, closed.id, thread.server.owner_id) == by_check(
            "messages_channel_open"
        )


def test_in_a_server_writes_a_member_and_nobody_else() -> None:
    channel = ChannelFactory.create()
    gone, elsewhere = (
        ServerMemberFactory.create(server=channel.server),
        ServerMemberFactory.create(),
    )
    execute("DELETE FROM server_members WHERE id = %s", gone.id)

    for stranger in (gone.user_id, elsewhere.user_id):
        refusal = refused(SEND, channel.space_id, channel.id, stranger)
        assert refusal == by_check("messages_member")
    # An event is about its author, who may have left since.
    assert execute(
        "INSERT INTO messages (space_id, channel_id, author_id, kind) VALUES (%s, %s, %s, 'join')",
        channel.space_id,
        channel.id,
        gone.user_id,
    )
    assert execute(SEND, channel.space_id, channel.id, channel.server.owner_id) == 1


# --- what a message is made of, and what of it stays ---


@pytest.mark.parametrize(
    ("author_id", "kind", "content", "constraint"),
    [
        ("NULL", "'text'", "'ahoy'", "author_ck"),
        ("NULL", "'text'", "''", "author_ck"),
        ("NULL", "'notice'", "'ahoy'", "author_ck"),
        ("author_id", "'join'", "'ahoy'", "author_ck"),
        ("NULL", "'poem'", "''", "kind_ck"),
    ],
)
def test_words_that_are_nobodys_are_refused(
    message: Message, author_id: str, kind: str, content: str, constraint: str
) -> None:
    refusal = refused(
        SEND_BESIDE.format(
            columns="author_id, kind, content", values=f"{author_id}, {kind}, {content}"
        ),
        message.id,
    )

    assert refusal == by_check(f"messages_{constraint}")


def test_event_has_no_words_and_says_whose_it_is_or_not(message: Message) -> None:
    for author_id in ("author_id", "NULL"):
        execute(
            SEND_BESIDE.format(columns="author_id, kind", values=f"{author_id}, 'join'"),
            message.id,
        )

    assert refused(
        "UPDATE messages SET content = 'ahoy' WHERE kind = 'join' AND author_id IS NOT NULL"
    ) == by_check("messages_author_ck")
    assert value("SELECT count(*) FROM messages WHERE kind = 'join'") == 2


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("pinned_by_id = author_id", "pinned_ck"),
        ("deleted_by_id = author_id", "deleted_ck"),
    ],
)
def test_message_that_contradicts_itself_is_refused(
    message: Message, assignment: str, constraint: str
) -> None:
    refusal = refused(f"UPDATE messages SET {assignment} WHERE id = %s", message.id)

    assert refusal == by_check(f"messages_{constraint}")


def test_message_has_4000_characters_at_most() -> None:
    message = MessageFactory.create(content="ß" * 4000)

    refusal = refused("UPDATE messages SET content = content || '!' WHERE id = %s", message.id)

    assert refusal == by_length()


@pytest.mark.parametrize(
    "assignment",
    [
        "id = uuidv7()",
        "seq = 9",
        "seq = 0",
        "channel_id = uuidv7()",
        "space_id = channel_id, channel_id = space_id",
        "author_id = NULL",
        "author_id = (SELECT max(id::text)::uuid FROM users)",
        "kind = 'notice'",
        "kind = 'notice', author_id = NULL",
        "created_at = '2000-01-01'",
        "created_at = created_at + interval '1 microsecond'",
    ],
)
def test_message_keeps_its_place_its_author_and_its_time(assignment: str) -> None:
    message = MessageFactory.create()
    UserFactory.create()

    refusal = refused(f"UPDATE messages SET {assignment} WHERE id = %s", message.id)

    assert refusal == by_check("messages_place_fixed")


def test_message_is_not_put_into_the_mouth_of_the_other() -> None:
    message = MessageFactory.create(channel=DirectConversationFactory.create())

    refusal = refused(
        "UPDATE messages SET author_id = %s WHERE id = %s",
        message.channel.pair_high_id,
        message.id,
    )

    assert refusal == by_check("messages_place_fixed")


def test_message_that_an_orm_saves_whole_stays_as_it_was(message: Message) -> None:
    message.refresh_from_db()
    before = rows("SELECT id, seq, author_id, kind, created_at FROM messages")

    message.content = "avast"
    message.save()

    assert rows("SELECT id, seq, author_id, kind, created_at FROM messages") == before
    assert value("SELECT content FROM messages") == "avast"


@pytest.mark.parametrize("moment", ["infinity", "12000-01-01", "9998-12-31", "tomorrow"])
def test_message_from_the_future_is_one_of_now(moment: str) -> None:
    message = MessageFactory.create()

    execute(
        SEND_BESIDE.format(columns="author_id, created_at", values=f"author_id, '{moment}'"),
        message.id,
    )

    (sent_at,) = rows(
        "SELECT created_at FROM messages "
        "WHERE seq = 2 AND created_at BETWEEN now() AND clock_timestamp()"
    )
    assert rows("SELECT last_message_at FROM channel_counters") == [sent_at]


def test_message_out_of_an_archive_keeps_its_time_and_is_not_the_newest(message: Message) -> None:
    newest = value("SELECT last_message_at FROM channel_counters")

    execute(
        SEND_BESIDE.format(
            columns="author_id, created_at", values="author_id, '2001-02-03 04:05Z'"
        ),
        message.id,
    )

    assert value("SELECT created_at = '2001-02-03 04:05Z' FROM messages WHERE seq = 2")
    assert value("SELECT last_message_at FROM channel_counters") == newest


# --- deleting and purging ---


@pytest.mark.parametrize("setting", ["off", "", "true", None])
def test_message_is_not_deleted_without_a_purge(message: Message, setting: str | None) -> None:
    if setting is not None:
        execute(f"SET LOCAL chat.purge = '{setting}'")

    refusal = refused("DELETE FROM messages WHERE id = %s", message.id)

    assert refusal == by_check("messages_place_kept")


def test_purge_deletes_a_message_with_what_hangs_on_it(message: Message) -> None:
    ReactionFactory.create(message=message)
    MentionFactory.create(message=message)
    MessageRevisionFactory.create(message=message)

    execute("SET LOCAL chat.purge = 'on'")
    execute("DELETE FROM messages WHERE id = %s", message.id)

    for table in ("messages", "reactions", "mentions", "message_revisions"):
        assert value(f"SELECT count(*) FROM {table}") == 0


def test_purge_takes_an_answered_and_pinned_message_and_leaves_the_answers(place: Channel) -> None:
    message = MessageFactory.create(channel=place)
    answer = MessageFactory.create(channel=place, reply_to_seq=message.seq)
    MessageFactory.create(channel=place, reply_to_seq=answer.seq)
    execute(
        "UPDATE messages SET pinned_at = now(), pinned_by_id = author_id WHERE id = %s", message.id
    )

    assert purge("DELETE FROM messages WHERE id = %s", message.id) == 1

    assert rows("SELECT seq, content, reply_to_seq FROM messages ORDER BY seq") == [
        (2, "ahoy", None),
        (3, "ahoy", 2),
    ]
    assert value("SELECT count(*) FROM messages WHERE pinned_at IS NOT NULL") == 0
    assert purge("DELETE FROM messages WHERE channel_id = %s", place.id) == 2


@pytest.mark.parametrize("setting", ["off", None])
def test_answer_keeps_what_it_answers_without_a_purge(
    message: Message, setting: str | None
) -> None:
    answer = MessageFactory.create(channel=message.channel, reply_to_seq=message.seq)
    if setting is not None:
        execute(f"SET LOCAL chat.purge = '{setting}'")

    refusal = refused("UPDATE messages SET reply_to_seq = NULL WHERE id = %s", answer.id)

    assert refusal == by_check("messages_place_fixed")


def test_purge_moves_where_the_numbers_begin_and_not_where_they_end(place: Channel) -> None:
    MessageFactory.create_batch(5, channel=place)
    other = MessageFactory.create().channel_id
    newest = value("SELECT last_message_at FROM channel_counters WHERE channel_id = %s", place.id)
    execute("SET LOCAL chat.purge = 'on'")

    for gone, first_seq in (("seq IN (1, 3)", 2), ("seq = 2", 4), ("seq = 5", 4), ("seq > 0", 6)):
        execute(f"DELETE FROM messages WHERE channel_id = %s AND {gone}", place.id)
        assert rows(COUNTERS, place.id) == [(first_seq, 5, newest)]

    assert MessageFactory.create(channel=place).seq == 6
    assert value("SELECT first_seq FROM channel_counters WHERE channel_id = %s", place.id) == 6
    assert value("SELECT first_seq FROM channel_counters WHERE channel_id = %s", other) == 1


# --- counters ---


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO channel_counters (space_id, channel_id) SELECT uuidv7(), uuidv7()",
        "INSERT INTO channel_counters SELECT * FROM channel_counters ON CONFLICT DO NOTHING",
        "UPDATE channel_counters SET last_seq = 99",
        "UPDATE channel_counters SET first_seq = 2",
        "UPDATE channel_counters SET closed = closed, last_message_at = NULL",
        "DELETE FROM channel_counters",
    ],
)
def test_client_does_not_write_counters(message: Message, statement: str) -> None:
    assert refused(statement) == by_check("channel_counters_kept")


def test_channel_begins_at_one_after_none(place: Channel) -> None:
    assert rows(
        "SELECT first_seq, last_seq, last_message_at, closed FROM channel_counters "
        "WHERE channel_id = %s",
        place.id,
    ) == [(1, 0, None, False)]


# --- words ---


def test_words_are_those_of_the_content_whatever_a_client_writes(message: Message) -> None:
    forged = "'forged':1"
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id, content, search) "
        "SELECT space_id, channel_id, author_id, 'Café', %s FROM messages",
        forged,
    )
    execute("UPDATE messages SET search = %s, content = '天気' WHERE id = %s", forged, message.id)

    assert rows("SELECT search::text FROM messages ORDER BY seq") == [
        ("'天気':1 '気':2",),
        ("'cafe':1",),
    ]
    execute("UPDATE messages SET search = %s", forged)
    execute("SET LOCAL session_replication_role = replica")
    execute("UPDATE messages SET search = NULL, content = 'boat'")
    assert rows("SELECT DISTINCT search::text FROM messages") == [("'boat':1",)]


def test_message_whose_words_alone_are_made_anew_has_not_changed(message: Message) -> None:
    execute("ALTER TABLE messages DISABLE TRIGGER messages_search")
    execute("UPDATE messages SET search = NULL")
    execute("ALTER TABLE messages ENABLE ALWAYS TRIGGER messages_search")
    seen = "SELECT updated_at, version, edited_at FROM messages"
    before = rows(seen)

    execute("UPDATE messages SET search = ''")

    assert rows(seen) == before
    assert value("SELECT search IS NOT NULL FROM messages")
    execute("UPDATE messages SET content = content")
    assert rows(seen)[0][0] > before[0][0]
