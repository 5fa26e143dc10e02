"""Lists are paged by key, narrowed by what an index answers, and say how many rows there are."""

from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client
from pytest import MonkeyPatch  # noqa: PT013

from chat.admin.lists.changelist import KeysetChangeList
from chat.models import Channel, Message, Reaction, Server, ServerMember, User
from tests import factories
from tests.admin.pages import listed, page, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def pages_of_two(monkeypatch: MonkeyPatch) -> None:
    for model_admin in (Message, Reaction, Server, ServerMember, User):
        monkeypatch.setattr(type(admin.site.get_model_admin(model_admin)), "list_per_page", 2)


@pytest.fixture
def channel() -> Channel:
    """A channel with five messages in it, and one beside it with one."""
    channel: Channel = factories.ChannelFactory.create()
    factories.MessageFactory.create_batch(5, channel=channel)
    factories.MessageFactory.create(channel=factories.ChannelFactory.create(server=channel.server))
    return channel


def walk(client: Client, model: type[Model], way: str, query: str) -> list[list[Model]]:
    """Return the pages that following one kind of link shows, from `query` on."""
    pages = []
    while query:
        changelist = client.get(page(model, "changelist") + query).context["cl"]
        pages.append(list(changelist.result_list))
        query = changelist.paginator.links[way]
        assert len(pages) < 10
    return pages


def numbers(pages: list[list[Model]]) -> list[list[int]]:
    return [[message.seq for message in rows if isinstance(message, Message)] for rows in pages]


def test_pages_follow_each_other_to_the_end(admin_client: Client, channel: Channel) -> None:
    pages = walk(admin_client, Message, "after", f"?channel={channel.pk}")

    assert numbers(pages) == [[5, 4], [3, 2], [1]]


def test_pages_lead_back_to_the_beginning(admin_client: Client, channel: Channel) -> None:
    last = f"?channel={channel.pk}&after=2"

    assert numbers(walk(admin_client, Message, "before", last)) == [[1], [3, 2], [5, 4]]


def test_message_that_arrives_meanwhile_shifts_no_page(
    admin_client: Client, channel: Channel
) -> None:
    response = admin_client.get(page(Message, "changelist"), {"channel": str(channel.pk)})
    following = response.context["cl"].paginator.links["after"]
    factories.MessageFactory.create(channel=channel)

    shown = admin_client.get(page(Message, "changelist") + following).context["cl"].result_list

    assert [message.seq for message in shown] == [3, 2]


def test_order_of_two_columns_is_paged_through(admin_client: Client) -> None:
    message = factories.MessageFactory.create()
    for emoji in (":ahoy:", "❤\ufe0f", "⚓"):
        factories.ReactionFactory.create_batch(2, message=message, emoji=emoji)

    pages = walk(admin_client, Reaction, "after", f"?message={message.pk}")

    keys = [(row.emoji, row.user_id) for rows in pages for row in rows if isinstance(row, Reaction)]
    assert len(keys) == len(set(keys)) == 6


def test_order_by_a_moment_is_paged_through(admin_client: Client) -> None:
    server = factories.ServerFactory.create()
    factories.ServerMemberFactory.create_batch(4, server=server)

    pages = walk(admin_client, ServerMember, "after", f"?server={server.pk}")

    assert [len(rows) for rows in pages] == [2, 2, 1]
    assert len({row.pk for rows in pages for row in rows}) == 5


@pytest.mark.parametrize("cursor", ["x", "1,2", "", "%00", "\x00", "9" * 400])
def test_cursor_of_nowhere_leads_to_a_list(
    admin_client: Client, channel: Channel, cursor: str
) -> None:
    asked = {"channel": str(channel.pk), "after": cursor}

    response = admin_client.get(page(Message, "changelist"), asked, follow=True)

    assert response.status_code == 200


def test_whole_list_is_counted_and_a_longer_one_estimated(
    admin_client: Client, channel: Channel
) -> None:
    alone = factories.MessageFactory.create().channel
    with factories.as_superuser(), connection.cursor() as cursor:
        cursor.execute("ANALYZE messages")

    short = admin_client.get(page(Message, "changelist"), {"channel": str(alone.pk)})
    long = admin_client.get(page(Message, "changelist"), {"channel": str(channel.pk)})

    assert "1 row<" in text_of(short)
    assert "about 5 rows" in text_of(long)


