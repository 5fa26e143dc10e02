"""What an edit replaced is kept, and only an edit writes it."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID, uuid4

import pytest

from chat.models import DirectMessage, Message, User
from tests.chat.sql import (
    by_check,
    by_foreign_key,
    by_unique_key,
    execute,
    refused,
    rows,
    value,
)
from tests.factories import (
    DirectMessageFactory,
    MessageFactory,
    MessageRevisionFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


class Place(NamedTuple):
    """Where a message of one kind is stored, which column of a revision names it, and its keys."""

    table: str
    column: str
    key: str
    factory: type[MessageFactory | DirectMessageFactory]

    def tenant_of(self, message: Message | DirectMessage) -> UUID:
        return message.server_id if isinstance(message, Message) else message.conversation_id


CHANNEL = Place("messages", "message_id", "message", MessageFactory)
CONVERSATION = Place("direct_messages", "direct_message_id", "direct", DirectMessageFactory)


@pytest.fixture(params=[CHANNEL, CONVERSATION], ids=lambda place: place.table)
def place(request: pytest.FixtureRequest) -> Place:
    chosen: Place = request.param
    return chosen


@pytest.fixture
def message(place: Place) -> Message | DirectMessage:
    return place.factory.create(content="ahoy")


@pytest.fixture
def moderator() -> User:
    return UserFactory.create()


def test_edit_leaves_what_it_replaced(place: Place, message: Message | DirectMessage) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert rows(
        f"SELECT space_id, {place.column}, version, content, editor_id FROM message_revisions"
    ) == [(place.tenant_of(message), message.id, 1, "ahoy", message.author_id)]


def test_second_edit_leaves_a_second_revision(
    place: Place, message: Message | DirectMessage
) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)
    execute(f"UPDATE {place.table} SET content = 'belay' WHERE id = %s", message.id)

    assert rows("SELECT version, content FROM message_revisions ORDER BY version") == [
        (1, "ahoy"),
        (2, "avast"),
    ]
    assert value(f"SELECT version FROM {place.table}") == 3


def test_edit_says_when_it_was(place: Place, message: Message | DirectMessage) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert value(f"SELECT edited_at BETWEEN created_at AND clock_timestamp() FROM {place.table}")


def test_version_and_time_that_a_client_writes_are_ignored(
    place: Place, message: Message | DirectMessage
) -> None:
    execute(
        f"UPDATE {place.table} SET version = 9, edited_at = '2000-01-01' WHERE id = %s",
        message.id,
    )

    assert rows(f"SELECT version, edited_at FROM {place.table}") == [(1, None)]


def test_edit_counts_up_whatever_version_a_client_writes(
    place: Place, message: Message | DirectMessage
) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast', version = 1 WHERE id = %s", message.id)

    assert value(f"SELECT version FROM {place.table}") == 2


def test_update_that_changes_no_text_leaves_no_revision(
    place: Place, message: Message | DirectMessage
) -> None:
    execute(f"UPDATE {place.table} SET content = content WHERE id = %s", message.id)

    assert rows("SELECT content FROM message_revisions") == []
    assert rows(f"SELECT version, edited_at FROM {place.table}") == [(1, None)]


def test_pin_leaves_no_revision(place: Place, message: Message | DirectMessage) -> None:
    execute(f"UPDATE {place.table} SET pinned_at = now() WHERE id = %s", message.id)

    assert rows("SELECT content FROM message_revisions") == []


def test_session_can_name_who_edits(
    place: Place, message: Message | DirectMessage, moderator: User
) -> None:
    execute("SELECT set_config('chat.actor', %s, true)", str(moderator.id))

    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert value("SELECT editor_id FROM message_revisions") == moderator.id


def test_author_edits_when_the_session_names_nobody(
    place: Place, message: Message | DirectMessage
) -> None:
    execute("SET LOCAL chat.actor = ''")

    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert value("SELECT editor_id FROM message_revisions") == message.author_id


def test_edit_by_somebody_who_does_not_exist_is_refused(
    place: Place, message: Message | DirectMessage
) -> None:
    execute("SELECT set_config('chat.actor', %s, true)", str(uuid4()))

    refusal = refused(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert refusal == by_foreign_key("message_revisions_editor_fk")


def test_edit_by_something_that_is_no_id_is_refused(
    place: Place, message: Message | DirectMessage
) -> None:
    execute("SET LOCAL chat.actor = 'the captain'")

    refusal = refused(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    assert refusal.sqlstate == "22P02"


@pytest.mark.parametrize("direct", [False, True])
@pytest.mark.parametrize(
    "assignment", ["content = 'never said'", "editor_id = NULL", "version = 7"]
)
def test_revision_is_not_rewritten(direct: bool, assignment: str) -> None:
    revision = MessageRevisionFactory.create(direct=direct)

    refusal = refused(f"UPDATE message_revisions SET {assignment} WHERE id = %s", revision.id)

    assert refusal == by_check("message_revisions_fixed")


def test_revision_is_not_rewritten_under_a_purge() -> None:
    revision = MessageRevisionFactory.create()
    execute("SET LOCAL chat.purge = 'on'")

    refusal = refused("UPDATE message_revisions SET content = '' WHERE id = %s", revision.id)

    assert refusal == by_check("message_revisions_fixed")


@pytest.mark.parametrize("direct", [False, True])
def test_revision_is_not_deleted(direct: bool) -> None:
    revision = MessageRevisionFactory.create(direct=direct)

    refusal = refused("DELETE FROM message_revisions WHERE id = %s", revision.id)

    assert refusal == by_check("message_revisions_kept")


def test_purge_deletes_a_revision() -> None:
    revision = MessageRevisionFactory.create()
    execute("SET LOCAL chat.purge = 'on'")

    execute("DELETE FROM message_revisions WHERE id = %s", revision.id)

    assert rows("SELECT content FROM message_revisions") == []


def test_revisions_go_with_a_message_that_is_purged(
    place: Place, message: Message | DirectMessage
) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)
    execute("SET LOCAL chat.purge = 'on'")

    execute(f"DELETE FROM {place.table} WHERE id = %s", message.id)

    assert rows("SELECT content FROM message_revisions") == []


@pytest.mark.parametrize("purge", ["off", "on"])
def test_client_does_not_write_revisions(
    place: Place, message: Message | DirectMessage, purge: str
) -> None:
    execute("SELECT set_config('chat.purge', %s, true)", purge)

    refusal = refused(
        f"INSERT INTO message_revisions (space_id, {place.column}, version, content, editor_id) "
        "VALUES (%s, %s, 1, 'never said', %s)",
        place.tenant_of(message),
        message.id,
        message.author_id,
    )

    assert refusal == by_check("message_revisions_by_edit")


# What holds even for a trigger that writes a wrong revision


@pytest.fixture
def unguarded() -> None:
    """Let this transaction write revisions as only a trigger can otherwise."""
    execute("ALTER TABLE message_revisions DISABLE TRIGGER message_revisions_by_edit")


@pytest.mark.usefixtures("unguarded")
def test_version_is_replaced_once(place: Place, message: Message | DirectMessage) -> None:
    execute(f"UPDATE {place.table} SET content = 'avast' WHERE id = %s", message.id)

    refusal = refused(
        f"INSERT INTO message_revisions (space_id, {place.column}, version, content) "
        f"SELECT space_id, {place.column}, version, 'never said' FROM message_revisions"
    )

    assert refusal == by_unique_key(f"message_revisions_{place.key}_uq")


@pytest.mark.usefixtures("unguarded")
def test_revision_cannot_claim_another_tenant(
    place: Place, message: Message | DirectMessage
) -> None:
    refusal = refused(
        f"INSERT INTO message_revisions (space_id, {place.column}, version, content) "
        "VALUES (%s, %s, 1, '')",
        ServerFactory.create().id,
        message.id,
    )

    assert refusal == by_foreign_key(f"message_revisions_{place.key}_fk")


@pytest.mark.usefixtures("unguarded")
def test_revision_of_no_message_is_refused() -> None:
    refusal = refused(
        "INSERT INTO message_revisions (space_id, version, content) VALUES (%s, 1, '')",
        ServerFactory.create().id,
    )

    assert refusal == by_check("message_revisions_target_ck")


@pytest.mark.usefixtures("unguarded")
def test_versions_begin_with_one(place: Place, message: Message | DirectMessage) -> None:
    refusal = refused(
        f"INSERT INTO message_revisions (space_id, {place.column}, version, content) "
        "VALUES (%s, %s, 0, '')",
        place.tenant_of(message),
        message.id,
    )

    assert refusal == by_check("message_revisions_version_ck")
