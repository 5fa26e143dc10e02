"""Accounts: making them, logging in, and who may change whose."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.contrib.messages import get_messages
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse
from pytest import MonkeyPatch  # noqa: PT013

from chat.models import User
from chat.services.users import erase_user
from tests.admin.pages import allow, page, text_of
from tests.factories import UserFactory
from tests.services.together import wait_until_blocked_by

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


def give_by_group(user: User, *codenames: str) -> None:
    group = Group.objects.create(name="readers")
    group.permissions.set(Permission.objects.filter(codename__in=codenames))
    user.groups.add(group)


def all_rights_but_one(user: User) -> None:
    allow(user, "view_user", "change_user", "read_direct_messages")


STRONGER: dict[str, tuple[dict[str, bool], Callable[[User], None]]] = {
    "superuser": ({"is_superuser": True}, lambda _: None),
    "superuser who is not active": ({"is_superuser": True, "is_active": False}, lambda _: None),
    "right of their own": ({"is_staff": True}, lambda user: allow(user, "read_direct_messages")),
    "right of a group": ({"is_staff": True}, lambda user: give_by_group(user, "view_message")),
    "one right more": ({"is_staff": True}, all_rights_but_one),
    "not active": (
        {"is_staff": True, "is_active": False},
        lambda user: give_by_group(user, "read_direct_messages"),
    ),
    "not yet of the staff": ({}, lambda user: allow(user, "read_direct_messages")),
}


@pytest.mark.parametrize("stronger", STRONGER)
def test_whoever_has_a_right_that_one_lacks_is_to_be_seen_and_not_to_be_changed(
    stronger: str, client: Client, operator: User
) -> None:
    allow(operator, "view_user", "add_user", "change_user")
    flags, give = STRONGER[stronger]
    user = UserFactory.create(username="reader", email="reader@example.org", **flags)
    give(user)
    before = User.objects.filter(pk=user.pk).values().get()
    change = page(User, "change", user.pk)
    password = reverse("admin:auth_user_password_change", args=[user.pk])
    new = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    form = {"username": "mine", "email": "mine@example.org", "kind": "human", "is_active": "on"}

    refused = [
        client.get(password),
        client.post(password, new),
        client.post(password, {"usable_password": "false", "unset-password": "1"}),
        client.post(change, form),
        client.post(change, {**form, "_save": "1", "_to_field": "id"}),
        client.post(f"{change}?_popup=1", form),
    ]
    shown = client.get(change)

    assert [response.status_code for response in refused] == [403] * 6
    assert User.objects.filter(pk=user.pk).values().get() == before
    assert shown.status_code == 200
    assert 'name="username"' not in text_of(shown)
    assert f"{user.pk}/password/" not in text_of(shown)
    assert "../password/" not in text_of(shown)


@pytest.mark.parametrize("by", ["their own", "a group"])
def test_whoever_has_no_right_that_one_lacks_is_given_a_password(
    by: str, client: Client, operator: User
) -> None:
    rights = ["view_user", "change_user", "read_direct_messages"]
    give_by_group(operator, *rights)
    colleague = UserFactory.create(is_staff=True)
    if by == "a group":
        colleague.groups.add(Group.objects.get(name="readers"))
    else:
        allow(colleague, *rights)

    for user in (colleague, UserFactory.create(), operator):
        response = client.post(
            reverse("admin:auth_user_password_change", args=[user.pk]),
            {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD},
        )

        assert response.status_code == 302
        user.refresh_from_db()
        assert user.check_password(PASSWORD)


def test_superuser_changes_everybody(admin_client: Client) -> None:
    user = UserFactory.create(is_staff=True, is_superuser=True)
    form = {"username": "ada", "kind": "human", "is_active": "on", "is_staff": "on"}

    assert admin_client.post(page(User, "change", user.pk), form).status_code == 302

    user.refresh_from_db()
    assert (user.username, user.is_superuser) == ("ada", False)


def test_account_that_was_erased_is_not_changed(admin_client: Client) -> None:
    user = UserFactory.create(username="jack")
    erase_user(actor=user, user=user)
    new = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    refused = [
        admin_client.post(page(User, "change", user.pk), {"username": "jack", "kind": "human"}),
        admin_client.post(reverse("admin:auth_user_password_change", args=[user.pk]), new),
    ]
    shown = admin_client.get(page(User, "change", user.pk))

    assert [response.status_code for response in refused] == [403, 403]
    assert shown.status_code == 200
    assert 'name="username"' not in text_of(shown)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["the account", "the password"])
def test_account_that_is_erased_while_a_form_is_sent_is_not_changed(
    admin_client: Client, what: str
) -> None:
    user = UserFactory.create(username="jack")
    change = page(User, "change", user.pk)
    form = {"username": "jack", "kind": "human"}
    if what == "the password":
        change = reverse("admin:auth_user_password_change", args=[user.pk])
        form = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    def send() -> Any:
        try:
            return admin_client.post(change, form)
        finally:
            connection.close()

    with ThreadPoolExecutor() as pool:
        with transaction.atomic():
            erase_user(actor=user, user=user)
            sent = pool.submit(send)
            wait_until_blocked_by(connection.connection)
        response = sent.result(timeout=20)

    told = [str(message) for message in get_messages(response.wsgi_request)]
    user.refresh_from_db()
    assert response.status_code == 302
    assert response.headers["Location"] == change
    assert len(told) == 1
    assert told[0].startswith("Nothing was saved")
    assert "pbkdf2" not in told[0]
    assert user.erased_at is not None
    assert not user.has_usable_password()


def test_nobody_but_a_superuser_gives_rights(client: Client, operator: User) -> None:
    rights = ("user", "group", "permission")
    allow(operator, *(f"{verb}_{what}" for what in rights for verb in ("view", "add", "change")))
    group = Group.objects.create(name="watch")
    weaker = UserFactory.create(username="weaker")
    right = Permission.objects.get(codename="view_user").pk
    given = {
        "kind": "human",
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [group.pk],
        "user_permissions": [right],
        "rights": [right],
    }
    new = {"usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}

    client.post(page(User, "change", weaker.pk), {"username": "weaker", **given})
    client.post(page(User, "change", operator.pk), {"username": operator.username, **given})
    client.post(page(User, "add"), {"username": "added", **new, **given})
    groups = [
        client.post(reverse("admin:auth_group_add"), {"name": "mine", "permissions": [right]}),
        client.post(
            reverse("admin:auth_group_change", args=[group.pk]),
            {"name": "watch", "permissions": [right]},
        ),
        client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}),
        client.post(
            reverse("admin:auth_group_changelist"),
            {"action": "delete_selected", "_selected_action": [group.pk], "post": "yes"},
        ),
    ]

    assert [response.status_code for response in groups[:3]] == [403] * 3
    assert [each.name for each in Group.objects.all()] == ["watch"]
    assert not group.permissions.exists()
    assert not Group.objects.filter(user__isnull=False).exists()
    assert not User.objects.filter(is_superuser=True).exists()
    assert list(User.objects.filter(is_staff=True)) == [operator]
    assert list(User.objects.filter(user_permissions__isnull=False).distinct()) == [operator]
    assert User.objects.filter(username="added").exists()
