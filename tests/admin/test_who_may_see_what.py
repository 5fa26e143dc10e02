"""The page that answers who may do what in a channel, and which role or overwrite says so."""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from chat.admin.pages.access_explanation import explain_access
from chat.models import Channel, ChannelPermission, Role, User
from chat.rules.permissions import Permission
from tests import factories
from tests.access.servers import random_servers
from tests.access.storage import store
from tests.admin.pages import allow, page, text_of
from tests.chat.sql import execute

pytestmark = pytest.mark.django_db

P = Permission
FAR_AWAY = datetime(2099, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Pier:
    """A channel, and a member with one role beside everyone's."""

    channel: Channel
    member: User
    everyone: Role
    deckhand: Role


@pytest.fixture
def pier() -> Pier:
    channel = factories.ChannelFactory.create(name="pier")
    server = channel.server
    everyone = factories.RoleFactory.create(
        server=server, name="member", position=0, permissions=P.VIEW_CHANNEL | P.SEND_MESSAGES
    )
    deckhand = factories.RoleFactory.create(
        server=server, name="deckhand", position=1, permissions=P.ATTACH_FILES | P.CONNECT
    )
    given = factories.MemberRoleFactory.create(role=deckhand)
    return Pier(channel=channel, member=given.user, everyone=everyone, deckhand=deckhand)


def overwrite(pier: Pier, *, allow: int = 0, deny: int = 0, **target: Role | User) -> None:
    ChannelPermission.objects.create(
        server=pier.channel.server, channel=pier.channel, allow=allow, deny=deny, **target
    )


def ask(client: Client, **asked: object) -> str:
    url = reverse("admin:who_may_see_what")
    response = client.get(url, {name: str(value) for name, value in asked.items()})
    assert response.status_code == 200
    return text_of(response)


def answer(client: Client, pier: Pier) -> str:
    shown = ask(client, user=pier.member.username, channel=pier.channel.pk)
    assert "The database gives the same answer" in shown
    return shown


def row(permission: str, held: str, because: str) -> str:
    """Return a row of the table of permissions, as the page writes it."""
    mark = "is-on" if held == "yes" else "is-off"
    return (
        f'<tr><th scope="row">{permission}</th>'
        f'<td><span class="chat-mark {mark}">{held}</span></td><td>{escape(because)}</td></tr>'
    )


def test_role_that_gives_a_permission_is_named(admin_client: Client, pier: Pier) -> None:
    shown = answer(admin_client, pier)

    assert row("Send messages", "yes", "Given by the role “member”.") in shown
    assert row("Attach files", "yes", "Given by the role “deckhand”.") in shown
    assert row("Ban members", "no", "No role gives it.") in shown


def test_overwrite_that_denies_is_named(admin_client: Client, pier: Pier) -> None:
    overwrite(pier, role=pier.everyone, deny=P.SEND_MESSAGES)

    shown = answer(admin_client, pier)

    denied = "Denied by the overwrite for “member”."
    assert row("Send messages", "no", denied) in shown
    assert row("Attach files", "no", "Cannot send messages.") in shown


def test_overwrite_for_the_member_has_the_last_word(admin_client: Client, pier: Pier) -> None:
    overwrite(pier, role=pier.everyone, deny=P.SEND_MESSAGES)
    overwrite(pier, role=pier.deckhand, deny=P.SEND_MESSAGES)
    overwrite(pier, user=pier.member, allow=P.SEND_MESSAGES)

    allowed = "Allowed by the overwrite for this member."
    assert row("Send messages", "yes", allowed) in answer(admin_client, pier)


def test_who_cannot_view_can_do_nothing(admin_client: Client, pier: Pier) -> None:
    overwrite(pier, role=pier.deckhand, deny=P.VIEW_CHANNEL)

    shown = answer(admin_client, pier)

    assert "cannot see" in shown
    assert row("Send messages", "no", "Cannot view the channel.") in shown


def test_steps_are_in_the_order_of_the_resolution(admin_client: Client, pier: Pier) -> None:
    overwrite(pier, role=pier.everyone, deny=P.SEND_MESSAGES)
    overwrite(pier, role=pier.deckhand, allow=P.SEND_MESSAGES)
    overwrite(pier, user=pier.member, deny=P.ATTACH_FILES)

    shown = answer(admin_client, pier)

    places = [
        shown.index(escape(rule))
        for rule in (
            "What everyone's role gives",
            "What a role of the member adds",
            "The channel's overwrite for everyone",
            "The channel's overwrites for the member's roles",
            "The channel's overwrite for this member",
        )
    ]
    assert places == sorted(places)


def test_owner_and_administrator_may_do_everything(admin_client: Client, pier: Pier) -> None:
    Role.objects.filter(pk=pier.deckhand.pk).update(permissions=P.ADMINISTRATOR)
    owner = pier.channel.server.owner

    assert "Administrator by the role “deckhand”." in answer(admin_client, pier)
    assert "Is the owner of the server." in ask(
        admin_client, user=owner.pk, channel=pier.channel.pk
    )


def test_timeout_is_told(admin_client: Client, pier: Pier) -> None:
    pier.member.memberships.update(timed_out_until=FAR_AWAY)

    assert row("Send messages", "no", "Is in a timeout.") in answer(admin_client, pier)


def test_thread_has_the_overwrites_of_its_parent(admin_client: Client, pier: Pier) -> None:
    overwrite(pier, role=pier.deckhand, allow=P.SEND_MESSAGES_IN_THREADS)
    thread = factories.ChannelFactory.create(
        server=pier.channel.server, parent=pier.channel, kind="thread"
    )

    shown = ask(admin_client, user=pier.member.pk, channel=thread.pk)

    assert "The database gives the same answer" in shown
    because = "In a thread it is Send messages in threads, on which “deckhand” has the last word."
    assert row("Send messages", "yes", because) in shown


@pytest.mark.parametrize(
    ("table", "obstacle"),
    [("servers", "The server was deleted."), ("channels", "The channel was deleted.")],
)
def test_what_was_deleted_is_told(
    admin_client: Client, pier: Pier, table: str, obstacle: str
) -> None:
    execute(f"UPDATE {table} SET deleted_at = now()")

    shown = answer(admin_client, pier)

    assert "cannot see" in shown
    assert obstacle in shown


def test_deleted_parent_is_told(admin_client: Client, pier: Pier) -> None:
    thread = factories.ChannelFactory.create(
        server=pier.channel.server, parent=pier.channel, kind="thread"
    )
    Channel.objects.filter(pk=pier.channel.pk).update(deleted_at=FAR_AWAY)

    shown = ask(admin_client, user=pier.member.pk, channel=thread.pk)

    assert "The channel that this thread belongs to was deleted." in shown
    assert "The database gives the same answer" in shown


def test_stranger_is_told_from_a_member(admin_client: Client, pier: Pier) -> None:
    stranger = factories.UserFactory.create(username="stranger")
    banned = factories.BanFactory.create(server=pier.channel.server).user

    told = ask(admin_client, user="stranger", channel=pier.channel.pk)
    told_of_banned = ask(admin_client, user=banned.pk, channel=pier.channel.pk)

    assert f"{stranger.username} is not a member of" in told
    assert "They are banned from it." not in told
    assert "They are banned from it." in told_of_banned


@pytest.mark.superuser
def test_answer_that_the_database_does_not_give_is_an_alarm(
    admin_client: Client, pier: Pier
) -> None:
    execute(
        "CREATE OR REPLACE FUNCTION public.channel_permissions"
        "(of_user uuid, in_space uuid, in_channel uuid) "
        "RETURNS bigint LANGUAGE sql STABLE AS 'SELECT 8192::bigint'"
    )

    shown = ask(admin_client, user=pier.member.pk, channel=pier.channel.pk)

    assert "The database gives another answer:" in shown
    assert "Manage messages (8192 instead of" in shown


@pytest.mark.parametrize("kind", ["text", "voice", "announcement", "thread", "category"])
@pytest.mark.parametrize("is_timed_out", [False, True])
def test_reading_is_confirmed_by_the_database(pier: Pier, kind: str, *, is_timed_out: bool) -> None:
    overwrite(pier, role=pier.everyone, deny=P.CONNECT | P.SEND_MESSAGES, allow=P.SPEAK)
    overwrite(pier, role=pier.deckhand, allow=P.SEND_MESSAGES_IN_THREADS | P.MANAGE_ROLES)
    parent = {"parent": pier.channel} if kind == "thread" else {}
    channel = factories.ChannelFactory.create(server=pier.channel.server, kind=kind, **parent)
    if is_timed_out:
        pier.member.memberships.update(timed_out_until=FAR_AWAY)

    reading = explain_access(
        user=pier.member,
        channel=Channel.objects.select_related("server", "parent").get(pk=channel.pk),
    )

    assert reading.is_confirmed
    assert reading.permissions & P.VIEW_CHANNEL


def test_server_and_channel_can_be_chosen(admin_client: Client, pier: Pier) -> None:
    member, server = pier.member, pier.channel.server

    servers = ask(admin_client, user=member.username)
    channels = ask(admin_client, user=member.username, server=server.pk)

    assert f"user={member.pk}&amp;server={server.pk}" in servers
    assert f"user={member.pk}&amp;channel={pier.channel.pk}" in channels


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"user": "nobody_at_all"}, "Nobody is called “nobody_at_all”."),
        ({"channel": "pier"}, "“pier” is not an id"),
        ({"user": "0" * 32}, "There is no user with the id"),
    ],
)
def test_what_is_not_there_is_said(admin_client: Client, asked: dict[str, str], told: str) -> None:
    assert told in ask(admin_client, **asked)


