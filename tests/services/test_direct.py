"""Direct conversations, groups, and the messages in them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from chat.errors import (
    Conflict,
    IdTaken,
    InvalidInput,
    LimitReached,
    MissingPermission,
    NotAuthor,
    NotVisible,
    Unreachable,
)
from chat.ids import direct_pair_id
from chat.models import (
    DirectConversation,
    DirectMessage,
    DirectParticipant,
    MessageAttachment,
    MessageRevision,
    User,
)
from chat.services.direct import (
    add_to_group,
    delete_direct_message,
    edit_direct_message,
    leave_group,
    open_conversation,
    open_group,
    rename_group,
    send_direct_message,
)
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MessageAttachmentFactory,
    UserFactory,
)
from tests.services.counting import statements_of
from tests.services.refusals import refused

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db

NOTHING = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def anne() -> User:
    return UserFactory.create(username="anne")


@pytest.fixture
def bart() -> User:
    return UserFactory.create(username="bart")


def _erase(user: User) -> None:
    User.objects.filter(pk=user.pk).update(
        username=f"erased_{user.id.hex[:25]}", erased_at=Now(), is_active=False, password="!"
    )


def _people(conversation: DirectConversation) -> set[str]:
    rows = conversation.participants.filter(left_at__isnull=True)
    return set(rows.values_list("user__username", flat=True))


# --- conversations of two ---


def test_two_have_one_conversation_whoever_asks(anne: User, bart: User) -> None:
    first = open_conversation(user=anne, other=bart)
    second = open_conversation(user=bart.id, other=anne.id)

    assert first.id == second.id == direct_pair_id(anne.id, bart.id)
    assert _people(first) == {"anne", "bart"}
    assert DirectParticipant.objects.count() == 2


def test_one_has_a_conversation_with_oneself(anne: User) -> None:
    notes = open_conversation(user=anne, other=anne)

    assert send_direct_message(author=anne, conversation=notes, content="milk").seq == 1
    assert _people(notes) == {"anne"}


def test_opening_is_four_statements_each_time(anne: User, bart: User) -> None:
    for _ in range(2):
        assert len(statements_of(lambda: open_conversation(user=anne, other=bart))) == 4


def test_who_was_erased_cannot_be_written_to(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    _erase(bart)

    refused(Unreachable, lambda: open_conversation(user=anne, other=bart))
    refused(
        Unreachable,
        lambda: send_direct_message(author=anne, conversation=conversation, content="ahoy"),
    )
    refused(Unreachable, lambda: open_group(owner=anne, others=[bart]))


def test_nobody_opens_a_conversation_with_nobody(anne: User) -> None:
    refused(NotVisible, lambda: open_conversation(user=anne, other=NOTHING), match=str(NOTHING))


# --- groups ---


def test_a_group_has_its_people_and_its_owner(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart, bart.id, anne], name="crew")

    assert (group.kind, group.owner_id, group.name) == ("group", anne.id, "crew")
    assert _people(group) == {"anne", "bart"}


def test_a_group_of_eleven_is_refused(anne: User) -> None:
    others = [UserFactory.create() for _ in range(10)]

    refused(LimitReached, lambda: open_group(owner=anne, others=others), match="10 people")
    assert len(_people(open_group(owner=anne, others=others[:9]))) == 10


def test_everybody_in_a_group_adds_others_up_to_ten(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart])
    for _ in range(8):
        add_to_group(actor=bart, conversation=group, user=UserFactory.create())
    late = UserFactory.create()

    refused(LimitReached, lambda: add_to_group(actor=bart, conversation=group, user=late))


def test_who_is_in_a_group_already_stays_in_it(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart])

    add_to_group(actor=anne, conversation=group, user=bart)

    assert _people(group) == {"anne", "bart"}


def test_who_left_a_group_writes_again_when_added_again(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart])
    leave_group(user=bart, conversation=group)
    refused(
        NotVisible, lambda: send_direct_message(author=bart, conversation=group, content="ahoy")
    )
    refused(NotVisible, lambda: leave_group(user=bart, conversation=group))

    add_to_group(actor=anne, conversation=group, user=bart)

    assert send_direct_message(author=bart, conversation=group, content="ahoy").seq == 1


def test_the_owner_who_leaves_hands_the_group_over(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart])

    leave_group(user=anne, conversation=group)
    group.refresh_from_db()
    assert group.owner_id == bart.id

    leave_group(user=bart, conversation=group)
    group.refresh_from_db()
    assert group.owner_id is None


def test_everybody_in_a_group_renames_it(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[bart])

    rename_group(actor=bart, conversation=group, name="crew")

    group.refresh_from_db()
    assert group.name == "crew"


@pytest.mark.parametrize("what", ["add", "leave", "rename"])
def test_a_pair_and_the_group_of_others_are_not_there(anne: User, bart: User, what: str) -> None:
    pair = open_conversation(user=anne, other=bart)
    others = DirectConversationFactory.create(group=True)
    calls: dict[str, Callable[[DirectConversation], None]] = {
        "add": lambda place: add_to_group(actor=anne, conversation=place, user=bart),
        "leave": lambda place: leave_group(user=anne, conversation=place),
        "rename": lambda place: rename_group(actor=anne, conversation=place, name="x"),
    }

    for place in (pair, others):
        refused(NotVisible, partial(calls[what], place), match="no group")


def test_groups_take_the_statements_that_they_say(anne: User, bart: User) -> None:
    group = open_group(owner=anne, others=[])

    assert len(statements_of(lambda: open_group(owner=anne, others=[bart]))) == 3
    add = statements_of(lambda: add_to_group(actor=anne, conversation=group, user=bart))
    assert len(add) == 4
    again = statements_of(lambda: add_to_group(actor=anne, conversation=group, user=bart))
    assert len(again) == 3
    rename = statements_of(lambda: rename_group(actor=bart, conversation=group, name="x"))
    assert len(rename) == 2
    assert len(statements_of(lambda: leave_group(user=anne, conversation=group))) == 4
    add_to_group(actor=bart, conversation=group, user=anne)
    assert len(statements_of(lambda: leave_group(user=anne, conversation=group))) == 2


# --- messages ---


def test_a_direct_message_is_stored_as_it_was_sent(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    first = send_direct_message(author=anne, conversation=conversation, content="ahoy")

    sent = send_direct_message(
        author=bart, conversation=conversation, content="<@x> @everyone", reply_to=first.id
    )

    row = DirectMessage.objects.get(pk=sent.id)
    assert (row.seq, row.reply_to_seq, row.author_id, row.content) == (
        2,
        1,
        bart.id,
        "<@x> @everyone",
    )
    assert (sent.seq, sent.reply_to_seq, sent.created_at) == (2, 1, row.created_at)


def test_a_direct_send_is_one_statement_and_a_refusal_two(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)

    def send(author: User) -> None:
        send_direct_message(author=author, conversation=conversation, content="ahoy")

    def attempt() -> None:
        with pytest.raises(NotVisible):
            send(stranger)

    stranger = UserFactory.create()
    assert len(statements_of(lambda: send(anne))) == 1
    assert len(statements_of(attempt)) == 2


def test_a_stranger_is_told_of_no_conversation(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    stranger = UserFactory.create()

    refused(
        NotVisible,
        lambda: send_direct_message(author=stranger, conversation=conversation, content="ahoy"),
        match="no conversation",
    )


def test_a_direct_file_goes_with_its_message(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    file = MessageAttachmentFactory.create(message=None, space_id=conversation.id, uploader=anne)

    refused(
        NotVisible,
        lambda: send_direct_message(
            author=bart, conversation=conversation, content="", attachments=[file]
        ),
    )
    sent = send_direct_message(
        author=anne, conversation=conversation, content="", attachments=[file]
    )

    assert MessageAttachment.objects.get().direct_message_id == sent.id


def test_the_same_again_is_the_same_direct_message(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)

    def send(content: str) -> Any:
        return send_direct_message(
            author=anne, conversation=conversation, content=content, id=NOTHING
        )

    sent = send("ahoy")
    edit_direct_message(actor=anne, message=sent.id, content="avast")

    assert send("ahoy") == sent
    refused(IdTaken, lambda: send("avast"))


def test_stranger_does_not_learn_that_an_id_of_a_conversation_is_taken(
    anne: User, bart: User
) -> None:
    conversation = open_conversation(user=anne, other=bart)
    send_direct_message(author=anne, conversation=conversation, content="ahoy", id=NOTHING)
    stranger = UserFactory.create()

    refused(
        NotVisible,
        lambda: send_direct_message(
            author=stranger, conversation=conversation, content="ahoy", id=NOTHING
        ),
    )


def test_a_message_of_another_conversation_cannot_be_answered(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    elsewhere = DirectMessageFactory.create()

    refused(
        NotVisible,
        lambda: send_direct_message(
            author=anne, conversation=conversation, content="ahoy", reply_to=elsewhere
        ),
    )


def test_a_direct_message_is_edited_by_its_author_with_a_trace(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    sent = send_direct_message(author=anne, conversation=conversation, content="ahoy")

    edited = edit_direct_message(actor=anne, message=sent.id, content="avast", expected_version=1)

    assert (edited.content, edited.version) == ("avast", 2)
    assert MessageRevision.objects.get().content == "ahoy"
    refused(NotAuthor, lambda: edit_direct_message(actor=bart, message=sent.id, content="x"))
    refused(
        Conflict,
        lambda: edit_direct_message(actor=anne, message=sent.id, content="x", expected_version=1),
    )


def test_a_direct_message_is_deleted_by_its_author_alone(anne: User, bart: User) -> None:
    conversation = open_conversation(user=anne, other=bart)
    sent = send_direct_message(author=anne, conversation=conversation, content="ahoy")

    refused(MissingPermission, lambda: delete_direct_message(actor=bart, message=sent.id))
    delete_direct_message(actor=anne, message=sent.id)

    row = DirectMessage.objects.get()
    assert row.deleted_at is not None
    assert row.deleted_by_id == anne.id
    refused(NotVisible, lambda: delete_direct_message(actor=anne, message=sent.id))
    refused(NotVisible, lambda: edit_direct_message(actor=anne, message=sent.id, content="x"))


def test_edits_and_deletions_are_two_statements() -> None:
    message = DirectMessageFactory.create()
    author = message.author

    edit = statements_of(lambda: edit_direct_message(actor=author, message=message, content="x"))
    assert len(edit) == 2
    delete = statements_of(lambda: delete_direct_message(actor=author, message=message))
    assert len(delete) == 2


# --- bad input ---


@pytest.mark.parametrize(
    ("call", "args", "match"),
    [
        (open_conversation, {"user": 1, "other": NOTHING}, "user is 1"),
        (open_conversation, {"user": NOTHING, "other": "x"}, "other is 'x'"),
        (open_group, {"owner": None, "others": []}, "owner is None"),
        (open_group, {"owner": NOTHING, "others": "ab"}, "others is 'ab'"),
        (open_group, {"owner": NOTHING, "others": [1]}, "others is 1"),
        (open_group, {"owner": NOTHING, "others": [], "name": "x" * 101}, "name is 101"),
        (open_group, {"owner": NOTHING, "others": [], "name": "\0"}, "name is a text with a NUL"),
        (open_group, {"owner": NOTHING, "others": [], "name": "\u200b"}, "name is blank"),
        (
            rename_group,
            {"actor": NOTHING, "conversation": NOTHING, "name": "a\nb"},
            r"name is a text with U\+000A at 1; it has to be one line",
        ),
        (rename_group, {"actor": NOTHING, "conversation": 1, "name": ""}, "conversation is 1"),
        (rename_group, {"actor": NOTHING, "conversation": NOTHING, "name": None}, "name is None"),
        (add_to_group, {"actor": 1, "conversation": NOTHING, "user": NOTHING}, "actor is 1"),
        (add_to_group, {"actor": NOTHING, "conversation": NOTHING, "user": 1}, "user is 1"),
        (leave_group, {"user": 1, "conversation": NOTHING}, "user is 1"),
        (
            send_direct_message,
            {"author": 1, "conversation": NOTHING, "content": "x"},
            "author is 1",
        ),
        (
            send_direct_message,
            {"author": NOTHING, "conversation": 1, "content": "x"},
            "conversation is 1",
        ),
        (
            send_direct_message,
            {"author": NOTHING, "conversation": NOTHING, "content": "\ud800"},
            "surrogate",
        ),
        (
            send_direct_message,
            {"author": NOTHING, "conversation": NOTHING, "content": " "},
            "content is blank",
        ),
        (
            send_direct_message,
            {"author": NOTHING, "conversation": NOTHING, "content": "\u2060"},
            r"content is blank \(U\+2060\)",
        ),
        (edit_direct_message, {"actor": 1, "message": NOTHING, "content": "x"}, "actor is 1"),
        (edit_direct_message, {"actor": NOTHING, "message": 1, "content": "x"}, "message is 1"),
        (
            edit_direct_message,
            {"actor": NOTHING, "message": NOTHING, "content": "x" * 4001},
            "4001 characters",
        ),
        (
            edit_direct_message,
            {"actor": NOTHING, "message": NOTHING, "content": "x", "expected_version": -1},
            "expected_version is -1",
        ),
        (delete_direct_message, {"actor": 1, "message": NOTHING}, "actor is 1"),
        (delete_direct_message, {"actor": NOTHING, "message": "x"}, "message is 'x'"),
    ],
)
def test_bad_input_is_named(call: Callable[..., object], args: dict[str, Any], match: str) -> None:
    refused(InvalidInput, lambda: call(**args), match=match)
