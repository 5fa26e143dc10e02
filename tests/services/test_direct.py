"""Conversations: of two, and in groups."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

import pytest
from django.db.models.functions import Now

from chat.db.ids import direct_pair_id
from chat.errors import LimitReached, NotVisible, Unreachable
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
from tests.services.refusals import refused

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
