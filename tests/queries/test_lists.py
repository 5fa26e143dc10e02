"""The inbox, members, conversations, archived threads, the audit log, and who reacted."""

from datetime import UTC, datetime, timedelta

import pytest

from chat.errors import MissingPermission, NotVisible
from chat.models import Channel, Message, Participant, ServerMember, User
from chat.queries.audit import audit_page
from chat.queries.direct import conversation_list
from chat.queries.members import Member, member_page
from chat.queries.mentions import Inbox, inbox
from chat.queries.message_rows import Author
from chat.queries.reactions import reaction_users
from chat.queries.threads import ArchivedThread, archived_threads
from chat.rules.permissions import Permission
from tests.chat.sql import execute
from tests.factories import (
    AuditLogEntryFactory,
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    MentionFactory,
    MessageFactory,
    ParticipantFactory,
    ReactionFactory,
    ReadStateFactory,
    UserFactory,
)
from tests.services.places import PLACES, Harbour, make_place

pytestmark = pytest.mark.django_db

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
FOREVER = datetime(2099, 1, 1, tzinfo=UTC)


# The inbox --------------------------------------------------------------------------------------


def named(harbour: Harbour, *contents: str) -> None:
    for minute, content in enumerate(contents):
        MentionFactory.create(
            message=harbour.say(content),
            user=harbour.member,
            created_at=NOON + timedelta(minutes=minute),
        )


def contents(page: Inbox) -> list[str]:
    return [message.content for message in page.messages]


def test_inbox_has_messages_that_name_the_user_newest_first(harbour: Harbour) -> None:
    named(harbour, "first", "second")
    MentionFactory.create(message=harbour.say("everyone"))
    MentionFactory.create(message=harbour.say("another"), user=harbour.stranger)

    page = inbox(user=harbour.member)

    assert [(message.seq, message.content) for message in page.messages] == [
        (2, "second"),
        (1, "first"),
    ]
    assert page.messages[0].channel_id == harbour.channel.id
    assert page.messages[0].author == Author(
        id=harbour.member.id, name=harbour.member.username, avatar_key=None, kind="human"
    )
    assert page.next is None


@pytest.mark.parametrize("kind", PLACES)
def test_inbox_has_what_names_the_user_in_every_place_that_they_see(kind: str) -> None:
    place = make_place(kind)
    message = MessageFactory.create(channel=place.channel, author=place.author)
    for user in (place.other, place.stranger):
        MentionFactory.create(message=message, user=user)

    (found,) = inbox(user=place.other).messages

    assert (found.id, found.space_id) == (message.id, place.channel.space_id)
    assert inbox(user=place.stranger).messages == ()


def test_inbox_leaves_out_a_group_that_the_user_left() -> None:
    place = make_place("group")
    message = MessageFactory.create(channel=place.channel, author=place.author)
    MentionFactory.create(message=message, user=place.other)
    Participant.objects.filter(user=place.other).update(left_at=NOON)

    assert inbox(user=place.other).messages == ()


def test_inbox_is_paged(harbour: Harbour) -> None:
    named(harbour, "first", "second", "third")

    newest = inbox(user=harbour.member, limit=2)
    oldest = inbox(user=harbour.member, limit=2, before=newest.next)

    assert contents(newest) == ["third", "second"]
    assert contents(oldest) == ["first"]
    assert oldest.next is None


def test_inbox_leaves_out_what_was_deleted(harbour: Harbour) -> None:
    named(harbour, "first", "second")
    Message.objects.filter(content="second").update(deleted_at=NOON)

    assert contents(inbox(user=harbour.member)) == ["first"]


@pytest.mark.parametrize("permission", [Permission.VIEW_CHANNEL, Permission.READ_MESSAGE_HISTORY])
def test_inbox_leaves_out_what_can_no_longer_be_read(
    harbour: Harbour, permission: Permission
) -> None:
    named(harbour, "first")
    harbour.deny(permission, channel=harbour.channel)

    assert inbox(user=harbour.member).messages == ()


