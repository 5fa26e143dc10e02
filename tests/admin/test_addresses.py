"""What somebody may write into the address: nothing of it is an error of the server's."""

from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client

from chat.models import (
    AuditLogEntry,
    DirectConversation,
    DirectMessage,
    Message,
    MessageRevision,
    Reaction,
    Server,
    ServerMember,
    User,
)
from tests import factories
from tests.admin.pages import MODELS, allow, page, text_of

pytestmark = pytest.mark.django_db

SOME_ID = UUID(int=7)
NONSENSE = [
    "\x00",
    "x" * 10_000,
    "'; DROP TABLE users; --",
    "%",
    "9" * 40,
    "0001-01-01 00:00:00+99:00",
    '"unfinished',
    f"{SOME_ID},{SOME_ID}",
    f"infinity,{SOME_ID}",
    "<script>alert(1)</script>",
]
# Between them in order of numbers, of ids, of moments, of texts; some narrowed, one not.
LISTS = [Message, Reaction, AuditLogEntry, ServerMember, User, DirectMessage, DirectConversation]


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
def test_nonsense_in_the_address_of_a_list_is_no_error(
    model: type[Model], admin_client: Client
) -> None:
    """Each parameter with a third of the nonsense: the lists take turns with it."""
    filters = getattr(admin.site.get_model_admin(model), "filters", ())
    lists: list[type[Model]] = [*LISTS]
    known = ["q", "before", "after", *(filter_.name for filter_ in filters)]
    of_django = ["p", "o", "_to_field", "created_at__gt"]
    answers = {}

    for number, name in enumerate((*known, *of_django), lists.index(model)):
        for nonsense in NONSENSE[number % 3 :: 3]:
            response = admin_client.get(page(model, "changelist"), {name: nonsense}, follow=True)
            if response.status_code not in {200, 400}:
                answers[name, nonsense] = response.status_code
            assert "<script>alert(1)" not in text_of(response)

    assert answers == {}


@pytest.mark.parametrize("row_id", ["7", "abc", "a b", str(SOME_ID), "_00", "9" * 40])
def test_row_that_is_not_there_leads_back_to_the_start(row_id: str, admin_client: Client) -> None:
    for model in MODELS:
        response = admin_client.get(page(model, "change", row_id))

        assert (response.status_code, response.headers["Location"]) == (302, "/admin/")


def test_redirect_out_of_the_admin_is_not_offered(admin_client: Client) -> None:
    assert admin_client.get("/admin/r/7/abc/").status_code == 404


def test_direct_messages_are_not_offered_past_the_log(admin_client: Client) -> None:
    factories.DirectMessageFactory.create()
    asked = {"app_label": "chat", "model_name": "reaction", "field_name": "message"}

    response = admin_client.get("/admin/autocomplete/?" + urlencode(asked | {"conversation": "x"}))

    assert response.status_code == 404


def test_nothing_leads_to_what_may_not_be_looked_at(client: Client, operator: User) -> None:
    message = factories.MessageFactory.create()
    factories.ReactionFactory.create(message=message)
    revised = factories.MessageFactory.create(channel=message.channel, reply_to_seq=message.seq)
    Message.objects.filter(pk=revised.pk).update(content="once more")
    allow(operator, "view_message", "view_messagerevision", "view_channel")

    shown = "".join(
        text_of(client.get(url))
        for url in (
            page(Message, "changelist"),
            page(Message, "change", revised.pk),
            page(type(message.channel), "change", message.channel_id),
            page(MessageRevision, "changelist"),
        )
    )

    assert message.author is not None
    assert message.author.username in shown
    assert page(Message, "change", message.pk) in shown
    hidden: list[type[Model]] = [DirectMessage, User, Server]
    assert [model for model in hidden if page(model, "changelist") in shown] == []
    assert "who-may-see-what" not in shown
