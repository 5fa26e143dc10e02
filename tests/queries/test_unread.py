"""What counts as unread, and as a mention."""

from datetime import UTC, datetime

import pytest

from chat.models import Channel, Message, Participant, ReadState, Server, User
from chat.queries.unread import Unread, unread_overview
from chat.rules.permissions import Permission
from tests.chat.sql import purge
from tests.factories import (
    DirectConversationFactory,
    DirectMessageFactory,
    MentionFactory,
    MessageFactory,
    ReadStateFactory,
)
from tests.services.places import PLACES, Harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
LATER = datetime(2099, 1, 1, tzinfo=UTC)


def counts(user: User) -> tuple[int, int]:
    """Return what is unread and the mentions, in the only channel."""
    (only,) = unread_overview(user=user).entries
    return only.unread, only.mentions


def said(harbour: Harbour) -> Message:
    """Let a new member say something, which is new to every other."""
    return harbour.say(author=harbour.join())


def test_nothing_was_read_without_a_mark(harbour: Harbour) -> None:
    for _ in range(3):
        said(harbour)

    assert unread_overview(user=harbour.member).entries == (
        Unread(
            space_id=harbour.server.id,
            channel_id=harbour.channel.id,
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
        said(harbour)
    ReadStateFactory.create(
        channel=harbour.channel,
        user=harbour.member,
        last_read_seq=2,
        notify=ReadState.Notify.MENTIONS,
        muted_until=LATER,
    )

    (only,) = unread_overview(user=harbour.member).entries

    assert (only.last_seq, only.last_read_seq, only.unread) == (3, 2, 1)
    assert (only.notify, only.muted_until) == ("mentions", LATER)


def test_mark_of_another_member_counts_for_them_alone(harbour: Harbour) -> None:
    said(harbour)
    ReadStateFactory.create(channel=harbour.channel, user=harbour.server.owner, last_read_seq=1)

    assert counts(harbour.member) == (1, 0)
    assert counts(harbour.server.owner) == (0, 0)


def test_deleted_messages_are_not_unread(harbour: Harbour) -> None:
    for _ in range(4):
        said(harbour)
    ReadStateFactory.create(channel=harbour.channel, user=harbour.member, last_read_seq=2)
    # One that had been read, and one that had not.
    Message.objects.filter(seq__in=[1, 4]).update(deleted_at=NOON)

    assert counts(harbour.member) == (1, 0)


def test_mentions_of_the_user_a_role_and_everyone_count(harbour: Harbour) -> None:
    crew = harbour.role(harbour.member)
    officers = harbour.role()
    MentionFactory.create(message=said(harbour), user=harbour.member)
    MentionFactory.create(message=said(harbour), role=crew)
    MentionFactory.create(message=said(harbour))
    MentionFactory.create(message=said(harbour), role=officers)
    MentionFactory.create(message=said(harbour), user=harbour.stranger)

    assert counts(harbour.member) == (5, 3)


def test_message_that_names_somebody_twice_is_one_mention(harbour: Harbour) -> None:
    crew = harbour.role(harbour.member)
    message = said(harbour)
    MentionFactory.create(message=message, user=harbour.member)
    MentionFactory.create(message=message, role=crew)
    MentionFactory.create(message=message)

    assert counts(harbour.member) == (1, 1)


def test_read_and_deleted_mentions_do_not_count(harbour: Harbour) -> None:
    for _ in range(3):
        MentionFactory.create(message=said(harbour), user=harbour.member)
    ReadStateFactory.create(channel=harbour.channel, user=harbour.member, last_read_seq=1)
    Message.objects.filter(seq=2).update(deleted_at=NOON)

    assert counts(harbour.member) == (1, 1)


def test_role_counts_as_long_as_one_has_it(harbour: Harbour) -> None:
    crew = harbour.role(harbour.member)
    MentionFactory.create(message=said(harbour), role=crew)

    before = counts(harbour.member)
    crew.member_roles.all().delete()

    assert before == (1, 1)
    assert counts(harbour.member) == (1, 0)


def test_mention_of_everyones_role_is_for_everyone(harbour: Harbour) -> None:
    MentionFactory.create(message=said(harbour), role=harbour.everyone)

    assert counts(harbour.member) == (1, 1)


def test_hidden_channel_is_not_in_the_overview(harbour: Harbour) -> None:
    MentionFactory.create(message=said(harbour), user=harbour.member)
    harbour.deny(Permission.VIEW_CHANNEL, channel=harbour.channel)

    assert unread_overview(user=harbour.member).entries == ()


def test_nothing_is_unread_where_history_may_not_be_read(harbour: Harbour) -> None:
    MentionFactory.create(message=said(harbour), user=harbour.member)
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.channel)

    assert counts(harbour.member) == (0, 0)


def test_deleted_server_has_nothing_unread(harbour: Harbour) -> None:
    said(harbour)
    Server.objects.update(deleted_at=NOON)

    assert unread_overview(user=harbour.member.id).entries == ()


def test_stranger_has_nothing_unread(harbour: Harbour) -> None:
    said(harbour)

    assert unread_overview(user=harbour.stranger).entries == ()


@pytest.mark.parametrize("kind", PLACES)
def test_every_place_counts_by_the_mark_of_each(kind: str) -> None:
    place = make_place(kind)
    messages = MessageFactory.create_batch(6, channel=place.channel, author=place.author)
    for message in messages:
        message.refresh_from_db()
        MentionFactory.create(message=message, user=place.other)
    Message.objects.filter(seq=3).update(deleted_at=NOON)
    ReadStateFactory.create(
        space_id=place.channel.space_id,
        channel=place.channel,
        user=place.other,
        last_read_seq=1,
        notify=ReadState.Notify.NOTHING,
        muted_until=LATER,
    )

    assert unread_overview(user=place.other).entries == (
        Unread(
            space_id=place.channel.space_id,
            channel_id=place.channel.id,
            last_seq=6,
            last_read_seq=1,
            unread=4,
            mentions=4,
            notify="nothing",
            muted_until=LATER,
        ),
    )
    # One's own are read.
    (own,) = unread_overview(user=place.author).entries
    assert (own.last_read_seq, own.unread, own.mentions) == (6, 0, 0)
    assert unread_overview(user=place.stranger).entries == ()


@pytest.mark.parametrize("mark", [None, 1, 3, 5])
@pytest.mark.parametrize("kind", ["channel", "pair"])
def test_what_was_purged_is_not_unread(kind: str, mark: int | None) -> None:
    place = make_place(kind)
    MessageFactory.create_batch(6, channel=place.channel, author=place.author)
    if mark is not None:
        ReadStateFactory.create(
            space_id=place.channel.space_id,
            channel=place.channel,
            user=place.other,
            last_read_seq=mark,
        )
    purge("DELETE FROM messages WHERE seq <= 3")

    (only,) = unread_overview(user=place.other).entries

    assert (only.last_seq, only.last_read_seq) == (6, mark or 0)
    assert only.unread == (1 if mark == 5 else 3)


def test_everything_purged_leaves_nothing_unread() -> None:
    place = make_place("channel")
    MessageFactory.create_batch(2, channel=place.channel, author=place.author)
    purge("DELETE FROM messages")

    (only,) = unread_overview(user=place.other).entries

    assert (only.last_seq, only.unread) == (2, 0)


def test_channels_and_conversations_are_one_list(harbour: Harbour) -> None:
    said(harbour)
    pair = make_place("pair")
    Participant.objects.create(
        channel=make_place("group").channel, user=harbour.member, left_at=NOON
    )
    group = make_place("group").channel
    Participant.objects.create(channel=group, user=harbour.member)
    MessageFactory.create(channel=pair.channel, author=pair.author)

    found = unread_overview(user=harbour.member).entries

    assert {(at.space_id, at.channel_id, at.unread) for at in found} == {
        (harbour.server.id, harbour.channel.id, 1),
        (group.id, group.id, 0),
    }


def test_overview_is_paged_by_server_and_conversation(harbour: Harbour) -> None:
    said(harbour)
    pairs = [DirectConversationFactory.create(pair_low=harbour.member) for _ in range(3)]
    for pair in pairs:
        DirectMessageFactory.create(channel=pair, author=pair.pair_high)

    pages = [unread_overview(user=harbour.member, limit=3)]
    while pages[-1].next:
        pages.append(unread_overview(user=harbour.member, limit=3, after=pages[-1].next))

    found = [(entry.channel_id, entry.unread) for page in pages for entry in page.entries]
    assert [len(page.entries) for page in pages] == [3, 1]
    assert sorted(found) == sorted((place.id, 1) for place in (harbour.channel, *pairs))


def test_overview_has_no_archived_thread(harbour: Harbour) -> None:
    thread = harbour.dig(kind="thread", parent=harbour.channel)
    MessageFactory.create(channel=thread, author=harbour.join())
    Channel.objects.filter(pk=thread.pk).update(archived_at=NOON)

    (only,) = unread_overview(user=harbour.member).entries

    assert only.channel_id == harbour.channel.id
