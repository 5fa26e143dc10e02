"""Pins and reactions."""

from functools import partial

import pytest
from django.db.models.functions import Now

from chat.errors import (
    DatabaseRefused,
    InvalidInput,
    LimitReached,
    MissingPermission,
    NotVisible,
)
from chat.models import AuditLogEntry, Channel, Message, Reaction, Role
from chat.queries.reactions import reaction_users
from chat.rules.permissions import DEFAULT_EVERYONE, Permission
from chat.services.messages import (
    SentMessage,
    add_reaction,
    clear_reactions,
    delete_message,
    pin_message,
    remove_reaction,
    send_message,
    unpin_message,
)
from tests.factories import (
    MessageFactory,
)
from tests.services.counting import statements_of
from tests.services.places import PLACES, Harbour, Place, make_place
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


@pytest.fixture(params=["pair", "group"])
def conversation(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


def _sent_in(place: Place) -> SentMessage:
    return send_message(author=place.author, channel=place.channel, content="ahoy")


def _sent(harbour: Harbour) -> Message:
    sent = send_message(author=harbour.member, channel=harbour.channel, content="ahoy")
    return Message.objects.get(pk=sent.id)


def _log() -> list[tuple[str, str]]:
    return [(entry.action, str(entry.target_id)) for entry in AuditLogEntry.objects.all()]


# --- pins ---


def test_a_pin_is_stored_told_and_logged(harbour: Harbour) -> None:
    message = _sent(harbour)

    pin_message(actor=harbour.server.owner, message=message)

    message.refresh_from_db()
    assert message.pinned_at is not None
    assert message.pinned_by_id == harbour.server.owner_id
    told = Message.objects.get(kind="pin")
    assert (told.reply_to_seq, told.author_id, told.seq) == (1, None, 2)
    assert _log() == [("message.pin", str(message.id))]


def test_pinning_again_changes_nothing(harbour: Harbour) -> None:
    message = _sent(harbour)
    pin_message(actor=harbour.server.owner, message=message)

    sent = statements_of(lambda: pin_message(actor=harbour.server.owner, message=message))

    assert len(sent) == 3
    assert Message.objects.count() == 2
    assert len(_log()) == 1


def test_who_takes_part_in_a_conversation_pins_there_and_no_log_tells(conversation: Place) -> None:
    sent = _sent_in(conversation)

    pin = statements_of(lambda: pin_message(actor=conversation.other, message=sent))
    message, told = Message.objects.order_by("seq")
    assert message.pinned_by_id == conversation.other.id
    assert (told.kind, told.reply_to_seq, told.author_id, told.seq) == ("pin", 1, None, 2)

    unpin = statements_of(lambda: unpin_message(actor=conversation.author, message=sent))
    assert not Message.objects.filter(pinned_at__isnull=False).exists()

    assert (len(pin), len(unpin)) == (4, 3)
    assert _log() == []
    refused(NotVisible, lambda: pin_message(actor=conversation.stranger, message=sent))


@pytest.mark.parametrize("permission", [Permission.PIN_MESSAGES, Permission.MANAGE_MESSAGES])
def test_each_of_two_permissions_lets_one_pin(harbour: Harbour, permission: Permission) -> None:
    message = _sent(harbour)
    refused(
        MissingPermission,
        lambda: pin_message(actor=harbour.member, message=message),
        match="PIN_MESSAGES",
    )

    harbour.allow(DEFAULT_EVERYONE | permission)
    pin_message(actor=harbour.member, message=message)

    message.refresh_from_db()
    assert message.pinned_by_id == harbour.member.id
    assert _log() == []


def test_an_unpinned_message_is_not_pinned(harbour: Harbour) -> None:
    message = _sent(harbour)
    owner = harbour.server.owner
    pin_message(actor=owner, message=message)

    unpin_message(actor=owner, message=message)
    unpin_message(actor=owner, message=message)

    message.refresh_from_db()
    assert (message.pinned_at, message.pinned_by_id) == (None, None)
    assert [action for action, _ in _log()] == ["message.pin", "message.unpin"]


def test_there_is_no_pin_after_the_250th(place: Place) -> None:
    Message.objects.bulk_create(
        [
            Message(
                space_id=place.channel.space_id,
                channel=place.channel,
                author=place.author,
                content="ahoy",
                pinned_at=Now(),
            )
            for _ in range(250)
        ]
    )
    sent = _sent_in(place)
    Role.objects.update(permissions=(DEFAULT_EVERYONE | Permission.PIN_MESSAGES).value)

    def pin() -> None:
        pin_message(actor=place.author, message=sent)

    refused(LimitReached, pin, match="250 pins")

    delete_message(actor=place.author, message=Message.objects.get(seq=7))
    pin()


def test_a_message_of_the_system_is_not_pinned(harbour: Harbour) -> None:
    notice = MessageFactory.create(channel=harbour.channel, kind="notice", author=None, content="")

    refused(InvalidInput, lambda: pin_message(actor=harbour.server.owner, message=notice))


def test_a_message_of_an_archived_channel_is_not_pinned(harbour: Harbour) -> None:
    message = _sent(harbour)
    Channel.objects.update(archived_at=Now())

    refused(
        DatabaseRefused,
        lambda: pin_message(actor=harbour.server.owner, message=message),
        match=r"takes no messages.*\. Write into another channel",
    )


def test_pins_are_four_or_five_statements_and_unpins_three_or_four(harbour: Harbour) -> None:
    harbour.allow(DEFAULT_EVERYONE | Permission.PIN_MESSAGES)
    own, other = _sent(harbour), _sent(harbour)
    owner = harbour.server.owner

    assert len(statements_of(lambda: pin_message(actor=harbour.member, message=own))) == 4
    assert len(statements_of(lambda: pin_message(actor=owner, message=other))) == 5
    assert len(statements_of(lambda: unpin_message(actor=harbour.member, message=own))) == 3
    assert len(statements_of(lambda: unpin_message(actor=owner, message=other))) == 4


# --- reactions ---


def test_a_reaction_is_there_once(place: Place) -> None:
    sent = _sent_in(place)

    assert add_reaction(actor=place.other, message=sent, emoji="⚓")
    assert not add_reaction(actor=place.other, message=sent, emoji="⚓")

    reaction = Reaction.objects.get()
    assert (reaction.emoji, reaction.user_id, reaction.message_id, reaction.space_id) == (
        "⚓",
        place.other.id,
        sent.id,
        place.channel.space_id,
    )


def test_nobody_takes_the_reactions_of_others_in_a_conversation(conversation: Place) -> None:
    sent, other = _sent_in(conversation), conversation.other
    add_reaction(actor=other, message=sent, emoji="⚓")
    needed = f"needs MANAGE_MESSAGES in conversation {conversation.channel.id}."

    for call in (
        partial(remove_reaction, emoji="⚓", user=other),
        partial(clear_reactions, emoji="⚓"),
    ):
        error = refused(MissingPermission, partial(call, actor=conversation.author, message=sent))
        assert str(error).endswith(needed)


def test_only_the_first_of_an_emoji_needs_the_permission(harbour: Harbour) -> None:
    message = _sent(harbour)
    harbour.allow(DEFAULT_EVERYONE & ~Permission.ADD_REACTIONS)

    refused(
        MissingPermission,
        lambda: add_reaction(actor=harbour.member, message=message, emoji="⚓"),
        match="ADD_REACTIONS",
    )
    add_reaction(actor=harbour.server.owner, message=message, emoji="⚓")

    assert add_reaction(actor=harbour.member, message=message, emoji="⚓")


def test_who_cannot_read_the_history_does_not_react(harbour: Harbour) -> None:
    message = _sent(harbour)
    harbour.allow(Permission.VIEW_CHANNEL | Permission.ADD_REACTIONS)

    refused(
        MissingPermission,
        lambda: add_reaction(actor=harbour.member, message=message, emoji="⚓"),
        match="READ_MESSAGE_HISTORY",
    )


def test_an_emoji_is_the_same_in_every_form(place: Place) -> None:
    sent = _sent_in(place)

    assert add_reaction(actor=place.other, message=sent, emoji="❤")
    assert not add_reaction(actor=place.other, message=sent, emoji="❤\ufe0f")
    assert Reaction.objects.get().emoji == "❤\ufe0f"
    assert reaction_users(viewer=place.other, message=sent.id, emoji="❤").users != ()
    assert remove_reaction(actor=place.other, message=sent, emoji="❤")


def test_the_twenty_first_emoji_is_refused_and_the_twentieth_repeated(place: Place) -> None:
    sent = _sent_in(place)
    for n in range(20):
        add_reaction(actor=place.author, message=sent, emoji=f":e{n}:")

    refused(
        LimitReached,
        lambda: add_reaction(actor=place.other, message=sent, emoji=":another:"),
        match="20 different emoji",
    )
    assert add_reaction(actor=place.other, message=sent, emoji=":e7:")
    assert not add_reaction(actor=place.other, message=sent, emoji=":e7:")


def test_without_the_permission_a_twenty_first_emoji_is_a_missing_permission(
    harbour: Harbour,
) -> None:
    message = _sent(harbour)
    for n in range(20):
        add_reaction(actor=harbour.server.owner, message=message, emoji=f":e{n}:")
    harbour.allow(DEFAULT_EVERYONE & ~Permission.ADD_REACTIONS)

    refused(
        MissingPermission,
        lambda: add_reaction(actor=harbour.member, message=message, emoji=":another:"),
    )


def test_a_reaction_is_removed_by_who_made_it(place: Place) -> None:
    sent = _sent_in(place)
    add_reaction(actor=place.author, message=sent, emoji="⚓")

    assert remove_reaction(actor=place.author, message=sent, emoji="⚓")
    assert not remove_reaction(actor=place.author, message=sent, emoji="⚓")
    assert not Reaction.objects.exists()
    assert _log() == []


def test_the_reaction_of_another_is_removed_by_a_moderator_and_logged(harbour: Harbour) -> None:
    message = _sent(harbour)
    other = harbour.join()
    add_reaction(actor=other, message=message, emoji="⚓")

    refused(
        MissingPermission,
        lambda: remove_reaction(actor=harbour.member, message=message, emoji="⚓", user=other),
    )
    owner = harbour.server.owner
    assert remove_reaction(actor=owner, message=message, emoji="⚓", user=other)
    assert _log() == [("reaction.remove", str(message.id))]


def test_all_reactions_or_all_of_one_emoji_are_cleared(harbour: Harbour) -> None:
    message, untouched = _sent(harbour), _sent(harbour)
    owner = harbour.server.owner
    for emoji in ("⚓", "🐙", "🦀"):
        for user in (harbour.member, owner):
            add_reaction(actor=user, message=message, emoji=emoji)
    add_reaction(actor=owner, message=untouched, emoji="⚓")

    refused(MissingPermission, lambda: clear_reactions(actor=harbour.member, message=message))
    assert clear_reactions(actor=owner, message=message, emoji="⚓") == 2
    assert clear_reactions(actor=owner, message=message) == 4
    assert clear_reactions(actor=owner, message=message) == 0

    assert Reaction.objects.get().message_id == untouched.id
    assert [action for action, _ in _log()] == ["reaction.clear"] * 2
