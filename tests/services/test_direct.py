"""Conversations: of two, and in groups."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.db.models.functions import Now

from chat.db.ids import direct_pair_id
from chat.errors import InvalidInput, LimitReached, NotVisible, Unreachable
from chat.models import DirectConversation, Participant, User
from chat.services.direct import (
    add_to_group,
    leave_group,
    open_conversation,
    open_group,
    rename_group,
)
from chat.services.messages import send_message
from tests.factories import DirectConversationFactory, UserFactory
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
    assert Participant.objects.count() == 2


def test_one_has_a_conversation_with_oneself(anne: User) -> None:
    notes = open_conversation(user=anne, other=anne)

    assert send_message(author=anne, channel=notes, content="milk").seq == 1
    assert _people(notes) == {"anne"}


def test_opening_is_four_statements_each_time(anne: User, bart: User) -> None:
    for _ in range(2):
        assert len(statements_of(lambda: open_conversation(user=anne, other=bart))) == 4


def test_who_was_erased_cannot_be_written_to(anne: User, bart: User) -> None:
    _erase(bart)

    refused(Unreachable, lambda: open_conversation(user=anne, other=bart))
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
    refused(NotVisible, lambda: send_message(author=bart, channel=group, content="ahoy"))
    refused(NotVisible, lambda: leave_group(user=bart, conversation=group))

    add_to_group(actor=anne, conversation=group, user=bart)

    assert send_message(author=bart, channel=group, content="ahoy").seq == 1


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


def test_a_group_goes_to_who_has_been_in_it_for_longest_since_they_came_last(
    anne: User, bart: User
) -> None:
    group = open_group(owner=anne, others=[bart])
    late = UserFactory.create()
    add_to_group(actor=anne, conversation=group, user=late)
    leave_group(user=bart, conversation=group)
    add_to_group(actor=anne, conversation=group, user=bart)

    leave_group(user=anne, conversation=group)

    group.refresh_from_db()
    assert group.owner_id == late.id


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
    ],
)
def test_bad_input_is_named(call: Callable[..., object], args: dict[str, Any], match: str) -> None:
    refused(InvalidInput, lambda: call(**args), match=match)
