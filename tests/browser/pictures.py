"""`python -m tests.browser.pictures`: the README's pictures of the admin, made from made-up data.

In a database of its own on the server that the settings lead to, which is dropped at the end. The
community is always the same, and ends today: the start page shows the last thirty days.
"""

import os
import sys
from base64 import b64decode, b64encode
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "melo.settings")
# Playwright keeps a loop in this thread, and Django takes every query in it for a mistake.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402
from django.test.utils import (  # noqa: E402
    setup_databases,
    setup_test_environment,
    teardown_databases,
)
from playwright.sync_api import Browser, sync_playwright  # noqa: E402
from pytest_django.live_server_helper import LiveServer  # noqa: E402

from chat.models import User  # noqa: E402
from tests.browser.conftest import find_browser, open_visitor  # noqa: E402
from tests.browser.demo import PASSWORD, Scene, fill  # noqa: E402

PICTURES = Path(settings.BASE_DIR) / ".github" / "pictures"
MESSAGES = 20_000
SERVERS = 24
WIDTH = 1280
SEED = 2
# Text stays sharp, and a picture is a third as big as a PNG.
_QUALITY = 0.85
_RECODED = """
async ([picture, quality]) => {
    const image = await createImageBitmap(await (await fetch(picture)).blob());
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [image.width, image.height];
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", quality);
}
"""


def main() -> int:
    """Write the pictures; return 1 where there is no browser."""
    path = find_browser()
    if path is None:
        sys.stderr.write("No Chromium on the PATH; on Debian: apt-get install chromium\n")
        return 1
    connections["default"].settings_dict["TEST"]["NAME"] = "melo_pictures"
    setup_test_environment(debug=False)
    databases = setup_databases(verbosity=0, interactive=False)
    try:
        scene = fill(messages=MESSAGES, seed=SEED, servers=SERVERS)
        User.objects.create_superuser("ada", None, PASSWORD)
        server = LiveServer("localhost")
        settings.ALLOWED_HOSTS = ["localhost"]
        take(scene, address=server.url, browser_path=path)
        server.stop()
    finally:
        connections.close_all()
        teardown_databases(databases, verbosity=0)
    return 0


def take(scene: Scene, *, address: str, browser_path: str) -> None:
    """Look at the pages and write what is seen."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    pages = scene.addresses()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for name, path, scheme, height in (
            ("start", "/admin/", "light", 1060),
            ("message", pages["message"], "light", 1780),
            ("access", pages["access"], "light", 1000),
            ("schema", "/admin/schema/", "dark", 900),
        ):
            visitor = open_visitor(browser, address, scheme=scheme, width=WIDTH, height=height)
            visitor.log_in("ada")
            visitor.go(path)
            picture = visitor.page.screenshot(animations="disabled")
            visitor.page.context.close()
            (PICTURES / f"{name}.webp").write_bytes(_recoded(browser, picture))
        browser.close()


def _recoded(browser: Browser, png: bytes) -> bytes:
    page = browser.new_page()
    written = page.evaluate(
        _RECODED, [f"data:image/png;base64,{b64encode(png).decode()}", _QUALITY]
    )
    page.close()
    return b64decode(written.partition(",")[2])


if __name__ == "__main__":
    sys.exit(main())
