"""The site as it runs in production: gunicorn, collected files, a proxy in front that ends TLS."""

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
from django.db import connections

from tests.conftest import ROOT, clean_environ
from tests.melo.test_connection_errors import unused_port
from tests.melo.test_environment import PRODUCTION

GUNICORN = [sys.executable, "-m", "gunicorn", "melo.wsgi", "--threads", "2"]
BY_TLS = {"Host": "chat.example.com", "X-Forwarded-Proto": "https"}
STRICT = {
    "base-uri 'none'",
    "connect-src 'self'",
    "default-src 'none'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "img-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
}

# What makes pytest-django set the database of the tests up, also where no other test asks for it.
pytestmark = pytest.mark.django_db


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: object) -> None:
        return None


class Site:
    """A process of its own that serves the site."""

    def __init__(self, port: int, errors: Path) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.errors = errors

    def get(self, path: str, **headers: str) -> tuple[int, Message, str]:
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.build_opener(_NoRedirect).open(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()


@pytest.fixture(scope="module")
def static_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("static")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env=clean_environ(**PRODUCTION, STATIC_ROOT=str(path)),
        check=True,
    )
    return path


@pytest.fixture(scope="module", params=["", "2"], ids=["persistent", "pool"])
def site(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    static_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Site]:
    params = connections["default"].get_connection_params()
    environ = clean_environ(
        **PRODUCTION,
        BEHIND_HTTPS_PROXY="1",
        STATIC_ROOT=str(static_root),
        DB_POOL_SIZE=request.param,
        DB_HOST=str(params.get("host") or ""),
        DB_PORT=str(params.get("port") or ""),
        DB_USER=str(params.get("user") or ""),
        DB_PASSWORD=str(params.get("password") or ""),
        DB_NAME=str(params["dbname"]),
    )
    port = unused_port()
    site = Site(port, tmp_path_factory.mktemp("site") / "errors")
    with (
        site.errors.open("w") as errors,
        subprocess.Popen(
            [*GUNICORN, "--bind", f"127.0.0.1:{port}"],
            cwd=ROOT,
            env=environ,
            stderr=errors,
        ) as process,
    ):
        try:
            _wait_for(site, process)
            yield site
        finally:
            process.terminate()


def _wait_for(site: Site, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        try:
            site.get("/healthz")
        except urllib.error.URLError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(site.errors.read_text())


def policy(headers: Message) -> set[str]:
    return {part.strip() for part in headers["Content-Security-Policy"].split(";")}


def test_probes_are_answered_by_plain_http_at_an_address(site: Site) -> None:
    health, _, alive = site.get("/healthz", Host="10.0.0.7")
    readiness, headers, ready = site.get("/readyz", Host="10.0.0.7")

    assert (health, alive) == (200, '{"status": "alive"}')
    assert (readiness, ready) == (200, '{"status": "ready"}')
    assert headers["Content-Length"] == "19"


def test_everything_else_is_moved_to_https(site: Site) -> None:
    status, headers, _ = site.get("/admin/", Host="chat.example.com")

    assert (status, headers["Location"]) == (301, "https://chat.example.com/admin/")


def test_page_says_what_browsers_may_do_with_it(site: Site) -> None:
    status, headers, _ = site.get("/admin/login/", **BY_TLS)

    assert status == 200
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains; preload"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "; Secure" in headers["Set-Cookie"]


def test_admin_may_compile_expressions_and_set_styles_and_no_more(site: Site) -> None:
    _, headers, page = site.get("/admin/login/", **BY_TLS)

    assert policy(headers) - STRICT == {
        "script-src 'self' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
    }
    assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []


@pytest.mark.parametrize("path", ["/", "/nosuch"])
def test_other_pages_may_not(site: Site, path: str) -> None:
    _, headers, _ = site.get(path, **BY_TLS)

    assert policy(headers) == STRICT


def test_files_of_the_pages_are_served_and_kept_for_good(site: Site) -> None:
    _, _, page = site.get("/admin/login/", **BY_TLS)
    paths = re.findall(r'(?:src|href)="(/static/[^"]+)"', page)

    answers = {path: site.get(path, **BY_TLS) for path in paths}

    assert len(paths) > 5
    assert {status for status, _, _ in answers.values()} == {200}
    assert {headers["Cache-Control"] for _, headers, _ in answers.values()} == {
        "max-age=315360000, public, immutable"
    }


def test_what_goes_wrong_is_written_to_stderr(site: Site) -> None:
    status, _, _ = site.get("/admin/", **{**BY_TLS, "Host": "evil.example.com"})

    assert status == 400
    assert "ERROR django.security.DisallowedHost: " in site.errors.read_text()
