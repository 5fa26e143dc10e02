"""createsuperuser, and logging in as the user that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from chat.models import User

if TYPE_CHECKING:
    from pytest import MonkeyPatch  # noqa: PT013

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery staple"


def createsuperuser(username: str, email: str) -> None:
    call_command("createsuperuser", "--noinput", username=username, email=email, verbosity=0)


def test_superuser_is_made_and_can_log_in(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    createsuperuser("ada", "Ada@Example.ORG")

    user = User.objects.get()
    assert (user.username, user.email) == ("ada", "ada@example.org")
    assert user.is_staff
    assert user.is_superuser
    assert authenticate(username="ada", password=PASSWORD) == user


def test_name_is_found_in_whatever_case_it_is_typed() -> None:
    user = User.objects.create_user("ada", password=PASSWORD)

    assert authenticate(username="Ada", password=PASSWORD) == user


def test_name_that_the_database_would_refuse_is_refused_in_words() -> None:
    with pytest.raises(CommandError, match="lower-case letters"):
        createsuperuser("Ada Lovelace", "ada@example.org")

    assert not User.objects.exists()


def test_user_without_a_password_cannot_log_in() -> None:
    user = User.objects.create_user("ada")

    assert not user.has_usable_password()
    assert authenticate(username="ada", password="") is None


def test_two_users_without_an_address_are_two_users() -> None:
    User.objects.create_user("ada", "")
    User.objects.create_user("bob")

    assert User.objects.filter(email=None).count() == 2