def test_inbox_is_found_behind_many_names_that_cannot_be_read(harbour: Harbour) -> None:
    named(harbour, "first", "second")
    elsewhere = ChannelFactory.create()
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id, content) "
        "SELECT %s, %s, %s, 'ahoy' FROM generate_series(1, 1001)",
        elsewhere.space_id,
        elsewhere.id,
        elsewhere.server.owner_id,
    )
    execute(
        "INSERT INTO mentions (space_id, channel_id, seq, user_id) "
        "SELECT space_id, channel_id, seq, %s FROM messages WHERE channel_id = %s",
        harbour.member.id,
        elsewhere.id,
    )

    pages = [inbox(user=harbour.member, limit=1)]
    while pages[-1].next is not None:
        pages.append(inbox(user=harbour.member, limit=1, before=pages[-1].next))

    assert [contents(page) for page in pages] == [
        *([], []),
        *(["second"], ["first"]),
        [],
    ]


# Members ----------------------------------------------------------------------------------------


def test_members_come_in_the_order_in_which_they_joined(harbour: Harbour) -> None:
    late = harbour.join(nickname="Late", timed_out_until=FOREVER, joined_at=FOREVER)
    low, high = harbour.role(late), harbour.role(late)

    page = member_page(viewer=harbour.member, server=harbour.server)

    assert [member.user_id for member in page.members] == [
        harbour.server.owner_id,
        harbour.member.id,
        late.id,
    ]
    assert page.members[2] == Member(
        user_id=late.id,
        joined_at=FOREVER,
        username=late.username,
        name="Late",
        avatar_key=None,
        kind="human",
        nickname="Late",
        timed_out_until=FOREVER,
        role_ids=(high.id, low.id) if high.position > low.position else (low.id, high.id),
    )
    assert page.next is None


def test_members_of_one_moment_are_paged_without_repeats(harbour: Harbour) -> None:
    for _ in range(4):
        harbour.join()
    ServerMember.objects.update(joined_at=NOON)

    found = []
    page = member_page(viewer=harbour.member, server=harbour.server, limit=2)
    found += [member.user_id for member in page.members]
    while page.next:
        page = member_page(viewer=harbour.member, server=harbour.server, limit=2, after=page.next)
        found += [member.user_id for member in page.members]

    assert len(found) == 6
    assert found == sorted(set(found))


def test_stranger_gets_no_member_list(harbour: Harbour) -> None:
    with pytest.raises(NotVisible, match=f"no server {harbour.server.id}"):
        member_page(viewer=harbour.stranger, server=harbour.server)


# Conversations ----------------------------------------------------------------------------------


def test_conversation_with_the_newest_message_comes_first() -> None:
    sailor = UserFactory.create(username="sailor")
    other = UserFactory.create(username="other", display_name="Other")
    quiet = DirectConversationFactory.create(pair_low=sailor, pair_high=UserFactory.create())
    busy = DirectConversationFactory.create(pair_low=sailor, pair_high=other)
    DirectMessageFactory.create(channel=quiet, content="old", created_at=NOON)
    DirectMessageFactory.create(channel=busy, author=other, content="new")

    page = conversation_list(user=sailor)

    assert [conversation.id for conversation in page.conversations] == [busy.id, quiet.id]
    newest = page.conversations[0]
    assert (newest.kind, newest.last_seq, newest.unread) == ("pair", 1, 1)
    assert newest.others == (Author(id=other.id, name="Other", avatar_key=None, kind="human"),)
    assert (newest.newest_author_id, newest.newest_excerpt) == (other.id, "new")
    assert page.next is None


def test_deleted_newest_message_shows_none_of_it(harbour: Harbour) -> None:
    pair = DirectConversationFactory.create(pair_low=harbour.member)
    DirectMessageFactory.create(channel=pair, author=pair.pair_low, content="secret")
    Message.objects.update(deleted_at=NOON)

    (only,) = conversation_list(user=harbour.member).conversations

    assert (only.newest_excerpt, only.unread) == (None, 0)


def test_conversation_is_muted_and_unread_by_the_mark_of_each() -> None:
    place = make_place("pair")
    MessageFactory.create_batch(5, channel=place.channel, author=place.author)
    Message.objects.filter(seq=4).update(deleted_at=NOON)
    ReadStateFactory.create(
        space_id=place.channel.id,
        channel=place.channel,
        user=place.other,
        last_read_seq=2,
        muted_until=FOREVER,
    )

    (theirs,) = conversation_list(user=place.other).conversations
    (own,) = conversation_list(user=place.author).conversations

    assert (theirs.last_read_seq, theirs.unread, theirs.muted_until) == (2, 2, FOREVER)
    assert (own.last_read_seq, own.unread, own.muted_until) == (5, 0, None)


def test_deleted_conversation_is_not_listed() -> None:
    place = make_place("group")
    Channel.objects.update(deleted_at=NOON)

    assert conversation_list(user=place.author).conversations == ()


