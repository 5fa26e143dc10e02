"""Whatever makes a row let go of its file, the key of the file is kept."""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction

from chat.db.ids import uuid7
from tests.chat.sql import by_check, by_unique_key, execute, purge, refused, rows, value
from tests.factories import (
    DiscardedFileFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def discarded() -> list[tuple[Any, ...]]:
    return rows("SELECT space_id, storage_key FROM discarded_files ORDER BY storage_key")


# Attachments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("direct", [False, True])
def test_deleted_attachment_leaves_its_key(direct: bool) -> None:
    file = MessageAttachmentFactory.create(direct=direct, storage_key="key")

    execute("DELETE FROM message_attachments WHERE id = %s", file.id)

    assert discarded() == [(file.space_id, "key")]


def test_every_file_of_one_statement_is_written_down() -> None:
    message = MessageFactory.create()
    for position in range(10):
        MessageAttachmentFactory.create(
            message=message, position=position, storage_key=f"key/{position}"
        )

    execute("DELETE FROM message_attachments WHERE position < 9")

    assert [key for _, key in discarded()] == [f"key/{position}" for position in range(9)]


@pytest.mark.one_machine("the test makes a table, which would be on no other machine")
def test_attachments_that_a_cascade_takes_leave_their_keys() -> None:
    # No key of ours takes attachments along; one that somebody adds finds the trigger there.
    space = uuid7()
    file = MessageAttachmentFactory.create(message=None, space_id=space, storage_key="key")
    execute("CREATE TABLE spaces (id uuid PRIMARY KEY)")
    execute("INSERT INTO spaces VALUES (%s)", space)
    execute(
        "ALTER TABLE message_attachments ADD CONSTRAINT along FOREIGN KEY (space_id) "
        "REFERENCES spaces ON DELETE CASCADE"
    )

    execute("DELETE FROM spaces WHERE id = %s", space)

    assert value("SELECT count(*) FROM message_attachments WHERE id = %s", file.id) == 0
    assert discarded() == [(space, "key")]


@pytest.mark.parametrize("direct", [False, True])
def test_purged_message_takes_its_file_along_and_the_key_is_kept(direct: bool) -> None:
    file = MessageAttachmentFactory.create(storage_key="key", direct=direct)

    purge("DELETE FROM messages WHERE id = %s", file.message_id)

    assert value("SELECT count(*) FROM message_attachments") == 0
    assert discarded() == [(file.space_id, "key")]


@pytest.mark.one_machine("flush is a TRUNCATE, which is refused there, also of who purges")
@pytest.mark.django_db(transaction=True)
def test_flush_empties_the_discarded_files_as_well() -> None:
    MessageAttachmentFactory.create()
    DiscardedFileFactory.create()

    call_command("flush", interactive=False, verbosity=0)

    assert discarded() == []


def test_upload_that_moves_to_another_key_leaves_the_first() -> None:
    file = MessageAttachmentFactory.create(message=None, space_id=uuid7(), storage_key="key")

    execute("UPDATE message_attachments SET storage_key = storage_key WHERE id = %s", file.id)
    assert discarded() == []
    execute("UPDATE message_attachments SET storage_key = 'new' WHERE id = %s", file.id)

    assert discarded() == [(file.space_id, "key")]


def test_upload_that_is_sent_discards_nothing() -> None:
    message = MessageFactory.create()
    upload = MessageAttachmentFactory.create(
        message=None, space_id=message.space_id, uploader=message.author
    )

    execute("UPDATE message_attachments SET message_id = %s WHERE id = %s", message.id, upload.id)

    assert discarded() == []


def test_attachment_that_is_not_deleted_after_all_leaves_nothing() -> None:
    file = MessageAttachmentFactory.create()

    with transaction.atomic():
        execute("DELETE FROM message_attachments WHERE id = %s", file.id)
        transaction.set_rollback(True)

    assert discarded() == []


def test_attachment_without_a_key_has_no_file() -> None:
    MessageAttachmentFactory.create(storage_key="")

    execute("DELETE FROM message_attachments")

    assert discarded() == []


# Avatars and icons -------------------------------------------------------------------------------


@pytest.mark.one_machine("the triggers of users rest")
@pytest.mark.parametrize("new", ["'new'", "NULL", "''"])
def test_replaced_avatar_leaves_its_key(new: str) -> None:
    user = UserFactory.create(avatar_key="key")

    execute("UPDATE users SET avatar_key = avatar_key, bio = 'At sea.' WHERE id = %s", user.id)
    assert discarded() == []
    execute(f"UPDATE users SET avatar_key = {new} WHERE id = %s", user.id)

    assert discarded() == [(user.id, "key")]


@pytest.mark.one_machine("the triggers of users rest")
def test_purged_user_leaves_the_key_of_the_avatar() -> None:
    user = UserFactory.create(avatar_key="key")
    execute("SET LOCAL chat.purge = 'on'")

    execute("DELETE FROM users WHERE id = %s", user.id)

    assert discarded() == [(user.id, "key")]


@pytest.mark.parametrize("new", ["'new'", "NULL", "''"])
def test_replaced_icon_leaves_its_key(new: str) -> None:
    server = ServerFactory.create(icon_key="key")

    execute("UPDATE servers SET icon_key = icon_key, name = 'Reef' WHERE id = %s", server.id)
    assert discarded() == []
    execute(f"UPDATE servers SET icon_key = {new} WHERE id = %s", server.id)

    assert discarded() == [(server.id, "key")]


def test_deleted_server_leaves_the_key_of_its_icon() -> None:
    server = ServerFactory.create(icon_key="key")

    execute("DELETE FROM servers WHERE id = %s", server.id)

    assert discarded() == [(server.id, "key")]


def test_first_picture_discards_nothing() -> None:
    user, server = UserFactory.create(), ServerFactory.create()

    execute("UPDATE users SET avatar_key = 'key' WHERE id = %s", user.id)
    execute("UPDATE servers SET icon_key = 'key' WHERE id = %s", server.id)

    assert discarded() == []


@pytest.mark.one_machine("the triggers of users rest")
def test_avatar_that_is_given_up_twice_waits_once() -> None:
    user = UserFactory.create(avatar_key="one")

    for key in ("two", "one", "two"):
        execute("UPDATE users SET avatar_key = %s WHERE id = %s", key, user.id)

    assert discarded() == [(user.id, "one"), (user.id, "two")]


# The table itself --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "assignment", ["storage_key = 'elsewhere'", "space_id = uuidv7()", "created_at = now()"]
)
def test_discarded_file_waits_as_it_is(assignment: str) -> None:
    file = DiscardedFileFactory.create()

    refusal = refused(f"UPDATE discarded_files SET {assignment} WHERE id = %s", file.id)

    assert refusal == by_check("discarded_files_fixed")


def test_discarded_file_has_a_key() -> None:
    refusal = refused("INSERT INTO discarded_files (space_id, storage_key) VALUES (uuidv7(), '')")

    assert refusal == by_check("discarded_files_storage_key_ck")


def test_discarded_file_waits_once() -> None:
    file = DiscardedFileFactory.create()

    refusal = refused(
        "INSERT INTO discarded_files (space_id, storage_key) VALUES (%s, %s)",
        file.space_id,
        file.storage_key,
    )

    assert refusal == by_unique_key("discarded_files_storage_key_uq")
