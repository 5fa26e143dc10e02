"""No page takes many statements, counts a table or skips rows by number."""

import re
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chat.models import (
    Channel,
    ChannelPermission,
    DirectMessage,
    Message,
    Role,
    ServerMember,
    User,
)
from tests import factories
from tests.admin.pages import MODELS, allow, filtered_lists, make, page

pytestmark = pytest.mark.django_db

FEWER_THAN = 12
ALL: list[type[Model]] = [*MODELS, Group]
PRIVATE = ["read_direct_messages", "read_deleted_messages"]

every_model = pytest.mark.parametrize("model", ALL, ids=lambda model: model.__name__)


@pytest.fixture(params=["superuser", "operator with every right to look"])
def looking(request: pytest.FixtureRequest, client: Client) -> Client:
    """Both kinds of people: rights are asked of the database for the second alone."""
    if request.param == "superuser":
        client.force_login(factories.UserFactory.create(is_staff=True, is_superuser=True))
        return client
    user: User = factories.UserFactory.create(is_staff=True)
    allow(user, *PRIVATE, *{f"view_{model._meta.model_name}" for model in ALL})
    client.force_login(user)
    return client


def statements(client: Client, url: str) -> list[str]:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    # Most tables have no form for a new row.
    assert response.status_code == 200 or (response.status_code == 403 and "/add/" in url), url
    # A savepoint is sent only here, where each test is a transaction already.
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


def make_some(model: type[Model]) -> list[Model]:
    if model is Group:
        return [Group.objects.create(name=f"watch {number}") for number in range(3)]
    return [make(model) for _ in range(3)]


@every_model
def test_pages_of_a_table_take_few_statements(
    model: type[Model], looking: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(admin.site.get_model_admin(model)), "list_per_page", 2)
    rows = make_some(model)
    first = page(model, "changelist")
    following = getattr(looking.get(first).context["cl"].paginator, "links", {}).get("after")
    lists = [first, *filtered_lists(model, rows[0]), *([first + following] if following else [])]
    found = [f"{first}?q=abc", f"{first}?q={rows[0].pk}"]
    others = [page(model, "change", rows[0].pk), page(model, "add")]

    sent = {url: statements(looking, url) for url in lists + found + others}

    assert {url: len(each) for url, each in sent.items() if len(each) >= FEWER_THAN} == {}
    if model is not Group:
        of_lists = [[re.sub(r"'[^']*'", "", sql) for sql in sent[url]] for url in lists]
        # None asks for each row, none counts rows or skips them.
        assert [sql for each in of_lists for sql in set(each) if each.count(sql) > 1] == []
        counting = re.compile(r"count\(|\boffset\b", re.IGNORECASE)
        assert [sql for each in of_lists for sql in each if counting.search(sql)] == []


def test_full_server_takes_few_statements(looking: Client) -> None:
    channel = factories.ChannelFactory.create()
    server = channel.server
    for _ in range(3):
        role = factories.RoleFactory.create(server=server)
        factories.MemberRoleFactory.create(role=role)
        factories.ChannelPermissionFactory.create(channel=channel, role=role)
        factories.MessageFactory.create(channel=channel)
        factories.BanFactory.create(server=server)
        factories.InviteFactory.create(server=server)
        factories.AuditLogEntryFactory.create(server=server)

    assert len(statements(looking, page(type(server), "change", server.pk))) < FEWER_THAN
    assert len(statements(looking, page(Channel, "change", channel.pk))) < FEWER_THAN
    overwrite = ChannelPermission.objects.all()[0]
    assert len(statements(looking, page(ChannelPermission, "change", overwrite.pk))) < FEWER_THAN
    assert len(statements(looking, page(Role, "change", role.pk))) < FEWER_THAN


def test_full_message_takes_few_statements(looking: Client) -> None:
    first = factories.MessageFactory.create()
    reply = factories.MessageFactory.create(channel=first.channel, reply_to_seq=first.seq)
    for number in range(3):
        Message.objects.filter(pk=reply.pk).update(content=f"version {number}")
        factories.ReactionFactory.create(message=reply, emoji=f":e{number}:")
        factories.MessageAttachmentFactory.create(message=reply, position=number)

    assert len(statements(looking, page(Message, "change", reply.pk))) < FEWER_THAN


def test_full_direct_message_takes_few_statements(looking: Client) -> None:
    first = factories.DirectMessageFactory.create()
    reply = factories.DirectMessageFactory.create(
        channel=first.channel, author=first.author, reply_to_seq=first.seq
    )
    for number in range(3):
        DirectMessage.objects.filter(pk=reply.pk).update(content=f"version {number}")
        factories.ReactionFactory.create(message=reply, emoji=f":e{number}:")
        factories.MessageAttachmentFactory.create(message=reply, position=number)

    assert len(statements(looking, page(DirectMessage, "change", reply.pk))) < FEWER_THAN


def test_user_with_much_takes_few_statements(looking: Client) -> None:
    user = factories.UserFactory.create()
    for _ in range(3):
        factories.ServerMemberFactory.create(user=user)
        factories.BanFactory.create(user=user)
        factories.UserSessionFactory.create(user=user)
    allow(user, "view_user", "view_server", "view_channel")
    group = Group.objects.create(name="watch")
    group.permissions.set(user.user_permissions.all())
    user.groups.add(group)

    assert len(statements(looking, page(type(user), "change", user.pk))) < FEWER_THAN


def test_who_may_see_what_takes_few_statements(looking: Client) -> None:
    member: ServerMember = factories.ServerMemberFactory.create()
    channel = factories.ChannelFactory.create(server=member.server)
    url = reverse("admin:who_may_see_what")

    for asked in (
        {},
        {"user": member.user.username},
        {"user": member.user.username, "server": member.server_id},
        {"user": member.user.username, "channel": channel.pk},
    ):
        assert len(statements(looking, f"{url}?{urlencode(asked)}")) < FEWER_THAN