def test_group_shows_who_is_still_in_it(harbour: Harbour) -> None:
    group = DirectConversationFactory.create(group=True, name="Crew", owner=harbour.member)
    late, early = (
        ParticipantFactory.create(channel=group, joined_at=at).user for at in (FOREVER, NOON)
    )
    ParticipantFactory.create(channel=group, left_at=NOON)

    (only,) = conversation_list(user=harbour.member).conversations

    assert (only.name, only.owner_id) == ("Crew", harbour.member.id)
    assert [person.id for person in only.others] == [early.id, late.id]


def test_conversation_that_one_left_is_not_listed(harbour: Harbour) -> None:
    group = DirectConversationFactory.create(group=True, owner=harbour.member)
    group.participants.update(left_at=NOON)

    assert conversation_list(user=harbour.member).conversations == ()


def test_conversations_are_paged_without_repeats() -> None:
    sailor = UserFactory.create()
    for _ in range(5):
        DirectConversationFactory.create(pair_low=sailor, pair_high=UserFactory.create())
    Channel.objects.update(created_at=NOON)

    found = []
    page = conversation_list(user=sailor, limit=2)
    found += [conversation.id for conversation in page.conversations]
    while page.next:
        page = conversation_list(user=sailor, limit=2, before=page.next)
        found += [conversation.id for conversation in page.conversations]

    assert len(found) == 5
    assert found == sorted(set(found), reverse=True)


# Archived threads -------------------------------------------------------------------------------


def test_archived_threads_of_a_channel_come_last_archived_first(harbour: Harbour) -> None:
    early, late = (
        harbour.dig(kind="thread", parent=harbour.channel, name=name, archived_at=at)
        for name, at in (("early", NOON), ("late", FOREVER))
    )
    harbour.dig(kind="thread", parent=harbour.channel)
    harbour.dig(kind="thread", parent=harbour.dig(), archived_at=NOON)
    gone = harbour.dig(kind="thread", parent=harbour.channel, archived_at=NOON)
    Channel.objects.filter(pk=gone.pk).update(deleted_at=NOON)

    page = archived_threads(viewer=harbour.member, channel=harbour.channel)

    assert page.threads == (
        ArchivedThread(late.id, "late", FOREVER, last_seq=0, last_message_at=None),
        ArchivedThread(early.id, "early", NOON, last_seq=0, last_message_at=None),
    )
    assert page.next is None


def test_archived_threads_of_one_moment_are_paged_without_repeats(harbour: Harbour) -> None:
    threads = [
        harbour.dig(kind="thread", parent=harbour.channel, archived_at=NOON) for _ in range(5)
    ]

    pages = [archived_threads(viewer=harbour.member, channel=harbour.channel, limit=2)]
    while pages[-1].next:
        pages.append(
            archived_threads(
                viewer=harbour.member, channel=harbour.channel, limit=2, before=pages[-1].next
            )
        )

    found = [thread.id for page in pages for thread in page.threads]
    assert found == sorted((thread.id for thread in threads), reverse=True)


def test_archived_threads_of_a_hidden_channel_are_hidden(harbour: Harbour) -> None:
    harbour.dig(kind="thread", parent=harbour.channel, archived_at=NOON)
    harbour.deny(Permission.VIEW_CHANNEL, channel=harbour.channel)

    with pytest.raises(NotVisible, match=f"no channel {harbour.channel.id}"):
        archived_threads(viewer=harbour.member, channel=harbour.channel)


# The audit log ----------------------------------------------------------------------------------


@pytest.fixture
def logged(harbour: Harbour) -> Harbour:
    for minute, action in enumerate(["role.create", "role.update", "member.kick"]):
        AuditLogEntryFactory.create(
            server=harbour.server,
            actor=harbour.server.owner,
            action=action,
            changes={"name": ["a", "b"]},
            reason="because",
            created_at=NOON + timedelta(minutes=minute),
        )
    AuditLogEntryFactory.create(action="elsewhere")
    return harbour


def actions(viewer: User, harbour: Harbour) -> list[str]:
    return [entry.action for entry in audit_page(viewer=viewer, server=harbour.server).entries]


