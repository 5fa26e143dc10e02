"""A real Chromium, looking at the site as it is served; what it complains of fails the test."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from chat.models import User

PASSWORD = "correct horse battery staple"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Colours are of the scheme alone, and the layout of the width alone.
LOOKS: list[tuple[Literal["light", "dark"], int]] = [("light", 1400), ("dark", 390)]


def find_browser() -> str | None:
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


@pytest.fixture(scope="module")
def browser(django_db_setup: None) -> Iterator[Browser]:
    path = find_browser()
    if path is None:
        pytest.skip("no Chromium on the PATH; on Debian: apt-get install chromium")
    # Playwright keeps a loop in this thread, and Django takes every query in it for a mistake; so
    # both end with the module.
    with pytest.MonkeyPatch.context() as environ, sync_playwright() as playwright:
        environ.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        # Without a sandbox of its own it runs as root too, and it loads nothing but our pages.
        launched = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield launched
        launched.close()


@dataclass
class Visitor:
    """Somebody at a browser; `complaints` is what the browser's console said meanwhile."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page, with what it asks for when it is there."""
        self.page.goto(self.address + path)
        self._wait_for_parts()

    def log_in(self, name: str, password: str = PASSWORD) -> None:
        self.go("/admin/login/")
        self.page.fill("#id_username", name)
        self.page.fill("#id_password", password)
        with self.page.expect_navigation():
            self.page.click("button[type=submit]")
        self._wait_for_parts()

    def _wait_for_parts(self) -> None:
        """Wait until the answer has come for each part of the page that is asked for by itself."""
        self.page.wait_for_selector("[hx-trigger=load]", state="detached")

    def is_wider_than_the_screen(self) -> bool:
        width: int = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        return width > 0

    def faults(self) -> list[str]:
        """Return what axe-core finds that is serious or worse."""
        options = {"resultTypes": ["violations"]}
        found: list[dict[str, Any]] = Axe().run(self.page, options=options).response["violations"]
        return [
            f"{fault['id']}: {fault['nodes'][0]['html']} {fault['nodes'][0]['failureSummary']}"
            for fault in found
            if fault["impact"] in {"serious", "critical"}
        ]


def open_visitor(
    browser: Browser, address: str, *, scheme: Any, width: int, height: int = 900
) -> Visitor:
    """Return somebody at a browser of their own, whose console is listened to."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": height})
    visitor = Visitor(page=context.new_page(), address=address)
    visitor.page.on(
        "console",
        lambda said: (
            visitor.complaints.append(said.text) if said.type in {"error", "warning"} else None
        ),
    )
    visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
    visitor.page.on(
        "request",
        lambda request: (
            visitor.complaints.append(f"asked outside: {request.url}")
            if not request.url.startswith((address, "data:"))
            else None
        ),
    )
    return visitor


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Callable[..., Visitor]]:
    """Return a function that opens the site: `visit(scheme="dark", width=390)`."""
    visitors: list[Visitor] = []

    def open_page(*, scheme: Any = "light", width: int = 1400) -> Visitor:
        visitors.append(open_visitor(browser, live_server.url, scheme=scheme, width=width))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.page.context.close()


@pytest.fixture
def operator(transactional_db: None) -> User:
    return User.objects.create_superuser("ada", None, PASSWORD)