@pytest.mark.parametrize(
    "condition",
    ["content__icontains", "author__password__startswith", "deleted_at__isnull", "nonsense"],
)
def test_condition_written_into_the_address_is_refused(
    admin_client: Client, condition: str
) -> None:
    assert admin_client.get(page(Message, "changelist"), {condition: "1"}).status_code == 400


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ({"author": "nobody_at_all"}, "Nobody is called “nobody_at_all”."),
        ({"channel": "pier"}, "“pier” is not an id"),
        ({"channel": str(uuid4())}, "There is no channel with the id"),
        ({"channel": str(UUID(int=0)), "only": "deleted"}, "There is no channel with the id"),
        ({"only": "deleted"}, "There is no index by Only alone"),
        ({"author": "x", "only": "deleted"}, "by Author and Only together, so"),
    ],
)
def test_what_cannot_narrow_is_said_in_words(
    admin_client: Client, channel: Channel, asked: dict[str, str], answer: str
) -> None:
    response = admin_client.get(page(Message, "changelist"), asked)

    assert response.context["cl"].result_list == []
    assert answer in text_of(response)


def test_word_that_is_no_choice_is_said(admin_client: Client) -> None:
    response = admin_client.get(page(User, "changelist"), {"only": "loud"})

    assert "“loud” is not one of staff, bots, system." in text_of(response)


@pytest.mark.parametrize("name", ["q", "author", "channel", "after"])
def test_byte_that_no_database_stores_breaks_nothing(admin_client: Client, name: str) -> None:
    response = admin_client.get(page(Message, "changelist"), {name: "\x00a"}, follow=True)

    assert response.status_code == 200


def test_messages_are_narrowed_by_the_name_of_their_author(
    admin_client: Client, channel: Channel
) -> None:
    wanted = channel.messages.all()[0]
    assert wanted.author is not None

    assert listed(admin_client, Message, author=f"@{wanted.author.username.upper()}") == [wanted]


def test_pinned_and_deleted_messages_are_found_in_their_channel(
    admin_client: Client, channel: Channel
) -> None:
    Message.objects.filter(channel=channel, seq=1).update(pinned_at="2026-01-01T00:00Z")
    Message.objects.filter(channel=channel, seq=2).update(deleted_at="2026-01-01T00:00Z")

    pinned = listed(admin_client, Message, channel=channel.pk, only="pinned")
    deleted = listed(admin_client, Message, channel=channel.pk, only="deleted")

    assert numbers([pinned, deleted]) == [[1], [2]]


def test_words_are_found_in_the_chosen_server(admin_client: Client, channel: Channel) -> None:
    found = factories.MessageFactory.create(channel=channel, content="The anchor is lost.")
    factories.MessageFactory.create(content="The anchor is lost elsewhere.")

    for chosen in ({"server": channel.server_id}, {"channel": channel.pk}):
        assert listed(admin_client, Message, q="lost anchor", **chosen) == [found]


def test_words_are_not_looked_for_everywhere(admin_client: Client, channel: Channel) -> None:
    response = admin_client.get(page(Message, "changelist"), {"q": "ahoy"})

    assert response.context["cl"].result_list == []
    assert "Choose a server or a channel" in text_of(response)


def test_message_is_found_by_its_id(admin_client: Client, channel: Channel) -> None:
    message = channel.messages.all()[0]

    assert listed(admin_client, Message, q=message.pk) == [message]


@pytest.mark.parametrize("typed", ["gra", "@Grace", "grace@"])
def test_user_is_found_by_the_beginning_of_a_name_or_an_address(
    admin_client: Client, typed: str
) -> None:
    user = factories.UserFactory.create(username="grace_h", email="grace@navy.example")
    factories.UserFactory.create(username="ngrace", email="hop.grace@navy.example")

    assert listed(admin_client, User, q=typed) == [user]


def test_staff_and_bots_are_found(admin_client: Client) -> None:
    bot = factories.UserFactory.create(kind="bot")
    helper = factories.UserFactory.create(is_staff=True)

    assert listed(admin_client, User, only="bots") == [bot]
    assert helper in listed(admin_client, User, only="staff")


def test_server_is_found_by_the_beginning_of_its_name(admin_client: Client) -> None:
    server = factories.ServerFactory.create(name="Port of Rotterdam")
    factories.ServerFactory.create(name="Rotterdam")

    assert listed(admin_client, Server, q="Port") == [server]


def test_list_that_takes_too_long_is_stopped_and_says_so(
    admin_client: Client, channel: Channel, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.admin.lists.changelist.LIST_TIMEOUT_MS", 200)
    plain = KeysetChangeList.get_ordering

    def slow(self: KeysetChangeList, *args: object) -> list[str]:
        if not self.is_stopped:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(30)")
        return plain(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(KeysetChangeList, "get_ordering", slow)

    response = admin_client.get(page(Message, "changelist"))

    assert response.context["cl"].result_list == []
    assert "Stopped after 0.2 seconds" in text_of(response)
