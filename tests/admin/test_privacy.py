"""Private messages take a permission, and whoever reads them leaves a trace."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from chat.models import (
    AdminAccess,
    Channel,
    DirectConversation,
    DirectMessage,
    DiscardedFile,
    Mention,
    Message,
    MessageAttachment,
    MessageRevision,
    Participant,
    Reaction,
    ReadState,
    User,
)
from tests import factories
from tests.admin.pages import allow, filtered_lists, listed, page, text_of
from tests.chat.sql import execute

pytestmark = pytest.mark.django_db

LOOK = "view_directmessage"
READ = "read_direct_messages"
# The tables that hold rows of servers and of conversations.
SHARED: list[type[Model]] = [
    Channel,
    Message,
    MessageRevision,
    Mention,
    Reaction,
    MessageAttachment,
    ReadState,
]


def talks() -> dict[Channel, str]:
    """Return a conversation and a channel, and what is said there."""
    private = factories.DirectConversationFactory.create(group=True, name="secret")
    return {private: "secret", factories.ChannelFactory.create(): "known"}


def rows_of_a_talk(place: Channel, *, said: str) -> dict[type[Model], Model]:
    """Return of each table the one row of what was said in a place."""
    author = place.owner or place.server.owner
    message = Message.objects.create(
        space_id=place.space_id, channel=place, author=author, content=said
    )
    of_message = {"space_id": place.space_id, "message": message}
    Mention.objects.create(space_id=place.space_id, channel=place, seq=1, user=author)
    factories.MessageRevisionFactory.create(**of_message)
    factories.ReactionFactory.create(**of_message, user=author)
    factories.MessageAttachmentFactory.create(**of_message, uploader=author, filename=f"{said}.png")
    return {
        model: model._base_manager.get(
            **({"pk": place.pk} if model is Channel else {"space_id": place.space_id})
        )
        for model in SHARED
    }


@pytest.fixture
def message() -> Message:
    message: Message = factories.DirectMessageFactory.create(content="only between us")
    return message


@pytest.mark.parametrize("rights", [[LOOK], [READ]], ids=["looking alone", "reading alone"])
def test_direct_messages_take_both_rights(
    client: Client, operator: User, message: Message, rights: list[str]
) -> None:
    allow(operator, *rights)

    for url in (
        page(DirectMessage, "changelist"),
        f"{page(DirectMessage, 'changelist')}?conversation={message.channel_id}",
        page(DirectMessage, "change", message.pk),
        page(DirectMessage, "history", message.pk),
        page(DirectMessage, "delete", message.pk),
    ):
        response = client.get(url)
        assert response.status_code == 403, url
        assert "only between us" not in text_of(response)
    assert not AdminAccess.objects.exists()


def test_no_direct_message_is_listed_before_a_conversation_is_chosen(
    admin_client: Client, message: Message
) -> None:
    assert listed(admin_client, DirectMessage) == []
    assert listed(admin_client, DirectMessage, q=message.pk) == []


@pytest.mark.django_db(transaction=True)
def test_no_address_lists_direct_messages_past_the_log(
    client: Client, operator: User, message: Message
) -> None:
    """However an id is written, what is listed is what is written down; and nothing else is."""
    allow(operator, LOOK, READ)
    other = factories.DirectMessageFactory.create()
    first, second = message.channel_id, other.channel_id
    addresses: dict[str, Message | None] = {
        "": None,
        "conversation=": None,
        "conversation=%00": None,
        "conversation=%20": None,
        f"conversation={first}&conversation=%00": None,
        f"conversation=%20&q={message.pk}": None,
        f"conversation=%00&after={message.seq + 1}": None,
        f"conversation__id__exact={first}": None,
        f"conversation_id={first}": None,
        f"id={message.pk}": None,
        f"author={message.author_id}": None,
        f"conversation={first}%00": message,
        f"conversation=%00{first}": message,
        f"conversation={str(first)[:9]}%00{str(first)[9:]}": message,
        f"conversation=%09{first}%20%00": message,
        f"conversation={str(first).upper()}": message,
        f"conversation={first.hex}": message,
        f"conversation=%7B{first}%7D": message,
        f"conversation=urn:uuid:{first}": message,
        f"conversation={first}&conversation={second}": other,
        f"conversation={second}&conversation={first}": message,
        f"conversation={first}%00&q={message.pk}": message,
        f"conversation={first}%00&q=%00": message,
        f"conversation={first}%00&q=us": message,
        f"conversation={first}%00&before=0": message,
        f"conversation={first}%00&after={message.seq + 1}": message,
        f"conversation={first}%00&_popup=1&_to_field=id&p=7&all=1&o=1&e=1": message,
    }
    shown, written, logged = {}, {}, 0

    for address in addresses:
        response = client.get(f"{page(DirectMessage, 'changelist')}?{address}")
        rows = response.context["cl"].result_list if response.status_code == 200 else []
        entries = list(AdminAccess.objects.order_by("created_at", "id")[logged:])
        logged += len(entries)
        shown[address] = rows
        written[address] = [
            (entry.target_id, entry.details["from_seq"], entry.details["to_seq"])
            for entry in entries
        ]

    assert shown == {address: [row] if row else [] for address, row in addresses.items()}
    assert written == {
        address: [(row.channel_id, row.seq, row.seq)] if row else []
        for address, row in addresses.items()
    }


@pytest.mark.parametrize("name", ["change", "history"])
def test_page_of_a_direct_message_names_in_the_log_all_that_it_shows(
    name: str, client: Client, operator: User, message: Message
) -> None:
    allow(operator, LOOK, READ)
    reply = factories.DirectMessageFactory.create(channel=message.channel, reply_to_seq=message.seq)

    assert client.get(page(DirectMessage, name, reply.pk)).status_code == 200

    access = AdminAccess.objects.get()
    assert (access.action, access.target_id) == ("direct_message.read", message.channel_id)
    assert access.details == {"message_id": str(reply.pk), "seq": 2, "answers_seq": 1}


def test_page_of_a_direct_message_shows_what_hangs_on_it_and_leads_to_no_page_of_servers(
    admin_client: Client,
) -> None:
    private, _ = talks()
    rows = rows_of_a_talk(private, said="secret")
    author = private.owner
    assert author is not None

    shown = text_of(admin_client.get(page(DirectMessage, "change", rows[Message].pk)))

    said = ["secret!", "secret.png", "⚓", author.username]
    panels = ["Earlier versions", "Reactions", "Attachments", "Mentions"]
    assert [text for text in said if text not in shown] == []
    assert [title for title in panels if f'aria-label="{title}"' not in shown] == []
    assert page(DirectConversation, "change", private.pk) in shown
    assert f"conversation={private.pk}&amp;after=2" in shown
    assert [model for model, row in rows.items() if page(model, "change", row.pk) in shown] == []


def test_page_that_is_refused_is_not_written_down(admin_client: Client, message: Message) -> None:
    for response in (
        admin_client.get(page(DirectMessage, "delete", message.pk)),
        admin_client.post(page(DirectMessage, "delete", message.pk), {"post": "yes"}),
        admin_client.post(page(DirectMessage, "change", message.pk), {}),
    ):
        assert response.status_code == 403
    assert not AdminAccess.objects.exists()


@pytest.mark.superuser
@pytest.mark.parametrize("name", ["changelist", "change", "history"])
def test_nothing_private_is_shown_when_the_log_takes_no_entry(
    name: str, admin_client: Client, message: Message
) -> None:
    execute("ALTER TABLE admin_access_log ADD CONSTRAINT full_ck CHECK (false) NOT VALID")
    address = page(DirectMessage, name, *([] if name == "changelist" else [message.pk]))

    with pytest.raises(IntegrityError, match="full_ck"):
        admin_client.get(address, {"conversation": str(message.channel_id)})


def test_look_at_a_list_is_written_down(client: Client, operator: User, message: Message) -> None:
    allow(operator, LOOK, READ)

    assert listed(client, DirectMessage, conversation=message.channel_id) == [message]

    access = AdminAccess.objects.get()
    assert (access.actor_id, access.action) == (operator.pk, "direct_message.list")
    assert (access.target_type, access.target_id) == (
        "direct_conversation",
        message.channel_id,
    )
    assert access.details == {"shown": 1, "from_seq": 1, "to_seq": 1}


@pytest.mark.django_db(transaction=True)
def test_search_that_finds_nothing_is_written_down(
    client: Client, operator: User, message: Message
) -> None:
    allow(operator, LOOK, READ)

    found = listed(client, DirectMessage, conversation=message.channel_id, q="treasure")

    assert found == []
    assert AdminAccess.objects.get().details == {"shown": 0, "searched": True}


def test_look_at_a_message_is_written_down(
    client: Client, operator: User, message: Message
) -> None:
    allow(operator, LOOK, READ)

    response = client.get(page(DirectMessage, "change", message.pk))

    assert "only between us" in text_of(response)
    access = AdminAccess.objects.get()
    assert (access.action, access.details) == (
        "direct_message.read",
        {"message_id": str(message.pk), "seq": 1},
    )


def test_superuser_is_written_down_too(admin_client: Client, message: Message) -> None:
    admin_client.get(page(DirectMessage, "change", message.pk))

    assert AdminAccess.objects.count() == 1


def test_who_looked_is_shown_at_the_conversation(
    admin_client: Client, admin_user: User, message: Message
) -> None:
    listed(admin_client, DirectMessage, conversation=message.channel_id)

    shown = text_of(admin_client.get(page(DirectConversation, "change", message.channel_id)))

    assert "direct_message.list" in shown
    assert "only between us" not in shown


@pytest.mark.parametrize("looker", ["operator", "superuser"])
@pytest.mark.parametrize("model", SHARED, ids=lambda model: model.__name__)
def test_page_that_servers_and_conversations_share_shows_nothing_of_a_conversation(
    model: type[Model], looker: str, client: Client, operator: User
) -> None:
    """Neither to those who may look at all that is of servers, nor past the log to a superuser."""
    private, public = (rows_of_a_talk(place, said=said)[model] for place, said in talks().items())
    allow(operator, "view_user", "view_server")
    allow(operator, *(f"view_{each._meta.model_name}" for each in SHARED))
    User.objects.filter(pk=operator.pk).update(is_superuser=looker == "superuser")
    lists = [page(model, "changelist"), f"{page(model, 'changelist')}?q={private.pk}"]
    rows = [page(model, name, private.pk) for name in ("change", "history", "delete")]

    answers = {url: client.get(url) for url in (*lists, *rows, *filtered_lists(model, private))}

    assert listed(client, model) == [public]
    assert client.get(page(model, "change", public.pk)).status_code == 200
    for url, answer in answers.items():
        assert "secret" not in text_of(answer), url
        assert url not in rows or answer.status_code in {302, 403}, url
        assert url in rows or private not in answer.context["cl"].result_list, url
    assert not AdminAccess.objects.exists()


@pytest.mark.parametrize(
    ("model", "filter_"), [(Message, "channel"), (Mention, "channel"), (Reaction, "message")]
)
def test_conversation_is_as_unknown_as_what_there_is_not(
    model: type[Model], filter_: str, admin_client: Client, message: Message
) -> None:
    private = message.pk if filter_ == "message" else message.channel_id
    url = page(model, "changelist")

    for row_id in (private, uuid4()):
        answer = admin_client.get(url, {filter_: str(row_id)})

        assert answer.context["cl"].result_list == []
        assert f"There is no {filter_} with the id {row_id}." in text_of(answer)


@pytest.mark.parametrize("asked", ["channel", "server"])
def test_nobody_is_asked_about_in_a_conversation(
    asked: str, admin_client: Client, message: Message
) -> None:
    conversation = DirectConversation.objects.get(pk=message.channel_id)
    url = reverse("admin:who_may_see_what")

    shown = text_of(
        admin_client.get(url, {"user": str(message.author_id), asked: str(message.channel_id)})
    )

    assert str(conversation) not in shown
    assert (
        "There is no channel with the id" if asked == "channel" else "finds no channel"
    ) in shown


def test_right_to_look_at_what_is_of_servers_opens_no_conversation(
    client: Client, operator: User, message: Message
) -> None:
    """The pages of a proxy take rights of their own, which the migrations make."""
    allow(operator, "view_channel", "view_message", "read_direct_messages")
    private = {DirectConversation: message.channel_id, DirectMessage: message.pk}
    before = [
        client.get(url).status_code
        for model, pk in private.items()
        for url in (page(model, "changelist"), page(model, "change", pk))
    ]
    shown_before = text_of(client.get("/admin/"))

    for model in private:
        name = str(model._meta.model_name)
        own = Permission.objects.get(codename=f"view_{name}")
        assert own.content_type == ContentType.objects.get(app_label="chat", model=name)
        operator.user_permissions.add(own)
    after = [client.get(page(model, "change", pk)).status_code for model, pk in private.items()]

    assert before == [403] * 4
    assert not any(page(model, "changelist") in shown_before for model in private)
    assert after == [200] * 2


def test_rights_to_conversations_open_nothing_of_servers(client: Client, operator: User) -> None:
    public = factories.MessageFactory.create(content="in public")
    conversation = factories.DirectConversationFactory.create()
    allow(operator, "view_directconversation", LOOK, READ)

    assert listed(client, DirectConversation) == [conversation]
    assert listed(client, DirectMessage, conversation=public.space_id) == []
    assert listed(client, DirectMessage, conversation=public.channel_id) == []
    for model, row in ((DirectConversation, public.channel), (DirectMessage, public)):
        assert client.get(page(model, "change", row.pk)).status_code == 302
    assert client.get(page(Channel, "changelist")).status_code == 403
    assert client.get(page(Message, "changelist")).status_code == 403


def test_who_takes_part_is_shown_with_how_far_they_have_read(
    client: Client, operator: User, message: Message
) -> None:
    allow(operator, "view_directconversation", "view_participant", "view_user")
    factories.DirectMessageFactory.create(channel=message.channel, content="twice")
    talk = message.channel
    reader = Participant.objects.get(channel=talk, user=talk.pair_low)

    of_talk = client.get(page(DirectConversation, "change", talk.pk))
    of_reader = client.get(page(Participant, "change", reader.pk))
    (listed_reader,) = listed(client, Participant, user=talk.pair_low_id)

    assert "#2" in text_of(of_talk)
    assert "#0" in text_of(of_talk)
    assert getattr(listed_reader, "last_read_seq", None) == 2
    assert page(DirectConversation, "change", talk.pk) in text_of(of_reader)
    assert page(DirectMessage, "changelist") not in text_of(of_talk)
    assert "only between us" not in text_of(of_talk) + text_of(of_reader)


@pytest.mark.parametrize("looker", ["operator", "superuser"])
def test_file_of_a_conversation_is_nowhere_before_it_is_sent(
    looker: str, client: Client, operator: User
) -> None:
    """What has no message yet is known by its space alone: a server's is listed, no other."""
    allow(operator, "view_messageattachment", "view_discardedfile", "view_user", READ)
    User.objects.filter(pk=operator.pk).update(is_superuser=looker == "superuser")
    conversation = factories.DirectConversationFactory.create()
    uploader = factories.UserFactory.create(username="uploader")
    channel = factories.ChannelFactory.create()
    unsent = {"message": None, "uploader": uploader}
    private, gone = (
        factories.MessageAttachmentFactory.create(
            space_id=space_id,
            filename="secret.png",
            alt_text="secret",
            storage_key=f"secret/{space_id}",
            **unsent,
        )
        for space_id in (conversation.pk, uuid4())
    )
    public = factories.MessageAttachmentFactory.create(space_id=channel.server_id, **unsent)

    for asked in ({}, {"only": "unsent"}, {"uploader": "uploader"}, {"q": str(public.pk)}):
        assert listed(client, MessageAttachment, **asked) == [public]
    for file in (private, gone):
        assert listed(client, MessageAttachment, q=file.pk) == []
        for name in ("change", "history", "delete"):
            response = client.get(page(MessageAttachment, name, file.pk))
            assert response.status_code in {302, 403}
            assert "secret" not in text_of(response)
    for model, row in ((User, uploader), (DirectConversation, conversation)):
        assert "secret" not in text_of(client.get(page(model, "change", row.pk)))
    assert client.get(page(MessageAttachment, "change", public.pk)).status_code == 200


