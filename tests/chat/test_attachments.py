"""Attachments: ten to a message, of a bounded size, and none vanishes before its file."""

import pytest
from django.db import IntegrityError

from chat.ids import uuid7
from tests.chat.sql import (
    by_check,
    by_foreign_key,
    by_length,
    by_unique_key,
    execute,
    refused,
    value,
)
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ServerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

INSERT = (
    "INSERT INTO message_attachments "
    "(space_id, message_id, position, uploader_id, filename, content_type, size_bytes, sha256, "
    "storage_key) VALUES (%s, %s, %s, %s, 'a', 'text/plain', 1, sha256('a'), 'key')"
)
INSERT_DIRECTLY = INSERT.replace("message_id", "direct_message_id")


def test_attachment_cannot_claim_another_server() -> None:
    message, foreign_server = MessageFactory.create(), ServerFactory.create()

    refusal = refused(INSERT, foreign_server.id, message.id, 0, message.author_id)

    assert refusal == by_foreign_key("message_attachments_message_fk")


def test_attachment_cannot_claim_another_conversation() -> None:
    post = DirectMessageFactory.create()
    # One in which the same user takes part, lest they are refused as a stranger.
    elsewhere = DirectConversationFactory.create(pair_low=post.author)

    refusal = refused(INSERT_DIRECTLY, elsewhere.id, post.id, 0, post.author_id)

    assert refusal == by_foreign_key("message_attachments_direct_fk")


@pytest.mark.parametrize("position", [-1, 10])
def test_attachment_has_one_of_ten_positions(position: int) -> None:
    message = MessageFactory.create()

    refusal = refused(INSERT, message.server_id, message.id, position, message.author_id)

    assert refusal == by_check("message_attachments_position_ck")


@pytest.mark.parametrize("position", range(10))
def test_eleventh_attachment_finds_no_position(position: int) -> None:
    message = MessageFactory.create()
    for taken in range(10):
        MessageAttachmentFactory.create(message=message, position=taken)

    refusal = refused(INSERT, message.server_id, message.id, position, message.author_id)

    assert refusal == by_unique_key("message_attachments_message_uq")


def test_position_in_a_direct_message_is_taken_once() -> None:
    attachment = MessageAttachmentFactory.create(direct=True)

    refusal = refused(
        INSERT_DIRECTLY,
        attachment.space_id,
        attachment.direct_message_id,
        0,
        attachment.uploader_id,
    )

    assert refusal == by_unique_key("message_attachments_direct_uq")


def test_attachment_of_both_kinds_of_message_is_refused() -> None:
    message, post = MessageFactory.create(), DirectMessageFactory.create()

    refusal = refused(
        "INSERT INTO message_attachments (space_id, message_id, direct_message_id, uploader_id, "
        "filename, content_type, size_bytes, sha256, storage_key) "
        "VALUES (%s, %s, %s, %s, 'a', 'text/plain', 1, sha256('a'), 'key')",
        post.conversation_id,
        message.id,
        post.id,
        post.author_id,
    )

    assert refusal == by_check("message_attachments_target_ck")


def test_attachment_that_is_sent_stays_with_its_message() -> None:
    attachment = MessageAttachmentFactory.create()
    other = MessageFactory.create(channel=attachment.message.channel)

    refusal = refused(
        "UPDATE message_attachments SET message_id = %s WHERE id = %s", other.id, attachment.id
    )

    assert refusal == by_check("message_attachments_sent_fixed")


def test_attachment_that_is_sent_stays_with_its_direct_message() -> None:
    attachment = MessageAttachmentFactory.create(direct=True)
    other = DirectMessageFactory.create(conversation=attachment.direct_message.conversation)

    refusal = refused(
        "UPDATE message_attachments SET direct_message_id = %s WHERE id = %s",
        other.id,
        attachment.id,
    )

    assert refusal == by_check("message_attachments_sent_fixed")


@pytest.mark.parametrize("direct", [False, True])
def test_attachment_that_is_sent_is_not_taken_back(direct: bool) -> None:
    attachment = MessageAttachmentFactory.create(direct=direct)

    refusal = refused(
        "UPDATE message_attachments SET message_id = NULL, direct_message_id = NULL WHERE id = %s",
        attachment.id,
    )

    assert refusal == by_check("message_attachments_sent_fixed")


def test_upload_is_sent_with_a_message() -> None:
    message = MessageFactory.create()
    upload = MessageAttachmentFactory.create(message=None, space_id=message.server_id)

    execute("UPDATE message_attachments SET message_id = %s WHERE id = %s", message.id, upload.id)

    assert value("SELECT message_id FROM message_attachments") == message.id


