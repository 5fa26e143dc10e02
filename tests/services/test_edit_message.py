"""Editing and deleting messages in channels."""

from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

import pytest

from chat.errors import Conflict, InvalidInput, MissingPermission, NotAuthor, NotVisible, TimedOut
from chat.models import AuditLogEntry, Mention, Message, MessageRevision, ServerMember
from chat.permissions import DEFAULT_EVERYONE, Permission
from chat.services.messages import delete_message, edit_message, send_message
from tests.factories import (
    FAR_AWAY,
    DirectMessageFactory,
    MessageAttachmentFactory,
    MessageFactory,
    RoleFactory,
    UserFactory,
)
from tests.services.counting import statements_of
from tests.services.places import Harbour, make_harbour, named_in
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db

NOTHING = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture
def harbour() -> Harbour:
    return make_harbour()


def _sent(harbour: Harbour, content: str = "ahoy") -> Message:
    sent = send_message(author=harbour.member, channel=harbour.channel, content=content)
    return Message.objects.get(pk=sent.id)


def test_an_edit_replaces_the_content_and_keeps_what_was_there(harbour: Harbour) -> None:
    message = _sent(harbour)

    edited = edit_message(actor=harbour.member, message=message, content="avast")

    message.refresh_from_db()
    assert (message.content, message.version, message.edited_at) == ("avast", 2, edited.edited_at)
    assert (edited.content, edited.version) == ("avast", 2)
    revision = MessageRevision.objects.get()
    assert (revision.content, revision.version, revision.editor_id) == (
        "ahoy",
        1,
        harbour.member.id,
    )


def test_the_same_content_again_changes_nothing(harbour: Harbour) -> None:
    message = _sent(harbour)

    edited = edit_message(actor=harbour.member, message=message, content="ahoy")

    assert (edited.version, edited.edited_at) == (1, None)
    assert not MessageRevision.objects.exists()


def test_mentions_follow_the_content(harbour: Harbour) -> None:
    first, second = harbour.join(), harbour.join()
    message = _sent(harbour, f"<@{first.id}> <@{second.id}>")
    kept = Mention.objects.get(user=second)

    edit_message(
        actor=harbour.member,
        message=message,
        content=f"<@{second.id}> <@{harbour.server.owner_id}> @everyone <@{NOTHING}>",
    )

    assert named_in(message) == {str(second.id), str(harbour.server.owner_id)}
    assert Mention.objects.filter(pk=kept.pk).exists()


def test_everyone_and_roles_come_and_go_with_an_edit(harbour: Harbour) -> None:
    harbour.allow(DEFAULT_EVERYONE | Permission.MENTION_EVERYONE)
    role = RoleFactory.create(server=harbour.server, position=1)
    message = _sent(harbour, "@everyone")

    edit_message(actor=harbour.member, message=message, content=f"<@&{role.id}> @here")
    assert named_in(message) == {str(role.id), "everyone"}

    edit_message(actor=harbour.member, message=message, content=f"<@&{role.id}>")
    assert named_in(message) == {str(role.id)}

    edit_message(actor=harbour.member, message=message, content="nobody")
    assert named_in(message) == set()


def test_an_edit_is_two_statements_and_four_with_names(harbour: Harbour) -> None:
    message = _sent(harbour)

    def edit(content: str) -> None:
        edit_message(actor=harbour.member, message=message, content=content)

    assert len(statements_of(lambda: edit("avast"))) == 2
    assert len(statements_of(lambda: edit(f"<@{harbour.server.owner_id}>"))) == 4
    assert len(statements_of(lambda: edit("nobody"))) == 4


def test_the_version_that_was_seen_is_replaced_and_no_other(harbour: Harbour) -> None:
    message = _sent(harbour)
    edit_message(actor=harbour.member, message=message, content="avast", expected_version=1)

    refused(
        Conflict,
        lambda: edit_message(
            actor=harbour.member, message=message, content="belay", expected_version=1
        ),
        match="is at version 2, not 1",
    )


@pytest.mark.parametrize("permission", [Permission.MANAGE_MESSAGES, Permission.ADMINISTRATOR])
def test_nobody_edits_the_message_of_another(harbour: Harbour, permission: Permission) -> None:
    message = _sent(harbour)
    harbour.allow(DEFAULT_EVERYONE | permission)
    other = harbour.join()

    refused(NotAuthor, lambda: edit_message(actor=other, message=message, content="x"))


def test_nobody_edits_in_a_timeout(harbour: Harbour) -> None:
    message = _sent(harbour)
    ServerMember.objects.filter(user=harbour.member).update(timed_out_until=FAR_AWAY)

    refused(TimedOut, lambda: edit_message(actor=harbour.member, message=message, content="x"))


