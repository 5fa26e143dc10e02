"""Editing and deleting messages."""

from functools import partial
from uuid import UUID

import pytest

from chat.errors import Conflict, InvalidInput, MissingPermission, NotAuthor, NotVisible
from chat.models import AuditLogEntry, Mention, Message, MessageRevision, ServerMember
from chat.rules.permissions import DEFAULT_EVERYONE, Permission
from chat.services.messages import SentMessage, delete_message, edit_message, send_message
from tests.factories import (
    MessageAttachmentFactory,
    MessageFactory,
    RoleFactory,
)
from tests.services.counting import statements_of
from tests.services.places import PLACES, Harbour, Place, make_place, named_in
from tests.services.refusals import refused

pytestmark = pytest.mark.django_db

NOTHING = UUID("01990000-0000-7000-8000-000000000001")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    return make_place(request.param)


def _sent_in(place: Place, content: str = "ahoy") -> SentMessage:
    return send_message(author=place.author, channel=place.channel, content=content)


def _sent(harbour: Harbour, content: str = "ahoy") -> Message:
    sent = send_message(author=harbour.member, channel=harbour.channel, content=content)
    return Message.objects.get(pk=sent.id)


def test_an_edit_replaces_the_content_and_keeps_what_was_there(place: Place) -> None:
    sent = _sent_in(place)

    edited = edit_message(actor=place.author, message=sent, content="avast")

    message = Message.objects.get()
    assert (message.content, message.version, message.edited_at) == ("avast", 2, edited.edited_at)
    assert (edited.id, edited.content, edited.version) == (sent.id, "avast", 2)
    revision = MessageRevision.objects.get()
    assert (revision.content, revision.version, revision.editor_id, revision.space_id) == (
        "ahoy",
        1,
        place.author.id,
        place.channel.space_id,
    )
    assert edit_message(actor=place.author, message=edited, content="belay").version == 3


def test_the_same_content_again_changes_nothing(place: Place) -> None:
    edited = edit_message(actor=place.author, message=_sent_in(place), content="ahoy")

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


def test_who_takes_part_is_named_by_an_edit_and_nobody_else(place: Place) -> None:
    sent = _sent_in(place)

    content = f"<@{place.other.id}> <@{place.stranger.id}> @everyone <@&{NOTHING}>"
    edit_message(actor=place.author, message=sent, content=content)

    assert named_in(Message.objects.get()) == {str(place.other.id)}


def test_an_edit_is_two_statements_and_three_with_names(place: Place) -> None:
    sent = _sent_in(place)

    def edit(content: str) -> None:
        edit_message(actor=place.author, message=sent, content=content)

    assert len(statements_of(lambda: edit("avast"))) == 2
    assert len(statements_of(lambda: edit(f"<@{place.other.id}>"))) == 3
    assert len(statements_of(lambda: edit("nobody"))) == 3


def test_the_version_that_was_seen_is_replaced_and_no_other(place: Place) -> None:
    sent = _sent_in(place)
    edit = partial(edit_message, actor=place.author, message=sent)
    edit(content="avast", expected_version=1)

    refused(
        Conflict, lambda: edit(content="belay", expected_version=1), match="is at version 2, not 1"
    )


def test_nobody_edits_or_deletes_the_message_of_another(place: Place) -> None:
    sent = _sent_in(place)

    refused(NotAuthor, lambda: edit_message(actor=place.other, message=sent, content="x"))
    refused(
        MissingPermission,
        lambda: delete_message(actor=place.other, message=sent),
        match="needs MANAGE_MESSAGES in ",
    )


@pytest.mark.parametrize("permission", [Permission.MANAGE_MESSAGES, Permission.ADMINISTRATOR])
def test_nobody_edits_the_message_of_another(harbour: Harbour, permission: Permission) -> None:
    message = _sent(harbour)
    harbour.allow(DEFAULT_EVERYONE | permission)
    other = harbour.join()

    refused(NotAuthor, lambda: edit_message(actor=other, message=message, content="x"))


def test_who_has_left_edits_nothing(harbour: Harbour) -> None:
    message = _sent(harbour)
    ServerMember.objects.filter(user=harbour.member).delete()

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


def test_a_deleted_message_keeps_its_place_and_names_nobody(place: Place) -> None:
    sent = _sent_in(place, f"<@{place.other.id}>")

    delete_message(actor=place.author, message=sent)

    message = Message.objects.get()
    assert message.deleted_at is not None
    assert (message.deleted_by_id, message.seq) == (place.author.id, 1)
    assert named_in(message) == set()
    assert not AuditLogEntry.objects.exists()
    refused(NotVisible, lambda: delete_message(actor=place.author, message=sent))
    refused(NotVisible, lambda: edit_message(actor=place.author, message=sent, content="x"))


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
