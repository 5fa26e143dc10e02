"""What a message on a page brings along: author, files, reactions, and what it answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from chat.models import Message, ServerMember, User
from chat.queries.history import direct_page, direct_pins, message_page, pins
from chat.queries.posts import Attachment, Author, MessageRow, ReactionCount, Reply
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ReactionFactory,
    UserFactory,
)

if TYPE_CHECKING:
    from tests.queries.places import Harbour

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def only(harbour: Harbour) -> MessageRow:
    (row,) = message_page(viewer=harbour.sailor, channel=harbour.pier).messages
    return row


def test_message_has_all_its_fields(harbour: Harbour) -> None:
    message = harbour.say("ahoy", created_at=NOON)
    Message.objects.update(content="ahoy!", pinned_at=NOON)
    message.refresh_from_db()

    row = only(harbour)

    assert message.edited_at is not None
    assert row == MessageRow(
        id=message.id,
        seq=1,
        kind="text",
        content="ahoy!",
        version=2,
        created_at=NOON,
        edited_at=message.edited_at,
        pinned_at=NOON,
        deleted_at=None,
        author=Author(
            id=harbour.sailor.id, name=harbour.sailor.username, avatar_key=None, kind="human"
        ),
        reply=None,
        attachments=(),
        reactions=(),
    )


def test_row_is_frozen(harbour: Harbour) -> None:
    harbour.say()

    with pytest.raises(AttributeError):
        only(harbour).content = "changed"  # type: ignore[misc]


def test_author_is_shown_by_display_name(harbour: Harbour) -> None:
    User.objects.filter(pk=harbour.sailor.pk).update(display_name="Sindbad", avatar_key="a/1")
    harbour.say()

    assert only(harbour).author == Author(
        id=harbour.sailor.id, name="Sindbad", avatar_key="a/1", kind="human"
    )


def test_nickname_comes_before_display_name(harbour: Harbour) -> None:
    User.objects.filter(pk=harbour.sailor.pk).update(display_name="Sindbad")
    ServerMember.objects.filter(user=harbour.sailor).update(nickname="Captain")
    harbour.say()

    author = only(harbour).author

    assert author is not None
    assert author.name == "Captain"


def test_author_who_left_is_still_named(harbour: Harbour) -> None:
    gone = UserFactory.create(username="gone")
    harbour.say(author=gone)

    author = only(harbour).author

    assert author is not None
    assert author.name == "gone"


def test_message_of_the_system_has_no_author(harbour: Harbour) -> None:
    MessageFactory.create(channel=harbour.pier, author=None, kind="join", content="")

    row = only(harbour)

    assert (row.kind, row.author) == ("join", None)


def test_attachments_come_in_their_order(harbour: Harbour) -> None:
    message = harbour.say()
    second = MessageAttachmentFactory.create(message=message, position=1, storage_key="b")
    first = MessageAttachmentFactory.create(
        message=message,
        position=0,
        filename="map.png",
        content_type="image/png",
        size_bytes=7,
        storage_key="a",
        width=640,
        height=480,
        duration_ms=1500,
        alt_text="a map",
    )

    found = only(harbour).attachments

    assert found[0] == Attachment(
        id=first.id,
        filename="map.png",
        content_type="image/png",
        size_bytes=7,
        storage_key="a",
        width=640,
        height=480,
        duration_ms=1500,
        alt_text="a map",
    )
    assert [file.id for file in found] == [first.id, second.id]


def test_reactions_are_counted_and_ones_own_marked(harbour: Harbour) -> None:
    message = harbour.say()
    for user in (harbour.sailor, harbour.stranger):
        ReactionFactory.create(message=message, emoji="⚓", user=user)
    ReactionFactory.create(message=message, emoji="👍", user=harbour.stranger)
    ReactionFactory.create(message=message, emoji="🎉", user=harbour.sailor)

    assert only(harbour).reactions == (
        ReactionCount(emoji="⚓", count=2, is_own=True),
        ReactionCount(emoji="🎉", count=1, is_own=True),
        ReactionCount(emoji="👍", count=1, is_own=False),
    )


def test_reply_shows_the_beginning_of_what_it_answers(harbour: Harbour) -> None:
    harbour.say("x" * 150)
    harbour.say("yes", reply_to_seq=1)

    newest, _ = message_page(viewer=harbour.sailor, channel=harbour.pier).messages

    assert newest.reply == Reply(
        seq=1,
        author_id=harbour.sailor.id,
        author_name=harbour.sailor.username,
        excerpt="x" * 100,
    )


def test_reply_to_a_deleted_message_shows_none_of_it(harbour: Harbour) -> None:
    harbour.say("secret")
    harbour.say("yes", reply_to_seq=1)
    Message.objects.filter(seq=1).update(deleted_at=NOON)

    newest, _ = message_page(viewer=harbour.sailor, channel=harbour.pier).messages

    assert newest.reply is not None
    assert newest.reply.excerpt is None


def test_deleted_message_brings_nothing_along(harbour: Harbour) -> None:
    harbour.say("first")
    message = harbour.say("secret", reply_to_seq=1)
    ReactionFactory.create(message=message)
    MessageAttachmentFactory.create(message=message)
    Message.objects.filter(seq=2).update(deleted_at=NOON)

    newest, _ = message_page(viewer=harbour.sailor, channel=harbour.pier).messages

    assert (newest.seq, newest.content, newest.reply) == (2, "", None)
    assert (newest.attachments, newest.reactions) == ((), ())


def test_direct_message_brings_the_same_along() -> None:
    pair = DirectConversationFactory.create()
    first = DirectMessageFactory.create(conversation=pair, content="ahoy")
    second = DirectMessageFactory.create(conversation=pair, content="yes", reply_to_seq=1)
    ReactionFactory.create(direct=True, direct_message=second, user=pair.pair_high)
    file = MessageAttachmentFactory.create(direct=True, direct_message=second)

    newest, oldest = direct_page(viewer=pair.pair_high, conversation=pair).messages

    assert (oldest.id, oldest.content) == (first.id, "ahoy")
    assert newest.reply is not None
    assert (newest.reply.seq, newest.reply.excerpt) == (1, "ahoy")
    assert newest.reactions == (ReactionCount(emoji="⚓", count=1, is_own=True),)
    assert [attachment.id for attachment in newest.attachments] == [file.id]


def test_pins_come_last_pinned_first_and_are_paged(harbour: Harbour) -> None:
    for number in range(1, 6):
        harbour.say(f"message {number}")
    for seq, minutes in ((1, 30), (2, 10), (4, 20), (5, 20)):
        Message.objects.filter(seq=seq).update(pinned_at=NOON + timedelta(minutes=minutes))

    first = pins(viewer=harbour.sailor, channel=harbour.pier, limit=2)
    rest = pins(viewer=harbour.sailor, channel=harbour.pier, before=first.next, limit=2)
    end = pins(viewer=harbour.sailor, channel=harbour.pier, before=rest.next, limit=2)

    # The two of the same moment by their ids, highest first.
    assert [m.seq for m in first.messages] == [1, 5]
    assert [m.seq for m in rest.messages] == [4, 2]
    assert (end.messages, end.next) == ((), None)


def test_deleted_message_is_no_pin(harbour: Harbour) -> None:
    harbour.say()
    Message.objects.update(pinned_at=NOON, deleted_at=NOON)

    assert pins(viewer=harbour.sailor, channel=harbour.pier).messages == ()


def test_pins_of_a_conversation() -> None:
    pair = DirectConversationFactory.create()
    DirectMessageFactory.create(conversation=pair)
    DirectMessageFactory.create(conversation=pair, pinned_at=NOON)

    page = direct_pins(viewer=pair.pair_low, conversation=pair)

    assert [m.seq for m in page.messages] == [2]
    assert page.next is None
