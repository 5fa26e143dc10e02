"""What counts as unread, and as a mention."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from chat.models import DirectMessage, Message, ReadState, Server
from chat.permissions import Permission
from chat.queries.unread import (
    UnreadChannel,
    UnreadConversation,
    unread_conversations,
    unread_overview,
)
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MentionFactory,
    ReadStateFactory,
)

if TYPE_CHECKING:
    from chat.models import User
    from tests.queries.places import Harbour

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def counts(user: User) -> tuple[int, int]:
    """Return what is unread and the mentions, in the only channel."""
    (only,) = unread_overview(user=user)
    return only.unread, only.mentions


def test_nothing_was_read_without_a_mark(harbour: Harbour) -> None:
    for _ in range(3):
        harbour.say()

    assert unread_overview(user=harbour.sailor) == (
        UnreadChannel(
            server_id=harbour.server.id,
            channel_id=harbour.pier.id,
            last_seq=3,
            last_read_seq=0,
            unread=3,
            mentions=0,
            notify=None,
            muted_until=None,
        ),
    )


def test_mark_parts_read_from_unread(harbour: Harbour) -> None:
    for _ in range(3):
        harbour.say()
    ReadStateFactory.create(
        channel=harbour.pier,
        user=harbour.sailor,
        last_read_seq=2,
        notify=ReadState.Notify.MENTIONS,
        muted_until=LATER,
    )

    (only,) = unread_overview(user=harbour.sailor)

    assert (only.last_seq, only.last_read_seq, only.unread) == (3, 2, 1)
    assert (only.notify, only.muted_until) == ("mentions", LATER)


def test_mark_of_another_member_counts_for_them_alone(harbour: Harbour) -> None:
    harbour.say()
    ReadStateFactory.create(channel=harbour.pier, user=harbour.server.owner, last_read_seq=1)

    assert counts(harbour.sailor) == (1, 0)
    assert counts(harbour.server.owner) == (0, 0)


def test_deleted_messages_are_not_unread(harbour: Harbour) -> None:
    for _ in range(4):
        harbour.say()
    ReadStateFactory.create(channel=harbour.pier, user=harbour.sailor, last_read_seq=2)
    # One that had been read, and one that had not.
    Message.objects.filter(seq__in=[1, 4]).update(deleted_at=NOON)

    assert counts(harbour.sailor) == (1, 0)


def test_mentions_of_the_user_a_role_and_everyone_count(harbour: Harbour) -> None:
    crew = harbour.role(harbour.sailor)
    officers = harbour.role()
    MentionFactory.create(message=harbour.say(), user=harbour.sailor)
    MentionFactory.create(message=harbour.say(), role=crew)
    MentionFactory.create(message=harbour.say())
    MentionFactory.create(message=harbour.say(), role=officers)
    MentionFactory.create(message=harbour.say(), user=harbour.stranger)

    assert counts(harbour.sailor) == (5, 3)


def test_message_that_names_somebody_twice_is_one_mention(harbour: Harbour) -> None:
    crew = harbour.role(harbour.sailor)
    message = harbour.say()
    MentionFactory.create(message=message, user=harbour.sailor)
    MentionFactory.create(message=message, role=crew)
    MentionFactory.create(message=message)

    assert counts(harbour.sailor) == (1, 1)


def test_read_and_deleted_mentions_do_not_count(harbour: Harbour) -> None:
    for _ in range(3):
        MentionFactory.create(message=harbour.say(), user=harbour.sailor)
    ReadStateFactory.create(channel=harbour.pier, user=harbour.sailor, last_read_seq=1)
    Message.objects.filter(seq=2).update(deleted_at=NOON)

    assert counts(harbour.sailor) == (1, 1)


def test_role_counts_as_long_as_one_has_it(harbour: Harbour) -> None:
    crew = harbour.role(harbour.sailor)
    MentionFactory.create(message=harbour.say(), role=crew)

    before = counts(harbour.sailor)
    crew.member_roles.all().delete()

    assert before == (1, 1)
    assert counts(harbour.sailor) == (1, 0)


def test_mention_of_everyones_role_is_for_everyone(harbour: Harbour) -> None:
    MentionFactory.create(message=harbour.say(), role=harbour.everyone)

    assert counts(harbour.sailor) == (1, 1)


def test_hidden_channel_is_not_in_the_overview(harbour: Harbour) -> None:
    MentionFactory.create(message=harbour.say(), user=harbour.sailor)
    harbour.deny(Permission.VIEW_CHANNEL, channel=harbour.pier)

    assert unread_overview(user=harbour.sailor) == ()


def test_nothing_is_unread_where_history_may_not_be_read(harbour: Harbour) -> None:
    MentionFactory.create(message=harbour.say(), user=harbour.sailor)
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.pier)

    assert counts(harbour.sailor) == (0, 0)


def test_deleted_server_has_nothing_unread(harbour: Harbour) -> None:
    harbour.say()
    Server.objects.update(deleted_at=NOON)

    assert unread_overview(user=harbour.sailor.id) == ()


def test_stranger_has_nothing_unread(harbour: Harbour) -> None:
    harbour.say()

    assert unread_overview(user=harbour.stranger) == ()


def test_conversations_count_by_the_mark_of_each(harbour: Harbour) -> None:
    reader = harbour.sailor
    pair = DirectConversationFactory.create(pair_low=reader)
    DirectMessageFactory.create_batch(4, conversation=pair)
    DirectMessage.objects.filter(seq=3).update(deleted_at=NOON)
    pair.participants.filter(user=reader).update(last_read_seq=1, muted_until=LATER)

    assert unread_conversations(user=reader) == (
        UnreadConversation(
            conversation_id=pair.id, last_seq=4, last_read_seq=1, unread=2, muted_until=LATER
        ),
    )
    assert unread_conversations(user=harbour.stranger) == ()


def test_conversation_that_one_left_is_not_counted(harbour: Harbour) -> None:
    pair = DirectConversationFactory.create(pair_low=harbour.sailor)
    DirectMessageFactory.create(conversation=pair)
    pair.participants.update(left_at=NOON)

    assert unread_conversations(user=harbour.sailor) == ()
