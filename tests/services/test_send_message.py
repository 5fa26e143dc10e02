"""Sending in channels and conversations."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
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
    Unreachable,
)
from chat.models import (
    Channel,
    Mention,
    Message,
    MessageAttachment,
    ReadState,
    User,
)
from chat.rules.permissions import DEFAULT_EVERYONE, Permission
from chat.services.direct import open_conversation, open_group
from chat.services.messages import SentMessage, edit_message, send_message
from tests.chat.sql import stored
from tests.factories import (
    ChannelFactory,
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    RoleFactory,
    UserFactory,
)
from tests.services.counting import statements_of
from tests.services.places import PLACES, Harbour, Place, make_place, named_in
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db

CHOSEN = UUID("01990000-0000-7000-8000-000000000001")
OF_ITS_SPACE = "an id is of one space: in another it is another message"
IN_STEPS = "it counts statements, and a send is up to five"


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


def _send(harbour: Harbour, content: str = "ahoy", **rest: Any) -> Message:
    sent = send_message(author=harbour.member, channel=harbour.channel, content=content, **rest)
    return Message.objects.get(pk=sent.id)


def _send_in(place: Place, content: str = "ahoy", **rest: Any) -> SentMessage:
    return send_message(
        **({"author": place.author, "channel": place.channel} | rest), content=content
    )


# --- what is written ---


def test_a_message_is_stored_as_it_was_sent(place: Place) -> None:
    sent = _send_in(place, "ahoy 🐙")

    row = Message.objects.get()
    assert (
        row.id,
        row.space_id,
        row.channel_id,
        row.author_id,
        row.content,
        row.seq,
        row.kind,
    ) == (
        sent.id,
        place.channel.space_id,
        place.channel.id,
        place.author.id,
        "ahoy 🐙",
        1,
        "text",
    )
    assert sent == SentMessage(
        id=row.id,
        space_id=place.channel.space_id,
        channel_id=place.channel.id,
        author_id=place.author.id,
        content="ahoy 🐙",
        seq=1,
        reply_to_seq=None,
        created_at=row.created_at,
    )


def test_ids_do_as_well_as_models(place: Place) -> None:
    sent = _send_in(place, author=place.author.id, channel=place.channel.id)

    assert sent.channel_id == place.channel.id


def test_ones_own_message_is_read(place: Place) -> None:
    _send_in(place, author=place.other)
    _send_in(place)

    marks = ReadState.objects.values_list("user_id", "last_read_seq")
    assert dict(marks) == {place.other.id: 1, place.author.id: 2}


@pytest.mark.one_machine(IN_STEPS)
def test_a_send_is_one_statement_and_so_is_one_with_everything(place: Place) -> None:
    assert len(statements_of(lambda: _send_in(place))) == 1

    rest = {"reply_to": _send_in(place), "attachments": [place.reserve()]}
    content = f"<@{place.other.id}>"

    assert len(statements_of(lambda: _send_in(place, content, **rest))) == 1
    assert Mention.objects.get().user_id == place.other.id


@pytest.mark.one_machine(IN_STEPS)
def test_a_refusal_is_two_statements(place: Place) -> None:
    def attempt() -> None:
        with pytest.raises(NotVisible):
            _send_in(place, author=place.stranger)

    assert len(statements_of(attempt)) == 2


def test_a_send_is_in_the_transaction_of_the_caller(harbour: Harbour) -> None:
    with transaction.atomic():
        _send(harbour)
        transaction.set_rollback(True)

    assert not Message.objects.exists()


@pytest.mark.parametrize(
    "against",
    [
        "stranger",
        "category",
        pytest.param("id of another space", marks=pytest.mark.one_machine(OF_ITS_SPACE)),
    ],
)
def test_a_refusal_leaves_the_callers_transaction_usable(harbour: Harbour, against: str) -> None:
    elsewhere = MessageFactory.create()
    category = ChannelFactory.create(server=harbour.server, category=True)
    changes: dict[str, dict[str, Any]] = {
        "stranger": {"author": UserFactory.create()},
        "category": {"channel": category},
        "id of another space": {"id": elsewhere.id},
    }
    usual: dict[str, Any] = {
        "author": harbour.member,
        "channel": harbour.channel,
        "content": "ahoy",
    }

    with transaction.atomic():
        with pytest.raises((NotVisible, InvalidInput, IdTaken)):
            send_message(**(usual | changes[against]))
        sent = _send(harbour)

    assert sent.seq == 1


# --- who may ---


def test_stranger_is_told_that_there_is_no_such_channel(place: Place) -> None:
    refused(
        NotVisible,
        lambda: _send_in(place, author=place.stranger),
        match=f"There is no channel {place.channel.id} that user {place.stranger.id} can see",
    )


def test_missing_permission_is_named(harbour: Harbour) -> None:
    harbour.allow(Permission.VIEW_CHANNEL)

    refused(MissingPermission, lambda: _send(harbour), match="needs SEND_MESSAGES in channel")


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


@pytest.mark.parametrize("rest", [{}, {"id": CHOSEN}, {"content": "<@everyone> @here"}])
def test_archived_channel_takes_no_message(harbour: Harbour, rest: dict[str, Any]) -> None:
    Channel.objects.update(archived_at=Now())

    refused(InvalidInput, lambda: _send(harbour, **rest), match="channel is archived")


def test_pair_of_which_the_other_was_erased_takes_no_message() -> None:
    place = make_place("pair")
    own = _send_in(place)
    User.objects.filter(pk=place.other.pk).update(
        username=f"erased_{place.other.id.hex[:25]}",
        erased_at=Now(),
        is_active=False,
        password="!",
    )

    refused(Unreachable, lambda: _send_in(place))
    refused(Unreachable, lambda: _send_in(place, reply_to=own))
    refused(NotVisible, lambda: _send_in(place, author=place.stranger))


def test_thread_asks_for_the_permission_of_threads(harbour: Harbour) -> None:
    thread = ChannelFactory.create(
        server=harbour.server, parent=harbour.channel, kind=Channel.Kind.THREAD
    )
    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES_IN_THREADS)

    send_message(author=harbour.member, channel=thread, content="ahoy")

    refused(MissingPermission, lambda: _send(harbour))


# --- replies ---


def test_a_reply_points_at_what_it_answers(place: Place) -> None:
    first = _send_in(place)

    for answered in (first, first.id, Message.objects.get()):
        assert _send_in(place, author=place.other, reply_to=answered).reply_to_seq == first.seq


def test_a_message_of_another_channel_cannot_be_answered(harbour: Harbour) -> None:
    elsewhere = MessageFactory.create(channel=ChannelFactory.create(server=harbour.server))

    refused(NotVisible, lambda: _send(harbour, reply_to=elsewhere), match=str(elsewhere.id))


@pytest.mark.parametrize("factory", [MessageFactory, DirectMessageFactory])
def test_a_message_of_another_space_cannot_be_answered(place: Place, factory: Any) -> None:
    elsewhere = factory.create()

    refused(NotVisible, lambda: _send_in(place, reply_to=elsewhere.id), match=str(elsewhere.id))


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


def test_strangers_and_unknown_ids_are_text(place: Place) -> None:
    _send_in(
        place, f"<@{place.stranger.id}> <@{CHOSEN}> <@&{CHOSEN}> @everyone <@{place.other.id}>"
    )

    assert named_in(Message.objects.get()) == {str(place.other.id)}


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


@pytest.mark.one_machine(IN_STEPS)
def test_a_hundred_names_are_one_statement(harbour: Harbour) -> None:
    crowd = [harbour.join() for _ in range(5)]
    content = "".join(f"<@{user.id}>" for user in crowd) + "".join(
        f"<@{UUID(int=n)}>" for n in range(95)
    )

    def send() -> None:
        send_message(author=harbour.member, channel=harbour.channel, content=content)

    assert len(statements_of(send)) == 1
    assert Mention.objects.count() == 5


# --- attachments ---


def test_files_go_with_the_message_in_the_order_given(place: Place) -> None:
    files = [place.reserve() for _ in range(3)]
    files.reverse()

    message = _send_in(place, "", attachments=files)

    rows = MessageAttachment.objects.order_by("position")
    assert [(row.id, row.position, row.message_id) for row in rows] == [
        (file.id, position, message.id) for position, file in enumerate(files)
    ]


def test_a_file_is_sent_once(place: Place) -> None:
    file = place.reserve()
    _send_in(place, attachments=[file])

    refused(NotVisible, lambda: _send_in(place, attachments=[file]), match=str(file.id))


def test_the_file_of_another_is_not_sent(place: Place) -> None:
    own, file = place.reserve(), place.reserve(uploader=place.other)

    refused(NotVisible, lambda: _send_in(place, attachments=[own, file]))


@pytest.mark.parametrize("kind", PLACES)
def test_a_file_of_another_space_is_not_sent(place: Place, kind: str) -> None:
    file = make_place(kind).reserve(uploader=place.author)

    refused(NotVisible, lambda: _send_in(place, attachments=[file]))


def test_files_need_a_permission_of_their_own(harbour: Harbour) -> None:
    file = MessageAttachmentFactory.create(
        message=None, space_id=harbour.server.id, uploader=harbour.member
    )
    harbour.allow(Permission.VIEW_CHANNEL | Permission.SEND_MESSAGES)

    refused(MissingPermission, lambda: _send(harbour, attachments=[file]), match="ATTACH_FILES")


# --- a send that is repeated ---


def test_the_same_again_is_the_same_message(place: Place) -> None:
    first = _send_in(place)
    args: dict[str, Any] = {"id": CHOSEN, "reply_to": first, "attachments": [place.reserve()]}
    sent = _send_in(place, **args)
    before = stored()

    again = _send_in(place, **args)

    assert again == sent
    assert stored() == before
    assert _send_in(place).seq == 3


def test_the_same_again_after_an_edit_is_the_same_message(place: Place) -> None:
    sent = _send_in(place, id=CHOSEN)
    edit_message(actor=place.author, message=sent, content="other words")

    assert _send_in(place, id=CHOSEN) == sent


def test_the_same_again_comes_back_also_when_it_could_not_be_sent_now(harbour: Harbour) -> None:
    sent = _send(harbour, id=CHOSEN)
    Channel.objects.update(slowmode_seconds=60)

    assert _send(harbour, id=CHOSEN).seq == sent.seq

    harbour.allow(Permission(0))

    assert _send(harbour, id=CHOSEN).seq == sent.seq


@pytest.mark.parametrize(
    "other",
    [
        *("content", "author", "reply", "files"),
        # Of a conversation another one, which is a space of its own.
        *(
            pytest.param(kind, marks=pytest.mark.one_machine(OF_ITS_SPACE))
            for kind in ("channel", "space")
        ),
    ],
)
def test_another_message_with_the_same_id_is_refused(place: Place, other: str) -> None:
    first = _send_in(place)
    _send_in(place, id=CHOSEN)
    changes: dict[str, Callable[[], dict[str, Any]]] = {
        "content": lambda: {"content": "other words"},
        "author": lambda: {"author": place.other},
        "channel": lambda: {"channel": _another_channel(place)},
        "space": lambda: {"channel": open_group(owner=place.author, others=[])},
        "reply": lambda: {"reply_to": first},
        "files": lambda: {"attachments": [place.reserve()]},
    }
    args: dict[str, Any] = {"content": "ahoy", "id": CHOSEN} | changes[other]()

    refused(
        IdTaken,
        lambda: _send_in(place, **args),
        match=f"The id {CHOSEN} belongs to another message",
    )


def _another_channel(place: Place) -> Channel:
    """Return one of the same server, or another conversation, in which the author may write."""
    if place.channel.server is None:
        return open_conversation(user=place.author, other=place.stranger)
    channel: Channel = ChannelFactory.create(server=place.channel.server)
    return channel


def test_stranger_does_not_learn_that_an_id_is_taken(place: Place) -> None:
    _send_in(place, id=CHOSEN)

    refused(NotVisible, lambda: _send_in(place, author=place.stranger, id=CHOSEN))


def test_whoever_may_not_send_does_not_learn_that_an_id_is_taken_elsewhere(
    harbour: Harbour,
) -> None:
    elsewhere = MessageFactory.create()
    harbour.allow(Permission.VIEW_CHANNEL)

    refused(MissingPermission, lambda: _send(harbour, id=elsewhere.id))


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
        ({"author": CHOSEN}, "no channel"),
        ({"channel": CHOSEN}, "no channel"),
        ({"reply_to": CHOSEN}, "no message in that channel"),
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
    with connection.execute_wrapper(_only_with_space):
        _send(harbour, f"<@{harbour.server.owner_id}>")


def _only_with_space(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    assert "messages" not in sql or "space_id" in sql
    return execute(sql, params, many, context)
