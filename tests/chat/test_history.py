"""What an edit replaced is kept, and only an edit writes it."""

from uuid import uuid4

import pytest

from chat.models import Channel, Message
from tests.chat.sql import by_check, by_foreign_key, by_unique_key, execute, refused, rows, value
from tests.factories import MessageFactory, MessageRevisionFactory, ServerFactory, UserFactory

pytestmark = pytest.mark.django_db

EDIT = "UPDATE messages SET content = %s WHERE id = %s"
INSERT = (
    "INSERT INTO message_revisions (space_id, message_id, version, content, editor_id) "
    "VALUES (%s, %s, %s, 'never said', %s)"
)


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place, content="ahoy")


def test_each_edit_leaves_what_it_replaced(message: Message) -> None:
    execute(EDIT, "avast", message.id)
    execute(EDIT, "belay", message.id)

    columns = "space_id, message_id, version, content, editor_id"
    assert rows(f"SELECT {columns} FROM message_revisions ORDER BY version") == [
        (message.space_id, message.id, 1, "ahoy", message.author_id),
        (message.space_id, message.id, 2, "avast", message.author_id),
    ]
    assert rows(
        "SELECT version, edited_at BETWEEN created_at AND clock_timestamp() FROM messages"
    ) == [(3, True)]


def test_edit_counts_up_whatever_version_a_client_writes() -> None:
    message = MessageFactory.create()

    execute("UPDATE messages SET content = 'avast', version = 1 WHERE id = %s", message.id)

    assert value("SELECT version FROM messages") == 2


@pytest.mark.parametrize(
    "assignment",
    ["version = 9, edited_at = '2000-01-01'", "content = content", "pinned_at = now()"],
)
def test_what_is_no_edit_leaves_no_revision(assignment: str) -> None:
    message = MessageFactory.create()

    execute(f"UPDATE messages SET {assignment} WHERE id = %s", message.id)

    assert rows("SELECT content FROM message_revisions") == []
    assert rows("SELECT version, edited_at FROM messages") == [(1, None)]


def test_deleted_message_is_emptied_and_not_edited_until_it_is_back(message: Message) -> None:
    execute("UPDATE messages SET deleted_at = now() WHERE id = %s", message.id)

    assert refused(EDIT, "avast", message.id) == by_check("messages_deleted_kept")
    assert execute(EDIT, "ahoy", message.id) == 1

    execute("UPDATE messages SET deleted_at = NULL WHERE id = %s", message.id)
    assert execute(EDIT, "avast", message.id) == 1
    execute("UPDATE messages SET deleted_at = now() WHERE id = %s", message.id)
    assert execute(EDIT, "", message.id) == 1


def test_session_can_name_who_edits() -> None:
    message, moderator = MessageFactory.create(), UserFactory.create()
    execute(f"SET LOCAL chat.actor = '{moderator.id}'")
    execute(EDIT, "avast", message.id)
    execute("SET LOCAL chat.actor = ''")
    execute(EDIT, "belay", message.id)

    assert rows("SELECT editor_id FROM message_revisions ORDER BY version") == [
        (moderator.id,),
        (message.author_id,),
    ]


def test_edit_by_somebody_who_does_not_exist_is_refused() -> None:
    message = MessageFactory.create()

    execute(f"SET LOCAL chat.actor = '{uuid4()}'")
    assert refused(EDIT, "avast", message.id) == by_foreign_key("message_revisions_editor_fk")

    execute("SET LOCAL chat.actor = 'the captain'")
    assert refused(EDIT, "avast", message.id).sqlstate == "22P02"


@pytest.mark.parametrize(
    "assignment", ["content = 'never said'", "editor_id = NULL", "version = 7"]
)
@pytest.mark.parametrize("purge", ["off", "on"])
def test_revision_is_not_rewritten(assignment: str, purge: str) -> None:
    revision = MessageRevisionFactory.create()
    execute(f"SET LOCAL chat.purge = '{purge}'")

    refusal = refused(f"UPDATE message_revisions SET {assignment} WHERE id = %s", revision.id)

    assert refusal == by_check("message_revisions_fixed")


@pytest.mark.parametrize("direct", [False, True])
def test_only_a_purge_deletes_a_revision(direct: bool) -> None:
    revision = MessageRevisionFactory.create(direct=direct)
    delete = "DELETE FROM message_revisions WHERE id = %s"

    assert refused(delete, revision.id) == by_check("message_revisions_kept")

    execute("SET LOCAL chat.purge = 'on'")
    assert execute(delete, revision.id) == 1


@pytest.mark.parametrize("purge", ["off", "on"])
def test_client_does_not_write_revisions(message: Message, purge: str) -> None:
    execute(f"SET LOCAL chat.purge = '{purge}'")

    refusal = refused(INSERT, message.space_id, message.id, 1, message.author_id)

    assert refusal == by_check("message_revisions_by_edit")


def test_what_holds_even_for_a_trigger_that_writes_a_wrong_revision() -> None:
    execute("ALTER TABLE message_revisions DISABLE TRIGGER message_revisions_by_edit")
    revision = MessageRevisionFactory.create()
    space, message, elsewhere = revision.space_id, revision.message_id, ServerFactory.create().id

    assert refused(INSERT, space, message, 1, None) == by_unique_key("message_revisions_uq")
    assert refused(INSERT, space, message, 0, None) == by_check("message_revisions_version_ck")
    assert refused(INSERT, elsewhere, message, 2, None) == by_foreign_key(
        "message_revisions_message_fk"
    )
    assert refused(INSERT, space, None, 2, None).sqlstate == "23502"
