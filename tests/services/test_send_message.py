"""Sending in a channel."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from chat.errors import (
    IdTaken,
    InvalidInput,
    MissingPermission,
    NotVisible,
    SlowModeActive,
    TimedOut,
)
from chat.models import Ban, Channel, Mention, Message, MessageAttachment, Role, ServerMember
from chat.permissions import DEFAULT_EVERYONE, Permission
from chat.services.messages import edit_message, send_message
from tests.chat.sql import stored
from tests.factories import (
    FAR_AWAY,
    ChannelFactory,
    MessageAttachmentFactory,
    MessageFactory,
    RoleFactory,
    UserFactory,
)
from tests.services.counting import statements_of
from tests.services.places import Harbour, make_harbour, named_in
from tests.services.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from chat.models import User

pytestmark = pytest.mark.django_db

CHOSEN = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def harbour() -> Harbour:
    return make_harbour()


def _send(harbour: Harbour, content: str = "ahoy", **rest: Any) -> Message:
    sent = send_message(author=harbour.member, channel=harbour.channel, content=content, **rest)
    return Message.objects.get(pk=sent.id)


# --- what is written ---


def test_a_message_is_stored_as_it_was_sent(harbour: Harbour) -> None:
    sent = send_message(author=harbour.member, channel=harbour.channel, content="ahoy 🐙")

    row = Message.objects.get()
    assert (row.id, row.server_id, row.channel_id) == (
        sent.id,
        harbour.server.id,
        harbour.channel.id,
    )
    assert (row.author_id, row.content, row.seq, row.kind) == (
        harbour.member.id,
        "ahoy 🐙",
        1,
        "text",
    )
    assert (sent.seq, sent.server_id, sent.created_at) == (1, harbour.server.id, row.created_at)


def test_ids_do_as_well_as_models(harbour: Harbour) -> None:
    sent = send_message(author=harbour.member.id, channel=harbour.channel.id, content="ahoy")

    assert sent.channel_id == harbour.channel.id


def test_a_send_is_one_statement(harbour: Harbour) -> None:
    assert len(statements_of(lambda: _send_only(harbour, "ahoy"))) == 1


def test_a_send_with_everything_is_one_statement(harbour: Harbour) -> None:
    first = _send(harbour)
    file = _reserved(harbour)

    sent = statements_of(
        lambda: _send_only(
            harbour, f"<@{harbour.server.owner_id}>", reply_to=first, attachments=[file]
        )
    )

    assert len(sent) == 1


def _send_only(harbour: Harbour, content: str, **rest: Any) -> None:
    send_message(author=harbour.member, channel=harbour.channel, content=content, **rest)


def test_a_refusal_is_two_statements(harbour: Harbour) -> None:
    harbour.allow(Permission.VIEW_CHANNEL)

    def attempt() -> None:
        with pytest.raises(MissingPermission):
            _send_only(harbour, "ahoy")

    assert len(statements_of(attempt)) == 2


def test_a_send_is_in_the_transaction_of_the_caller(harbour: Harbour) -> None:
    with transaction.atomic():
        _send(harbour)
        transaction.set_rollback(True)

    assert not Message.objects.exists()


def test_a_refusal_leaves_the_callers_transaction_usable(harbour: Harbour) -> None:
    with transaction.atomic():
        with pytest.raises(NotVisible):
            send_message(author=UserFactory.create(), channel=harbour.channel, content="ahoy")
        _send(harbour)

    assert Message.objects.count() == 1


# --- who may ---


def test_stranger_is_told_that_there_is_no_such_channel(harbour: Harbour) -> None:
    stranger = UserFactory.create()

    refused(
        NotVisible,
        lambda: send_message(author=stranger, channel=harbour.channel, content="ahoy"),
        match=f"There is no channel {harbour.channel.id} that user {stranger.id} can see",
    )


def test_missing_permission_is_named(harbour: Harbour) -> None:
    harbour.allow(Permission.VIEW_CHANNEL)

    refused(MissingPermission, lambda: _send(harbour), match="needs SEND_MESSAGES in channel")


def test_member_in_a_timeout_cannot_send(harbour: Harbour) -> None:
    ServerMember.objects.filter(user=harbour.member).update(timed_out_until=FAR_AWAY)

    refused(TimedOut, lambda: _send(harbour), match="in a timeout")


def test_banned_user_cannot_send(harbour: Harbour) -> None:
    ServerMember.objects.filter(user=harbour.member).delete()
    Ban.objects.create(server=harbour.server, user=harbour.member)

    refused(NotVisible, lambda: _send(harbour))


def test_deleted_server_takes_no_message(harbour: Harbour) -> None:
    type(harbour.server).objects.update(deleted_at=Now())

    refused(NotVisible, lambda: _send(harbour))


def test_deleted_channel_takes_no_message(harbour: Harbour) -> None:
    Channel.objects.update(deleted_at=Now())

    refused(NotVisible, lambda: _send(harbour))


def test_category_takes_no_message(harbour: Harbour) -> None:
    category = ChannelFactory.create(server=harbour.server, category=True)

    refused(
        InvalidInput,
        lambda: send_message(author=harbour.member, channel=category, content="ahoy"),
        match="channel is a category",
    )


def test_thread_asks_for_the_permission_of_threads(harbour: Harbour) -> None:
    thread = ChannelFactory.create(
        server=harbour.server, parent=harbour.channel, kind=Channel.Kind.THREAD
    )
    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES_IN_THREADS)

    send_message(author=harbour.member, channel=thread, content="ahoy")

    refused(MissingPermission, lambda: _send(harbour))


# --- replies ---


def test_a_reply_points_at_what_it_answers(harbour: Harbour) -> None:
    first = _send(harbour)

    reply = _send(harbour, reply_to=first)

    assert reply.reply_to_seq == first.seq


def test_a_message_of_another_channel_cannot_be_answered(harbour: Harbour) -> None:
    elsewhere = MessageFactory.create(channel=ChannelFactory.create(server=harbour.server))

    refused(NotVisible, lambda: _send(harbour, reply_to=elsewhere), match=str(elsewhere.id))


def test_a_message_of_another_server_cannot_be_answered(harbour: Harbour) -> None:
    elsewhere = MessageFactory.create()

    refused(NotVisible, lambda: _send(harbour, reply_to=elsewhere.id))


def test_a_deleted_message_cannot_be_answered(harbour: Harbour) -> None:
    first = _send(harbour)
    Message.objects.update(deleted_at=Now())

    refused(NotVisible, lambda: _send(harbour, reply_to=first))


def test_who_cannot_read_the_history_cannot_answer(harbour: Harbour) -> None:
    first = _send(harbour)
    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)

    refused(
        MissingPermission,
        lambda: _send(harbour, reply_to=first),
        match="needs READ_MESSAGE_HISTORY in",
    )


# --- mentions ---


def test_members_who_are_named_get_a_mention(harbour: Harbour) -> None:
    other = harbour.join()

    message = _send(harbour, f"<@{other.id}> and <@{harbour.server.owner_id}> and <@{other.id}>")

    assert named_in(message) == {str(other.id), str(harbour.server.owner_id)}


def test_strangers_and_unknown_ids_are_text(harbour: Harbour) -> None:
    message = _send(harbour, f"<@{UserFactory.create().id}> <@{CHOSEN}> <@&{CHOSEN}>")

    assert named_in(message) == set()


def test_member_who_cannot_see_the_channel_gets_no_mention(harbour: Harbour) -> None:
    other = harbour.join()
    harbour.channel.overwrites.create(
        server=harbour.server, user=other, deny=Permission.VIEW_CHANNEL.value
    )

    assert named_in(_send(harbour, f"<@{other.id}>")) == set()


def test_everyone_is_named_by_who_may(harbour: Harbour) -> None:
    assert named_in(_send(harbour, "@everyone")) == set()

    harbour.allow(DEFAULT_EVERYONE | Permission.MENTION_EVERYONE)

    assert named_in(_send(harbour, "@here")) == {"everyone"}


def test_a_role_is_named_when_it_is_mentionable_or_by_who_may(harbour: Harbour) -> None:
    quiet = RoleFactory.create(server=harbour.server, position=1)
    loud = RoleFactory.create(server=harbour.server, position=2, mentionable=True)
    foreign = RoleFactory.create(position=3, mentionable=True)
    content = f"<@&{quiet.id}> <@&{loud.id}> <@&{foreign.id}> <@&{harbour.everyone.id}>"

    assert named_in(_send(harbour, content)) == {str(loud.id)}

    harbour.allow(DEFAULT_EVERYONE | Permission.MENTION_EVERYONE)

    assert named_in(_send(harbour, content)) == {str(loud.id), str(quiet.id)}


def test_a_hundred_names_are_one_statement(harbour: Harbour) -> None:
    crowd = [harbour.join() for _ in range(5)]
    content = "".join(f"<@{user.id}>" for user in crowd) + "".join(
        f"<@{UUID(int=n)}>" for n in range(95)
    )

    assert len(statements_of(lambda: _send_only(harbour, content))) == 1
    assert Mention.objects.count() == 5


# --- attachments ---


def _reserved(harbour: Harbour, uploader: User | None = None) -> MessageAttachment:
    file: MessageAttachment = MessageAttachmentFactory.create(
        message=None, space_id=harbour.server.id, uploader=uploader or harbour.member
    )
    return file


def test_files_go_with_the_message_in_the_order_given(harbour: Harbour) -> None:
    files = [_reserved(harbour) for _ in range(3)]
    files.reverse()

    message = _send(harbour, "", attachments=files)

    rows = MessageAttachment.objects.order_by("position")
    assert [(row.id, row.position, row.message_id) for row in rows] == [
        (file.id, position, message.id) for position, file in enumerate(files)
    ]


def test_a_file_is_sent_once(harbour: Harbour) -> None:
    file = _reserved(harbour)
    _send(harbour, attachments=[file])

    refused(NotVisible, lambda: _send(harbour, attachments=[file]), match=str(file.id))


def test_the_file_of_another_is_not_sent(harbour: Harbour) -> None:
    own, file = _reserved(harbour), _reserved(harbour, uploader=harbour.server.owner)

    refused(NotVisible, lambda: _send(harbour, attachments=[own, file]))


def test_a_file_of_another_server_is_not_sent(harbour: Harbour) -> None:
    file = _reserved(make_harbour(), uploader=harbour.member)

    refused(NotVisible, lambda: _send(harbour, attachments=[file]))


def test_files_need_a_permission_of_their_own(harbour: Harbour) -> None:
    file = _reserved(harbour)
    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)

    refused(MissingPermission, lambda: _send(harbour, attachments=[file]), match="ATTACH_FILES")


# --- a send that is repeated ---


def test_the_same_again_is_the_same_message(harbour: Harbour) -> None:
    first = _send(harbour)
    file = _reserved(harbour)
    args: dict[str, Any] = {"id": CHOSEN, "reply_to": first, "attachments": [file]}
    sent = send_message(author=harbour.member, channel=harbour.channel, content="ahoy", **args)
    before = stored()

    again = send_message(author=harbour.member, channel=harbour.channel, content="ahoy", **args)

    assert again == sent
    assert [row for row in stored() if row[0] != "channels"] == [
        row for row in before if row[0] != "channels"
    ]
    assert _send(harbour).seq == 3


def test_the_same_again_after_an_edit_is_the_same_message(harbour: Harbour) -> None:
    sent = _send(harbour, id=CHOSEN)
    edit_message(actor=harbour.member, message=sent, content="other words")

    assert _send(harbour, id=CHOSEN).seq == sent.seq


def test_the_same_again_comes_back_also_when_it_could_not_be_sent_now(harbour: Harbour) -> None:
    sent = _send(harbour, id=CHOSEN)
    Channel.objects.update(slowmode_seconds=60)

    assert _send(harbour, id=CHOSEN).seq == sent.seq

    harbour.allow(Permission(0))

    assert _send(harbour, id=CHOSEN).seq == sent.seq


@pytest.mark.parametrize("other", ["content", "author", "channel", "reply", "files"])
def test_another_message_with_the_same_id_isrefused(harbour: Harbour, other: str) -> None:
    first = _send(harbour)
    _send(harbour, id=CHOSEN)
    args: dict[str, Any] = {
        "author": harbour.member,
        "channel": harbour.channel,
        "content": "ahoy",
        "id": CHOSEN,
    }
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "content": lambda: {"content": "other words"},
        "author": lambda: {"author": harbour.server.owner},
        "channel": lambda: {"channel": ChannelFactory.create(server=harbour.server)},
        "reply": lambda: {"reply_to": first},
        "files": lambda: {"attachments": [_reserved(harbour)]},
    }
    args |= changes[other]()
    last = Message.objects.count()

    with pytest.raises(IdTaken, match=f"The id {CHOSEN} belongs to another message"):
        send_message(**args)

    assert Message.objects.count() == last
    assert not MessageAttachment.objects.filter(message__isnull=False).exists()


def test_stranger_does_not_learn_that_an_id_is_taken(harbour: Harbour) -> None:
    _send(harbour, id=CHOSEN)

    with pytest.raises(NotVisible):
        send_message(
            author=UserFactory.create(), channel=harbour.channel, content="ahoy", id=CHOSEN
        )


# --- slow mode ---


def test_slow_mode_says_how_long_to_wait(harbour: Harbour) -> None:
    Channel.objects.update(slowmode_seconds=21600)
    _send(harbour)

    with pytest.raises(SlowModeActive) as caught:
        _send(harbour)

    assert timedelta(hours=5) < caught.value.retry_after <= timedelta(hours=6)
    assert Message.objects.count() == 1


def test_slow_mode_is_for_each_author_and_channel(harbour: Harbour) -> None:
    other = ChannelFactory.create(server=harbour.server, slowmode_seconds=60)
    Channel.objects.update(slowmode_seconds=60)
    _send(harbour)

    send_message(author=harbour.join(), channel=harbour.channel, content="ahoy")
    send_message(author=harbour.member, channel=other, content="ahoy")

    assert Message.objects.count() == 3


def test_slow_mode_is_over_when_the_time_has_passed(harbour: Harbour) -> None:
    Channel.objects.update(slowmode_seconds=60)
    MessageFactory.create(
        channel=harbour.channel, author=harbour.member, created_at=Now() - timedelta(seconds=61)
    )

    assert _send(harbour).seq == 2


def test_a_deleted_message_counts_for_slow_mode(harbour: Harbour) -> None:
    Channel.objects.update(slowmode_seconds=60)
    _send(harbour)
    Message.objects.update(deleted_at=Now())

    refused(SlowModeActive, lambda: _send(harbour))


@pytest.mark.parametrize(
    "permission",
    [Permission.BYPASS_SLOWMODE, Permission.MANAGE_MESSAGES, Permission.MANAGE_CHANNELS],
)
def test_slow_mode_is_not_for_who_keeps_order(harbour: Harbour, permission: Permission) -> None:
    Channel.objects.update(slowmode_seconds=60)
    harbour.allow(DEFAULT_EVERYONE | permission)
    _send(harbour)

    assert _send(harbour).seq == 2


# --- bad input ---


def test_blank_content_needs_a_file(harbour: Harbour) -> None:
    for content in ("", " \n\t", "\u200b", "\u2800\u00ad\U000e0020"):
        refused(InvalidInput, partial(_send, harbour, content), match="content is blank")


@pytest.mark.parametrize("content", ["\n.", "\u200b.", "\x1b[0m", "👩\u200d🚀", "\u0301"])
def test_content_with_anything_to_see_is_sent_as_it_is(harbour: Harbour, content: str) -> None:
    assert _send(harbour, content).content == content


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"author": "somebody"}, "author is 'somebody'"),
        ({"author": None}, "author is None"),
        ({"channel": 7}, "channel is 7"),
        ({"channel": Role()}, "channel is"),
        ({"content": None}, "content is None"),
        ({"content": "x" * 4001}, "content is 4001 characters long"),
        ({"content": "a\0b"}, "content is a text with a NUL at 1"),
        ({"content": "\ud800"}, "half a surrogate pair"),
        ({"id": "1"}, "id is '1'"),
        ({"id": 7}, "id is 7"),
        ({"reply_to": 7}, "reply_to is 7"),
        ({"attachments": None}, "attachments is None"),
        ({"attachments": "abc"}, "attachments is 'abc'"),
        ({"attachments": [7]}, "attachments is 7"),
        ({"attachments": [UUID(int=n) for n in range(11)]}, "attachments is 11 of them"),
        ({"attachments": [CHOSEN, CHOSEN]}, "attachments is with one of them twice"),
    ],
)
def test_bad_input_is_named(harbour: Harbour, args: dict[str, Any], match: str) -> None:
    usual: dict[str, Any] = {
        "author": harbour.member,
        "channel": harbour.channel,
        "content": "ahoy",
    }

    refused(InvalidInput, lambda: send_message(**(usual | args)), match=match)


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"author": CHOSEN}, "no channel"),
        ({"channel": CHOSEN}, "no channel"),
        ({"reply_to": CHOSEN}, "no message to answer"),
        ({"attachments": [CHOSEN]}, "no unsent attachment"),
    ],
)
def test_ids_of_nothing_are_named(harbour: Harbour, args: dict[str, Any], match: str) -> None:
    usual: dict[str, Any] = {
        "author": harbour.member,
        "channel": harbour.channel,
        "content": "ahoy",
    }

    refused(NotVisible, lambda: send_message(**(usual | args)), match=match)


def test_four_thousand_characters_are_stored(harbour: Harbour) -> None:
    assert len(_send(harbour, "🐙" * 4000).content) == 4000


def test_the_database_is_asked_with_the_tenant(harbour: Harbour) -> None:
    with connection.execute_wrapper(_only_with_server):
        _send(harbour, f"<@{harbour.server.owner_id}>")


def _only_with_server(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    assert "messages" not in sql or "server_id" in sql
    return execute(sql, params, many, context)