def test_key_of_a_file_of_a_conversation_is_not_shown_when_its_row_is_gone(
    client: Client, operator: User
) -> None:
    allow(operator, "view_discardedfile")
    conversation = factories.DirectConversationFactory.create()
    private = factories.DiscardedFileFactory.create(space_id=conversation.pk)
    others = [
        factories.DiscardedFileFactory.create(space_id=space_id)
        for space_id in (conversation.pair_low_id, factories.ServerFactory.create().pk, uuid4())
    ]

    assert listed(client, DiscardedFile) == others[::-1]
    assert listed(client, DiscardedFile, q=private.storage_key) == []
    assert client.get(page(DiscardedFile, "change", private.pk)).status_code == 302


def test_deleted_message_is_there_and_its_words_are_withheld(
    client: Client, operator: User
) -> None:
    message = factories.MessageFactory.create(content="first secret")
    Message.objects.filter(pk=message.pk).update(content="second secret")
    factories.MessageAttachmentFactory.create(message=message, filename="secret.png")
    execute("UPDATE messages SET deleted_at = now() WHERE id = %s", message.pk)
    allow(
        operator,
        *("view_message", "view_channel", "view_server"),
        *("view_messagerevision", "view_messageattachment", "view_reaction"),
    )

    pages = [
        client.get(page(Message, "changelist")),
        client.get(page(Message, "change", message.pk)),
        client.get(page(type(message.channel), "change", message.channel_id)),
        client.get(page(MessageRevision, "changelist")),
        client.get(page(MessageAttachment, "changelist")),
    ]

    assert [response.status_code for response in pages] == [200] * 5
    assert [response for response in pages if "secret" in text_of(response)] == []
    assert "takes a permission" in text_of(pages[0])
    revision = MessageRevision.objects.get()
    assert client.get(page(MessageRevision, "change", revision.pk)).status_code == 302