def test_stranger_does_not_attach_to_a_direct_message() -> None:
    post, stranger = DirectMessageFactory.create(), UserFactory.create()

    refusal = refused(INSERT_DIRECTLY, post.conversation_id, post.id, 0, stranger.id)

    assert refusal == by_check("message_attachments_participant")


def test_upload_of_a_stranger_is_not_sent_with_a_direct_message() -> None:
    post = DirectMessageFactory.create()
    upload = MessageAttachmentFactory.create(message=None, space_id=post.conversation_id)

    refusal = refused(
        "UPDATE message_attachments SET direct_message_id = %s WHERE id = %s", post.id, upload.id
    )

    assert refusal == by_check("message_attachments_participant")


def test_attachment_of_a_direct_message_is_not_put_down_to_a_stranger() -> None:
    attachment, stranger = MessageAttachmentFactory.create(direct=True), UserFactory.create()

    refusal = refused(
        "UPDATE message_attachments SET uploader_id = %s WHERE id = %s", stranger.id, attachment.id
    )

    assert refusal == by_check("message_attachments_participant")


def test_who_left_attaches_no_more() -> None:
    post = DirectMessageFactory.create()
    execute("UPDATE direct_participants SET left_at = now() WHERE user_id = %s", post.author_id)

    refusal = refused(INSERT_DIRECTLY, post.conversation_id, post.id, 0, post.author_id)

    assert refusal == by_check("message_attachments_participant")


def test_uploads_that_were_not_sent_share_a_position() -> None:
    server = ServerFactory.create()

    MessageAttachmentFactory.create_batch(2, message=None, space_id=server.id)

    assert value("SELECT count(*) FROM message_attachments WHERE position = 0") == 2


def test_file_is_stored_once() -> None:
    attachment = MessageAttachmentFactory.create(storage_key="key")

    refusal = refused(INSERT, attachment.space_id, None, 0, attachment.uploader_id)

    assert refusal == by_unique_key("message_attachments_storage_key_uq")


@pytest.mark.parametrize(
    ("assignment", "constraint"),
    [
        ("size_bytes = 0", "size_bytes_ck"),
        ("size_bytes = -1", "size_bytes_ck"),
        ("size_bytes = 25 * 1024 * 1024 + 1", "size_bytes_ck"),
        ("sha256 = ''", "sha256_ck"),
        ("sha256 = sha256 || '!'", "sha256_ck"),
        ("sha256 = sha512('a')", "sha256_ck"),
        ("filename = ''", "filename_ck"),
        ("width = 0", "media_ck"),
        ("height = 0", "media_ck"),
        ("duration_ms = -1", "media_ck"),
    ],
)
def test_attachment_keeps_its_limits(assignment: str, constraint: str) -> None:
    attachment = MessageAttachmentFactory.create(message=None, space_id=uuid7())

    refusal = refused(f"UPDATE message_attachments SET {assignment} WHERE id = %s", attachment.id)

    assert refusal == by_check(f"message_attachments_{constraint}")


@pytest.mark.parametrize(
    "assignment",
    [
        "storage_key = 'elsewhere'",
        "sha256 = sha256('another file')",
        "size_bytes = 2",
        "content_type = 'text/html'",
        "filename = 'harmless.txt'",
        "uploader_id = uuidv7()",
    ],
)
def test_file_that_is_sent_stays_what_it_is(assignment: str) -> None:
    attachment = MessageAttachmentFactory.create()

    refusal = refused(f"UPDATE message_attachments SET {assignment} WHERE id = %s", attachment.id)

    assert refusal == by_check("message_attachments_sent_fixed")


def test_largest_attachment_is_taken() -> None:
    attachment = MessageAttachmentFactory.create(size_bytes=26_214_400)

    assert value("SELECT size_bytes FROM message_attachments") == attachment.size_bytes


def test_alternative_text_has_1024_characters_at_most() -> None:
    attachment = MessageAttachmentFactory.create(alt_text="x" * 1024)

    refusal = refused(
        "UPDATE message_attachments SET alt_text = alt_text || 'x' WHERE id = %s", attachment.id
    )

    assert refusal == by_length()


@pytest.mark.parametrize(
    ("direct", "table", "key"),
    [
        (False, "messages", "message_attachments_message_fk"),
        (True, "direct_messages", "message_attachments_direct_fk"),
    ],
)
def test_purge_does_not_take_a_message_before_its_file(direct: bool, table: str, key: str) -> None:
    attachment = MessageAttachmentFactory.create(direct=direct)
    message_id = attachment.direct_message_id if direct else attachment.message_id
    execute("SET LOCAL chat.purge = 'on'")

    refusal = refused(f"DELETE FROM {table} WHERE id = %s", message_id)

    # RESTRICT has a SQLSTATE of its own from PostgreSQL 18 on.
    assert (refusal.error, refusal.constraint) == (IntegrityError, key)
    assert refusal.sqlstate in {"23503", "23001"}