def test_who_has_left_edits_nothing(harbour: Harbour) -> None:
    message = _sent(harbour)
    ServerMember.objects.filter(user=harbour.member).delete()

    refused(NotVisible, lambda: edit_message(actor=harbour.member, message=message, content="x"))


def test_a_deleted_message_is_not_edited(harbour: Harbour) -> None:
    message = _sent(harbour)
    delete_message(actor=harbour.member, message=message)

    refused(NotVisible, lambda: edit_message(actor=harbour.member, message=message, content="x"))


def test_a_message_with_a_file_may_lose_its_content(harbour: Harbour) -> None:
    message = _sent(harbour)
    for blank in (" ", "\u200b\u3164"):
        edit = partial(edit_message, actor=harbour.member, message=message, content=blank)
        refused(InvalidInput, edit, match="content is blank")
    MessageAttachmentFactory.create(message=message)

    assert edit_message(actor=harbour.member, message=message, content="").content == ""


def test_a_message_of_the_system_is_nobodys_to_edit_or_delete(harbour: Harbour) -> None:
    member = harbour.member
    for author in (None, member):
        event = MessageFactory.create(
            channel=harbour.channel, kind="join", author=author, content=""
        )

        refused(NotAuthor, partial(edit_message, actor=member, message=event, content="x"))
        refused(MissingPermission, partial(delete_message, actor=member, message=event))


def test_a_deleted_message_keeps_its_place_and_names_nobody(harbour: Harbour) -> None:
    message = _sent(harbour, f"<@{harbour.server.owner_id}>")

    delete_message(actor=harbour.member, message=message)

    message.refresh_from_db()
    assert message.deleted_at is not None
    assert (message.deleted_by_id, message.seq) == (harbour.member.id, 1)
    assert named_in(message) == set()
    assert not AuditLogEntry.objects.exists()


def test_a_moderator_deletes_and_the_log_tells(harbour: Harbour) -> None:
    message = _sent(harbour)

    delete_message(actor=harbour.server.owner, message=message)

    entry = AuditLogEntry.objects.get()
    assert (entry.actor_id, entry.action, entry.target_id) == (
        harbour.server.owner_id,
        "message.delete",
        message.id,
    )
    assert entry.changes["author_id"] == [str(harbour.member.id)] * 2


def test_a_member_does_not_delete_the_message_of_another(harbour: Harbour) -> None:
    message = _sent(harbour)
    other = harbour.join()

    refused(
        MissingPermission,
        lambda: delete_message(actor=other, message=message),
        match="needs MANAGE_MESSAGES in channel",
    )


def test_a_message_is_deleted_once(harbour: Harbour) -> None:
    message = _sent(harbour)
    delete_message(actor=harbour.member, message=message)

    refused(NotVisible, lambda: delete_message(actor=harbour.member, message=message))


def test_a_deletion_is_three_statements_and_four_with_the_log(harbour: Harbour) -> None:
    own, others = _sent(harbour), _sent(harbour)

    assert len(statements_of(lambda: delete_message(actor=harbour.member, message=own))) == 3
    owner = harbour.server.owner
    assert len(statements_of(lambda: delete_message(actor=owner, message=others))) == 4


@pytest.mark.parametrize(
    ("args", "match"),
    [
        ({"actor": "me"}, "actor is 'me'"),
        ({"message": 1}, "message is 1"),
        ({"content": 1}, "content is 1"),
        ({"content": "x" * 4001}, "4001 characters"),
        ({"content": "\0"}, "NUL"),
        ({"content": "\udfff"}, "surrogate"),
        ({"expected_version": 0}, "expected_version is 0"),
        ({"expected_version": -1}, "expected_version is -1"),
        ({"expected_version": 2**31}, "expected_version is 2147483648"),
        ({"expected_version": "1"}, "expected_version is '1'"),
    ],
)
def test_bad_input_is_named(harbour: Harbour, args: dict[str, Any], match: str) -> None:
    usual: dict[str, Any] = {
        "actor": harbour.member,
        "message": _sent(harbour),
        "content": "avast",
    }

    refused(InvalidInput, lambda: edit_message(**(usual | args)), match=match)


def test_a_direct_message_is_not_a_message_of_a_channel() -> None:
    direct: Any = DirectMessageFactory.create()

    refused(InvalidInput, lambda: delete_message(actor=direct.author, message=direct))
    refused(NotVisible, lambda: delete_message(actor=direct.author, message=direct.id))


def test_a_stranger_is_told_nothing_of_a_message(harbour: Harbour) -> None:
    message = _sent(harbour)
    stranger = UserFactory.create()

    refused(
        NotVisible,
        lambda: delete_message(actor=stranger, message=message),
        match=f"There is no message {message.id}",
    )