def test_page_takes_the_right_to_look_at_channels_and_overwrites(
    client: Client, operator: User
) -> None:
    allow(operator, "view_channel")
    assert client.get(reverse("admin:who_may_see_what")).status_code == 403

    allow(operator, "view_channelpermission")
    operator = User.objects.get(pk=operator.pk)
    assert client.get(reverse("admin:who_may_see_what")).status_code == 200


def test_page_of_a_channel_leads_here(admin_client: Client, pier: Pier) -> None:
    shown = text_of(admin_client.get(page(Channel, "change", pier.channel.pk)))

    assert f'action="{reverse("admin:who_may_see_what")}"' in shown
    assert f'name="channel" value="{pier.channel.pk}"' in shown


def test_role_shows_its_permissions_as_checked_boxes(admin_client: Client, pier: Pier) -> None:
    shown = text_of(admin_client.get(page(Role, "change", pier.deckhand.pk)))

    assert '<label><input type="checkbox" disabled checked> Attach files</label>' in shown
    assert '<label><input type="checkbox" disabled> Ban members</label>' in shown


def test_server_shows_its_roles_in_words(admin_client: Client, pier: Pier) -> None:
    shown = text_of(
        admin_client.get(page(type(pier.channel.server), "change", pier.channel.server_id))
    )

    assert "<summary>View channel, Send messages</summary>" in shown


def test_readings_are_confirmed_on_random_servers() -> None:
    servers = random_servers(seed=20240229, count=12, users=60)
    store(servers)
    pairs = [
        (member.user_id, channel.id)
        for server in servers
        for member in server.members
        for channel in server.channels
    ]
    sample = Random(20240229).sample(pairs, 400)

    readings = [
        explain_access(
            user=User.objects.get(pk=user_id),
            channel=Channel.objects.select_related("server", "parent").get(pk=channel_id),
        )
        for user_id, channel_id in sample
    ]

    wrong = [
        pair for pair, reading in zip(sample, readings, strict=True) if not reading.is_confirmed
    ]
    assert wrong == []
    assert sum(bool(reading.permissions) for reading in readings) > 100
    assert sum(not reading.permissions for reading in readings) > 30