def test_deleted_message_is_read_with_the_permission(client: Client, operator: User) -> None:
    message = factories.MessageFactory.create(content="first secret")
    Message.objects.filter(pk=message.pk).update(content="second secret")
    execute("UPDATE messages SET deleted_at = now() WHERE id = %s", message.pk)
    allow(operator, "view_message", "view_messagerevision", "read_deleted_messages")

    shown = text_of(client.get(page(Message, "change", message.pk)))

    assert "first secret" in shown
    assert "second secret" in shown


def test_panels_show_nothing_of_tables_that_may_not_be_looked_at(
    client: Client, operator: User
) -> None:
    ban = factories.BanFactory.create(reason="stole the anchor")
    allow(operator, "view_server")

    shown = text_of(client.get(page(type(ban.server), "change", ban.server_id)))

    assert "stole the anchor" not in shown
    assert 'aria-label="Bans"' not in shown


def test_operator_who_may_change_groups_gives_nobody_rights(client: Client, operator: User) -> None:
    allow(operator, "view_group", "add_group", "change_group", "delete_group")

    assert client.post("/admin/auth/group/add/", {"name": "captains"}).status_code == 403


def test_sidebar_shows_what_may_be_looked_at(client: Client, operator: User) -> None:
    allow(operator, "view_server")

    shown = text_of(client.get("/admin/"))

    assert page(type(factories.ServerFactory.create()), "changelist") in shown
    assert page(Message, "changelist") not in shown
    assert "who-may-see-what" not in shown


