"""The start page, as different people see it."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import User
from tests.factories import ChannelFactory, MessageFactory, UserFactory
from tests.scratch import connect

TITLES = ["Messages per day", "Active servers", "Biggest channels", "Growth of tables"]
NO_MESSAGES_PER_DAY = "no chart of messages per day: it joins moments to messages"


def allow(user: User, *codenames: str) -> None:
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(codenames)
    user.user_permissions.add(*permissions)


@pytest.fixture
def operator(client: Client) -> User:
    """Somebody who may use the admin, and has no right to anything in it yet."""
    user: User = UserFactory.create(is_staff=True)
    client.force_login(user)
    return user


def titles(page: str) -> list[str]:
    return [title for title in TITLES if f">\n            {title}\n" in page]


def charts(page: str) -> list[Any]:
    return [json.loads(unescape(data)) for data in re.findall(r'data-value="([^"]*)"', page)]


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
@pytest.mark.django_db
def test_superuser_sees_every_chart(admin_client: Client) -> None:
    channel = ChannelFactory.create(name="general")
    MessageFactory.create_batch(3, channel=channel)

    page = admin_client.get("/admin/").content.decode()

    assert titles(page) == TITLES
    messages, servers, channels = charts(page)[:3]
    assert len(messages["labels"]) == 30
    assert messages["datasets"][0]["data"][-1] == 3
    assert servers["datasets"][0]["data"] == [1, 1, 1, 1, 1]
    assert channels["labels"] == [f"{channel.server.name} / general"[:28]]
    assert channels["datasets"][0]["data"] == [3]


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
@pytest.mark.django_db
def test_numbers_are_there_for_who_cannot_see_a_chart(admin_client: Client) -> None:
    channel = ChannelFactory.create(name="general")
    MessageFactory.create(channel=channel)

    page = admin_client.get("/admin/").content.decode()

    assert f'href="/admin/chat/channel/{channel.id}/change/"' in page
    assert 'role="img" aria-label="Messages per day. The numbers are in the table below."' in page


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("codenames", "expected"),
    [
        ([], []),
        pytest.param(
            ["view_message"],
            ["Messages per day"],
            marks=pytest.mark.one_machine(NO_MESSAGES_PER_DAY),
        ),
        (["view_server"], ["Active servers"]),
        (["view_channel"], []),
        (["view_server", "view_channel"], ["Active servers", "Biggest channels"]),
        (["view_schema"], ["Growth of tables"]),
    ],
)
def test_everybody_sees_what_they_may_look_at(
    client: Client, operator: User, codenames: list[str], expected: list[str]
) -> None:
    allow(operator, *codenames)

    response = client.get("/admin/")

    assert response.status_code == 200
    assert titles(response.content.decode()) == expected


@pytest.mark.django_db
def test_start_page_takes_at_most_twelve_statements(client: Client, operator: User) -> None:
    allow(operator, "view_message", "view_server", "view_channel", "view_schema")

    with CaptureQueriesContext(connection) as queries:
        client.get("/admin/")

    assert len(queries) <= 12


@pytest.mark.django_db
def test_warning_is_fetched_by_whom_it_concerns(client: Client, operator: User) -> None:
    before = client.get("/admin/").content.decode()
    allow(operator, "view_schema")
    after = client.get("/admin/").content.decode()

    assert "/admin/schema/" not in before
    assert 'hx-get="/admin/schema/warning/"' in after
    assert 'href="/admin/schema/"' in after


@pytest.mark.one_machine(NO_MESSAGES_PER_DAY)
@pytest.mark.superuser
@pytest.mark.django_db(transaction=True)
def test_figure_that_takes_too_long_does_not_hold_the_page(client: Client) -> None:
    client.force_login(User.objects.create_superuser("ada", None, "x"))
    blocker = connect(connections["default"].settings_dict["NAME"], alias="blocker")
    try:
        blocker.set_autocommit(False)
        with blocker.cursor() as cursor:
            cursor.execute("LOCK TABLE channel_counters IN ACCESS EXCLUSIVE MODE")
        response = client.get("/admin/")
    finally:
        blocker.close()

    assert response.status_code == 200
    page = response.content.decode()
    assert titles(page) == ["Messages per day"]
    assert "A figure took longer than two seconds" in page
