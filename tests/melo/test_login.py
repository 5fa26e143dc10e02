"""Logging in too often with a wrong password, as a browser does it."""

import re
from datetime import timedelta
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db.models import F
from django.test import Client, override_settings

from chat.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"
BEHIND_PROXY = override_settings(IS_BEHIND_PROXY=True)


@pytest.fixture
def operator() -> User:
    return User.objects.create_superuser("ada", None, PASSWORD)


def log_in(
    client: Client,
    password: str,
    *,
    name: str = "ada",
    address: str = "203.0.113.7",
    forwarded: str = "",
) -> Any:
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    return client.post(
        "/admin/login/",
        {"username": name, "password": password},
        REMOTE_ADDR=address,
        headers=headers,
    )


def fail(client: Client, times: int, **who: str) -> list[int]:
    return [log_in(client, "wrong", **who).status_code for _ in range(times)]


def test_fifth_failure_is_told_when_to_try_again(client: Client, operator: User) -> None:
    codes = fail(client, 4)

    response = log_in(client, "wrong")

    assert codes == [200, 200, 200, 200]
    assert response.status_code == 429
    page = " ".join(response.content.decode().split())
    assert re.search(r"Try again at \d\d:\d\d UTC, in 15 minutes\.", page)
    assert response["Retry-After"] == "900"
    assert response["Cache-Control"] == "no-store"


def test_right_password_does_not_help_during_the_pause(client: Client, operator: User) -> None:
    fail(client, 5)

    response = log_in(client, PASSWORD)

    assert response.status_code == 429
    assert "_auth_user_id" not in client.session


def test_trying_during_the_pause_does_not_make_it_longer(client: Client, operator: User) -> None:
    fail(client, 5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=10))

    response = log_in(client, "wrong")

    assert 1 <= int(response["Retry-After"]) <= 300
    assert "in 5 minutes." in " ".join(response.content.decode().split())


def test_pause_ends(client: Client, operator: User) -> None:
    fail(client, 5)
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(minutes=15, seconds=1))

    assert log_in(client, PASSWORD).status_code == 302
    assert not AccessAttempt.objects.exists()


def test_another_address_is_let_in(client: Client, operator: User) -> None:
    fail(client, 5)

    assert log_in(client, PASSWORD, address="203.0.113.8").status_code == 302


def test_another_name_from_the_same_address_is_let_in(client: Client, operator: User) -> None:
    fail(client, 5, name="bob")

    assert log_in(client, PASSWORD).status_code == 302


def test_another_case_of_the_name_is_no_other_chance(client: Client, operator: User) -> None:
    fail(client, 3)
    fail(client, 2, name="ADA")

    assert log_in(client, PASSWORD, name="Ada").status_code == 429


def test_name_that_nobody_has_is_told_the_same(client: Client, operator: User) -> None:
    known, unknown = fail(client, 5), fail(client, 5, name="nobody")

    assert known == unknown == [200, 200, 200, 200, 429]


def test_logging_in_forgives_the_failures_before(client: Client, operator: User) -> None:
    fail(client, 4)
    log_in(client, PASSWORD)
    client.logout()

    assert fail(client, 4) == [200, 200, 200, 200]


def test_administrator_lets_somebody_in_again(client: Client, operator: User) -> None:
    fail(client, 5)

    call_command("axes_reset_username", "ada", verbosity=0)

    assert log_in(client, PASSWORD).status_code == 302


@BEHIND_PROXY
def test_address_is_the_one_that_the_proxy_saw(client: Client, operator: User) -> None:
    codes = [
        log_in(client, "wrong", forwarded=f"198.51.100.{lie}, 192.0.2.1").status_code
        for lie in range(5)
    ]
    elsewhere = log_in(client, PASSWORD, forwarded="192.0.2.1, 192.0.2.2")

    assert codes == [200, 200, 200, 200, 429]
    assert elsewhere.status_code == 302


@BEHIND_PROXY
def test_addresses_of_one_network_are_one_client(client: Client, operator: User) -> None:
    codes = [
        log_in(client, "wrong", forwarded=f"2001:db8:1:2::{host:x}").status_code
        for host in range(1, 6)
    ]
    elsewhere = log_in(client, PASSWORD, forwarded="2001:db8:1:3::1")

    assert codes == [200, 200, 200, 200, 429]
    assert elsewhere.status_code == 302


def test_header_says_nothing_where_no_proxy_is(client: Client, operator: User) -> None:
    codes = [log_in(client, "wrong", forwarded=f"198.51.100.{lie}").status_code for lie in range(5)]

    assert codes == [200, 200, 200, 200, 429]


@BEHIND_PROXY
@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::"),
        ("2001:db8::1", "2001:db8::"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("[::ffff:192.0.2.1]:4711", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::"),
        ("unknown", "203.0.113.7"),
        ("'; DROP TABLE users", "203.0.113.7"),
    ],
)
def test_address_is_read_as_proxies_write_it(
    client: Client, operator: User, forwarded: str, address: str
) -> None:
    fail(client, 1, forwarded=forwarded)

    assert AccessAttempt.objects.get().ip_address == address


def test_client_without_an_address_is_throttled_too(client: Client, operator: User) -> None:
    # As gunicorn's are on a socket.
    assert fail(client, 5, address="") == [200, 200, 200, 200, 429]


def test_password_is_not_kept(client: Client, operator: User) -> None:
    log_in(client, "hunter2-but-mistyped")

    kept = AccessAttempt.objects.values().get()

    assert "hunter2" not in str(kept)


def test_code_that_asks_by_itself_is_not_throttled(operator: User) -> None:
    for _ in range(6):
        authenticate(username="ada", password="wrong")

    assert authenticate(username="ada", password=PASSWORD) == operator