def test_operator_to_whom_nothing_is_open_is_told_who_opens_it(
    client: Client, operator: User
) -> None:
    before = text_of(client.get("/admin/"))
    allow(operator, "view_server")
    after = text_of(client.get("/admin/"))

    assert "Nothing is open to you yet. A superuser gives rights" in before
    assert "Nothing is open to you yet" not in after


@pytest.mark.parametrize("rights", [["view_user"], ["view_user", "change_user"]])
def test_hash_of_a_password_is_not_shown(client: Client, operator: User, rights: list[str]) -> None:
    user = factories.UserFactory.create()
    user.set_password("correct horse battery staple")
    user.save()
    allow(operator, *rights)

    shown = text_of(client.get(page(type(user), "change", user.pk)))

    assert user.password.rsplit("$", 1)[1] not in shown
    assert user.password not in shown
    assert ('href="../password/"' in shown) == ("change_user" in rights)


@pytest.mark.parametrize(
    ("password", "state"), [("correct horse battery staple", "Set"), (None, "Not set")]
)
def test_page_of_a_user_says_whether_there_is_a_password(
    client: Client, operator: User, password: str | None, state: str
) -> None:
    user = factories.UserFactory.create()
    user.set_password(password)
    user.save()
    allow(operator, "view_user")

    shown = text_of(client.get(page(type(user), "change", user.pk)))

    assert f">{state}</div>" in shown
