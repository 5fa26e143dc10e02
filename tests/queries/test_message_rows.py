"""What a message on a page brings along: author, files, reactions, and what it answers."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from chat.errors import InvalidInput
from chat.models import Message, ServerMember, User
from chat.queries.history import message_page, message_pins, messages_by_id
from chat.queries.message_rows import Attachment, Author, MessageView, ReactionCount, Reply
from chat.rules.permissions import Permission
from tests.factories import (
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    ReactionFactory,
    UserFactory,
)
from tests.services.places import PLACES, Harbour, make_harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def only(harbour: Harbour) -> MessageView:
    (row,) = message_page(viewer=harbour.member, channel=harbour.channel).messages
    return row


def test_message_has_all_its_fields(harbour: Harbour) -> None:
    message = harbour.say("ahoy", created_at=NOON)
    Message.objects.update(content="ahoy!", pinned_at=NOON)
    message.refresh_from_db()

    row = only(harbour)

    assert message.edited_at is not None
    assert row == MessageView(
        id=message.id,
        space_id=harbour.server.id,
        channel_id=harbour.channel.id,
        seq=1,
        kind="text",
        content="ahoy!",
        version=2,
        created_at=NOON,
        edited_at=message.edited_at,
        pinned_at=NOON,
        deleted_at=None,
        author=Author(
            id=harbour.member.id, name=harbour.member.username, avatar_key=None, kind="human"
        ),
        reply=None,
        attachments=(),
        reactions=(),
    )


def test_row_is_frozen(harbour: Harbour) -> None:
    harbour.say()

    with pytest.raises(AttributeError):
        only(harbour).content = "changed"  # type: ignore[misc]
    assert only(harbour).content == "ahoy"


def test_author_is_shown_by_display_name(harbour: Harbour) -> None:
    User.objects.filter(pk=harbour.member.pk).update(display_name="Sindbad", avatar_key="a/1")
    harbour.say()

    assert only(harbour).author == Author(
        id=harbour.member.id, name="Sindbad", avatar_key="a/1", kind="human"
    )


def test_nickname_comes_before_display_name(harbour: Harbour) -> None:
    User.objects.filter(pk=harbour.member.pk).update(display_name="Sindbad")
    ServerMember.objects.filter(user=harbour.member).update(nickname="Captain")
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
    MessageFactory.create(channel=harbour.channel, author=None, kind="join", content="")

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
    message, other = harbour.say(), harbour.join()
    for user in (harbour.member, other):
        ReactionFactory.create(message=message, emoji="⚓", user=user)
    ReactionFactory.create(message=message, emoji="👍", user=other)
    ReactionFactory.create(message=message, emoji="🎉", user=harbour.member)

    assert only(harbour).reactions == (
        ReactionCount(emoji="⚓", count=2, is_own=True),
        ReactionCount(emoji="🎉", count=1, is_own=True),
        ReactionCount(emoji="👍", count=1, is_own=False),
    )


def test_reply_shows_the_beginning_of_what_it_answers(harbour: Harbour) -> None:
    harbour.say("x" * 150)
    harbour.say("yes", reply_to_seq=1)

    newest, _ = message_page(viewer=harbour.member, channel=harbour.channel).messages

    assert newest.reply == Reply(
        seq=1,
        author_id=harbour.member.id,
        author_name=harbour.member.username,
        excerpt="x" * 100,
    )


def test_reply_to_a_deleted_message_shows_none_of_it(harbour: Harbour) -> None:
    harbour.say("secret")
    harbour.say("yes", reply_to_seq=1)
    Message.objects.filter(seq=1).update(deleted_at=NOON)

    newest, _ = message_page(viewer=harbour.member, channel=harbour.channel).messages

    assert newest.reply is not None
    assert newest.reply.excerpt is None


def test_deleted_message_brings_nothing_along(harbour: Harbour) -> None:
    harbour.say("first")
    message = harbour.say("secret", reply_to_seq=1)
    ReactionFactory.create(message=message)
    MessageAttachmentFactory.create(message=message)
    Message.objects.filter(seq=2).update(deleted_at=NOON)

    newest, _ = message_page(viewer=harbour.member, channel=harbour.channel).messages

    assert (newest.seq, newest.content, newest.reply) == (2, "", None)
    assert (newest.attachments, newest.reactions) == ((), ())


@pytest.mark.parametrize("kind", PLACES)
def test_message_is_the_same_on_a_page_among_pins_and_by_its_id_in_every_place(kind: str) -> None:
    place = make_place(kind)
    made = {"channel": place.channel, "author": place.author}
    first = MessageFactory.create(**made)
    second = MessageFactory.create(**made, content="yes", reply_to_seq=1, pinned_at=NOON)
    for user in (place.author, place.other):
        ReactionFactory.create(message=second, user=user)
    file = MessageAttachmentFactory.create(message=second, uploader=place.author)

    newest, oldest = message_page(viewer=place.other, channel=place.channel).messages
    (pinned,) = message_pins(viewer=place.other, channel=place.channel).messages
    by_id = messages_by_id(viewer=place.other, messages=[first.id, second, oldest])

    assert newest.reply == Reply(
        seq=1, author_id=place.author.id, author_name=place.author.username, excerpt="ahoy"
    )
    assert newest.reactions == (ReactionCount(emoji="⚓", count=2, is_own=True),)
    assert [attachment.id for attachment in newest.attachments] == [file.id]
    assert (newest.space_id, newest.channel_id) == (place.channel.space_id, place.channel.id)
    assert pinned == newest
    assert by_id == (oldest, newest, oldest)


def test_by_their_ids_only_messages_that_can_be_read_are_found(harbour: Harbour) -> None:
    without_history, hidden = harbour.dig(), harbour.dig()
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=without_history)
    harbour.deny(Permission.VIEW_CHANNEL, channel=hidden)
    seen, deleted = harbour.say("seen"), harbour.say("deleted")
    Message.objects.filter(pk=deleted.pk).update(deleted_at=NOON)
    asked: list[Any] = [
        *(deleted.id, harbour.say(channel=without_history), harbour.say(channel=hidden)),
        *(make_harbour().say(), DirectMessageFactory.create(), UUID(int=1), seen),
    ]

    found = messages_by_id(viewer=harbour.member, messages=asked)

    assert [(message.id, message.content) for message in found] == [
        (deleted.id, ""),
        (seen.id, "seen"),
    ]
    assert messages_by_id(viewer=UUID(int=1), messages=asked) == ()
    assert messages_by_id(viewer=harbour.member, messages=[]) == ()


@pytest.mark.parametrize("wrong", [None, "ids", UUID(int=1), [None], ["id"], [UUID(int=1)] * 101])
def test_what_is_no_list_of_messages_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        messages_by_id(viewer=UUID(int=1), messages=wrong)

    assert caught.value.field == "messages"


def test_pins_come_last_pinned_first_and_are_paged(harbour: Harbour) -> None:
    for number in range(1, 6):
        harbour.say(f"message {number}")
    for seq, minutes in ((1, 30), (2, 10), (4, 20), (5, 20)):
        Message.objects.filter(seq=seq).update(pinned_at=NOON + timedelta(minutes=minutes))

    first = message_pins(viewer=harbour.member, channel=harbour.channel, limit=2)
    rest = message_pins(viewer=harbour.member, channel=harbour.channel, before=first.next, limit=2)
    end = message_pins(viewer=harbour.member, channel=harbour.channel, before=rest.next, limit=2)

    # The two of the same moment by their ids, highest first.
    assert [m.seq for m in first.messages] == [1, 5]
    assert [m.seq for m in rest.messages] == [4, 2]
    assert (end.messages, end.next) == ((), None)


def test_deleted_message_is_no_pin(harbour: Harbour) -> None:
    harbour.say()
    Message.objects.update(pinned_at=NOON, deleted_at=NOON)

    assert message_pins(viewer=harbour.member, channel=harbour.channel).messages == ()