def test_owner_reads_the_log_newest_first(logged: Harbour) -> None:
    page = audit_page(viewer=logged.server.owner, server=logged.server)

    assert [entry.action for entry in page.entries] == ["member.kick", "role.update", "role.create"]
    assert page.entries[0].actor_id == logged.server.owner_id
    assert page.entries[0].changes == {"name": ["a", "b"]}
    assert page.entries[0].reason == "because"
    assert page.next is None


def test_log_is_paged(logged: Harbour) -> None:
    newest = audit_page(viewer=logged.server.owner, server=logged.server, limit=2)
    oldest = audit_page(
        viewer=logged.server.owner, server=logged.server, limit=2, before=newest.next
    )

    assert [entry.action for entry in oldest.entries] == ["role.create"]


@pytest.mark.parametrize("permission", [Permission.VIEW_AUDIT_LOG, Permission.ADMINISTRATOR])
def test_role_with_the_permission_reads_the_log(logged: Harbour, permission: Permission) -> None:
    logged.role(logged.member, permissions=permission)

    assert actions(logged.member, logged) == ["member.kick", "role.update", "role.create"]


def test_member_does_not_read_the_log(logged: Harbour) -> None:
    logged.role(logged.member, permissions=Permission.KICK_MEMBERS)

    with pytest.raises(MissingPermission) as caught:
        audit_page(viewer=logged.member, server=logged.server)

    assert caught.value.missing == Permission.VIEW_AUDIT_LOG


def test_moderator_in_a_timeout_does_not_read_the_log(logged: Harbour) -> None:
    logged.role(logged.member, permissions=Permission.VIEW_AUDIT_LOG)
    ServerMember.objects.filter(user=logged.member).update(timed_out_until=FOREVER)

    with pytest.raises(MissingPermission):
        audit_page(viewer=logged.member, server=logged.server)


def test_stranger_does_not_learn_of_the_server(logged: Harbour) -> None:
    with pytest.raises(NotVisible):
        audit_page(viewer=logged.stranger, server=logged.server)


# Reactions --------------------------------------------------------------------------------------


def test_who_reacted_is_paged_by_user(harbour: Harbour) -> None:
    message = harbour.say()
    people = sorted((harbour.member, harbour.join(), harbour.join()), key=lambda user: user.id)
    for person in people:
        ReactionFactory.create(message=message, emoji="⚓", user=person)
    ReactionFactory.create(message=message, emoji="👍", user=harbour.server.owner)

    first = reaction_users(viewer=harbour.member, message=message, emoji="⚓", limit=2)
    rest = reaction_users(
        viewer=harbour.member, message=message, emoji="⚓", limit=2, after=first.next
    )

    assert [user.id for user in first.users] == [people[0].id, people[1].id]
    assert [user.name for user in rest.users] == [people[2].username]
    assert rest.next is None


@pytest.mark.parametrize("kind", PLACES)
def test_who_reacted_is_shown_in_every_place_to_who_sees_it(kind: str) -> None:
    place = make_place(kind)
    message = MessageFactory.create(channel=place.channel, author=place.author)
    ReactionFactory.create(message=message, user=place.author)

    page = reaction_users(viewer=place.other, message=message, emoji="⚓")

    assert [user.id for user in page.users] == [place.author.id]
    with pytest.raises(NotVisible, match=f"no message {message.id}"):
        reaction_users(viewer=place.stranger, message=message, emoji="⚓")


def test_nobody_reacted_with_another_emoji(harbour: Harbour) -> None:
    page = reaction_users(viewer=harbour.member, message=harbour.say(), emoji="⚓")

    assert (page.users, page.next) == ((), None)


def test_reactions_of_a_deleted_message_are_not_shown(harbour: Harbour) -> None:
    message = harbour.say()
    ReactionFactory.create(message=message)
    Message.objects.update(deleted_at=NOON)

    assert reaction_users(viewer=harbour.member, message=message, emoji="⚓").users == ()


def test_reactions_in_a_hidden_channel_are_not_shown(harbour: Harbour) -> None:
    message = harbour.say()
    harbour.deny(Permission.VIEW_CHANNEL, channel=harbour.channel)

    with pytest.raises(NotVisible, match=f"no message {message.id}"):
        reaction_users(viewer=harbour.member, message=message, emoji="⚓")


def test_reactions_where_history_may_not_be_read_are_refused(harbour: Harbour) -> None:
    message = harbour.say()
    harbour.deny(Permission.READ_MESSAGE_HISTORY, channel=harbour.channel)

    with pytest.raises(MissingPermission):
        reaction_users(viewer=harbour.member, message=message.id, emoji="⚓")
