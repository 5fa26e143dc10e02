"""Attachments: ten to a message, of a bounded size, and none goes without the key of its file."""

import pytest

from chat.db.ids import uuid7
from chat.models import Channel, Message
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


@pytest.fixture
def message(place: Channel) -> Message:
    return MessageFactory.create(channel=place)


def test_attachment_cannot_claim_another_space(message: Message) -> None:
    # Where the same user takes part or is a member, lest they are refused as a stranger.
    elsewhere = DirectConversationFactory.create(pair_low=message.author)

    for space in (elsewhere.id, ServerFactory.create(owner=message.author).id):
        assert refused(INSERT, space, message.id, 0, message.author_id) == by_foreign_key(
            "message_attachments_message_fk"
        )


@pytest.mark.parametrize("position", [-1, 10])
def test_attachment_has_one_of_ten_positions(position: int) -> None:
    message = MessageFactory.create()

    refusal = refused(INSERT, message.space_id, message.id, position, message.author_id)

    assert refusal == by_check("message_attachments_position_ck")


def test_eleventh_attachment_finds_no_position(message: Message) -> None:
    for taken in range(10):
        MessageAttachmentFactory.create(message=message, position=taken)

    for position in range(10):
        assert refused(
            INSERT, message.space_id, message.id, position, message.author_id
        ) == by_unique_key("message_attachments_message_uq")


@pytest.mark.parametrize("taken_back", [False, True])
def test_attachment_that_is_sent_stays_with_its_message(message: Message, taken_back: bool) -> None:
    attachment = MessageAttachmentFactory.create(message=message)
    other = MessageFactory.create(channel=message.channel, author=message.author)

    refusal = refused(
        "UPDATE message_attachments SET message_id = %s WHERE id = %s",
        None if taken_back else other.id,
        attachment.id,
    )

    assert refusal == by_check("message_attachments_sent_fixed")


def test_upload_is_sent_with_a_message_of_its_space(message: Message) -> None:
    send = "UPDATE message_attachments SET message_id = %s WHERE id = %s"
    elsewhere, upload = (
        MessageAttachmentFactory.create(message=None, space_id=space, uploader=message.author)
        for space in (ServerFactory.create(owner=message.author).id, message.space_id)
    )

    assert refused(send, message.id, elsewhere.id) == by_foreign_key(
        "message_attachments_message_fk"
    )
    assert execute(send, message.id, upload.id) == 1


def test_only_who_is_a_member_or_takes_part_attaches(message: Message) -> None:
    upload = MessageAttachmentFactory.create(message=None, space_id=message.space_id)
    stranger = UserFactory.create()

    refusal = refused(INSERT, message.space_id, message.id, 0, stranger.id)
    assert refusal == by_check("message_attachments_participant")
    refusal = refused(
        "UPDATE message_attachments SET message_id = %s WHERE id = %s", message.id, upload.id
    )
    assert refusal == by_check("message_attachments_sent_participant")


def test_who_left_may_have_their_file_described() -> None:
    message = MessageFactory.create()
    file = MessageAttachmentFactory.create(message=message, uploader=message.author)
    execute("DELETE FROM server_members WHERE user_id = %s", message.author_id)

    file.alt_text = "a chart"
    file.save()


def test_who_left_a_group_attaches_no_more() -> None:
    message = MessageFactory.create(channel=DirectConversationFactory.create(group=True))
    execute("UPDATE participants SET left_at = now()")

    refusal = refused(INSERT, message.space_id, message.id, 0, message.author_id)

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
        "uploader_id = (SELECT owner_id FROM servers)",
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
