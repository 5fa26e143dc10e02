"""Every page of the admin over a made-up community, looked at by one person who stays logged in."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django import DjangoDbBlocker
from pytest_django.live_server_helper import LiveServer

from chat.admin.lists.panels import list_url
from chat.models import Message, Server, User
from tests.browser.conftest import LOOKS, Visitor, open_visitor
from tests.browser.demo import PASSWORD, Scene, fill

# Also what makes pytest-django set the database of the tests up, before the fixtures of the module.
pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def scene(browser: Browser, django_db_blocker: DjangoDbBlocker) -> Iterator[Scene]:
    """The community stays for the whole module: to make it anew for each page takes too long."""
    with django_db_blocker.unblock():
        filled = fill(messages=300, seed=2, until=datetime(2026, 10, 1, tzinfo=UTC))
        User.objects.create_superuser("ada", None, PASSWORD)
        yield filled
        call_command("flush", verbosity=0, interactive=False)
        # Within the browser's loop Django has a connection of its own, which nobody else closes.
        connections.close_all()


@pytest.fixture(scope="module")
def address(scene: Scene) -> Iterator[str]:
    server = LiveServer("localhost")
    with override_settings(ALLOWED_HOSTS=["localhost"]):
        yield server.url
    server.stop()


@pytest.fixture(scope="module", params=LOOKS, ids=["light on a desk", "dark on a phone"])
def visitor(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visitor]:
    scheme, width = request.param
    somebody = open_visitor(browser, address, scheme=scheme, width=width)
    somebody.log_in("ada")
    yield somebody
    somebody.page.context.close()


def wrong_with(visitor: Visitor, *, is_alike: bool = False) -> dict[str, object]:
    """Return what is wrong with the page that is open.

    Of pages that are alike the accessibility, which takes longest to judge, is judged in the light.
    """
    is_dark = visitor.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    found = {
        "wider than the screen": visitor.is_wider_than_the_screen(),
        "accessibility": [] if is_alike and is_dark else visitor.faults(),
        "console": list(visitor.complaints),
    }
    visitor.complaints.clear()
    return {name: what for name, what in found.items() if what}


def test_every_section_is_sound(visitor: Visitor) -> None:
    visitor.go("/admin/")
    links = visitor.page.locator("nav.chat-groups a")
    sections = [str(link.get_attribute("href")) for link in links.all()]

    wrong = {}
    for section in sections:
        visitor.go(section)
        if found := wrong_with(visitor, is_alike=True):
            wrong[section] = found

    assert wrong == {}
    # Every table, "Groups", "Who may see what" and "Schema".
    assert len(sections) == 26


def test_every_kind_of_page_is_sound(visitor: Visitor, scene: Scene) -> None:
    wrong = {}
    for name, path in scene.addresses().items():
        visitor.go(path)
        if found := wrong_with(visitor):
            wrong[name] = found

    assert wrong == {}


def test_server_is_found_and_led_through_to_what_an_author_may_do(
    visitor: Visitor, scene: Scene
) -> None:
    page = visitor.page
    visitor.go(list_url(Server))

    search(page, scene.server.name[:6])
    page.click(f"#result_list a:has-text('{scene.server.name}')")
    page.click("section[aria-label=Channels] a:has-text('#general')")
    page.fill("section[aria-label='Who may see what'] input[name=user]", scene.author.username)
    page.click("section[aria-label='Who may see what'] button")

    expect(page.locator(".chat-verdict")).to_contain_text("can see #general")
    expect(page.locator(".chat-verdict")).to_contain_text("The database gives the same answer")
    assert visitor.complaints == []


def test_message_is_found_by_its_words_and_shows_what_hangs_on_it(
    visitor: Visitor, scene: Scene
) -> None:
    page = visitor.page
    visitor.go(list_url(Message, channel=scene.channel.pk))

    search(page, "bowline ring")
    page.click("#result_list th a")

    expect(panel(page, "Earlier versions").locator("tbody tr")).to_have_count(2)
    expect(panel(page, "Reactions").locator("tbody tr")).to_have_count(8)
    expect(panel(page, "Mentions").locator("tbody tr")).to_have_count(2)
    expect(panel(page, "Attachments")).to_contain_text("knot.jpg")
    expect(panel(page, "Answers")).to_contain_text("The mooring of the Petrel has come loose.")
    assert visitor.complaints == []


def test_user_is_found_by_the_beginning_of_the_name(visitor: Visitor, scene: Scene) -> None:
    page = visitor.page
    visitor.go(list_url(User))

    search(page, scene.author.username[:8])
    page.click(f"#result_list a:has-text('{scene.author.username}')")

    servers = panel(page, "Servers, those with a timeout first")
    expect(servers).to_contain_text(scene.server.name)
    assert visitor.complaints == []


def test_lists_are_paged_there_and_back(visitor: Visitor, scene: Scene) -> None:
    page = visitor.page
    visitor.go(list_url(Message))
    first = page.locator("#result_list tbody tr").first
    newest = first.inner_text()

    page.click("nav[aria-label=Pages] a[rel=next]")
    expect(first).not_to_have_text(newest, use_inner_text=True)
    page.click("nav[aria-label=Pages] a[rel=prev]")

    expect(first).to_have_text(newest, use_inner_text=True)
    assert visitor.complaints == []


def search(page: Page, text: str) -> None:
    page.fill("#searchbar", text)
    page.press("#searchbar", "Enter")
    page.wait_for_url("**q=*")


def panel(page: Page, title: str) -> Locator:
    return page.locator(f"section[aria-label='{title}']")
