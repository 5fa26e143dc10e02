"""Every table can be looked at in the admin, by whom it is allowed to, and changed by nobody."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.core.checks import Tags, run_checks
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from chat.admin.users import UserAdmin
from chat.models import User
from tests import factories
from tests.admin.pages import MODELS, allow, make, page

pytestmark = pytest.mark.django_db

inspected = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
for_looking_only = pytest.mark.parametrize(
    "model",
    [model for model in MODELS if model.__name__ != "User"],
    ids=lambda model: model.__name__,
)


@inspected
def test_model_is_registered(model: type[Model]) -> None:
    assert admin.site.is_registered(model)


def test_mistake_in_a_page_is_found_by_the_system_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UserAdmin, "list_display", ["nowhere"])

    assert [found.id for found in run_checks(tags=[Tags.admin])] == ["admin.E108"]


@inspected
def test_list_and_row_can_be_looked_at(model: type[Model], client: Client, operator: User) -> None:
    row = make(model)
    allow(operator, f"view_{model._meta.model_name}", "read_direct_messages")

    assert client.get(page(model, "changelist")).status_code == 200
    assert client.get(page(model, "changelist"), {"q": "abc"}).status_code == 200
    assert client.get(page(model, "change", row.pk)).status_code == 200


@pytest.mark.superuser
def test_page_of_a_server_says_what_is_kept_of_it(admin_client: Client) -> None:
    server = factories.ServerFactory.create(retention_days=1234)

    shown = admin_client.get(page(type(server), "change", server.pk)).content.decode()

    assert "Retention days" in shown
    assert "1234" in shown
    assert "Legal hold at" in shown


@inspected
def test_nobody_looks_without_the_permission(
    model: type[Model], client: Client, operator: User
) -> None:
    row = make(model)

    assert client.get(page(model, "changelist")).status_code == 403
    assert client.get(page(model, "change", row.pk)).status_code == 403


@for_looking_only
def test_not_even_a_superuser_changes_a_row(model: type[Model], admin_client: Client) -> None:
    row = make(model)

    assert admin_client.get(page(model, "add")).status_code == 403
    assert admin_client.post(page(model, "change", row.pk), {}).status_code == 403
    assert admin_client.post(page(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_not_even_a_superuser_deletes_a_user(admin_client: Client) -> None:
    user = factories.UserFactory.create()

    response = admin_client.post(page(type(user), "delete", user.pk), {"post": "yes"})

    assert response.status_code == 403
    assert type(user).objects.filter(pk=user.pk).exists()


def test_user_can_be_added_and_named(admin_client: Client) -> None:
    user_model = apps.get_model("chat.User")
    password = "correct horse battery staple"

    added = admin_client.post(
        page(user_model, "add"),
        {
            "username": "ada",
            "usable_password": "true",
            "password1": password,
            "password2": password,
        },
    )
    user = user_model.objects.get(username="ada")
    changed = admin_client.post(
        page(user_model, "change", user.pk),
        {"username": "ada", "display_name": "Ada", "email": "ADA@Example.org", "kind": "human"},
    )

    assert (added.status_code, changed.status_code) == (302, 302)
    user.refresh_from_db()
    assert user.check_password(password)
    assert (user.display_name, user.email) == ("Ada", "ada@example.org")


def test_a_name_that_nobody_can_read_is_refused_in_words(admin_client: Client) -> None:
    user = factories.UserFactory.create(username="ada")

    response = admin_client.post(
        page(type(user), "change", user.pk),
        {"username": "ada", "display_name": "\u200b\u200b", "kind": "human"},
    )

    assert response.status_code == 200
    assert "A name is one line with at least one visible character." in response.content.decode()
    user.refresh_from_db()
    assert user.display_name == ""


def test_a_second_user_without_an_address_can_be_added(admin_client: Client) -> None:
    user_model = apps.get_model("chat.User")
    password = "correct horse battery staple"

    for username in ("ada", "bob"):
        admin_client.post(
            page(user_model, "add"),
            {
                "username": username,
                "usable_password": "true",
                "password1": password,
                "password2": password,
            },
        )

    without = user_model.objects.filter(email=None, username__in=["ada", "bob"])
    assert without.count() == 2


def test_operator_who_may_change_users_gives_nobody_rights(client: Client, operator: User) -> None:
    allow(operator, "view_user", "change_user")
    form = {"username": operator.username, "kind": "human", "is_staff": "on", "is_superuser": "on"}

    client.post(page(type(operator), "change", operator.pk), form)

    operator.refresh_from_db()
    assert not operator.is_superuser


def test_operator_who_may_change_users_does_not_change_a_superuser(
    client: Client, operator: User
) -> None:
    allow(operator, "view_user", "change_user")
    admin_user = factories.UserFactory.create(is_superuser=True)
    new = {"password1": "correct horse battery staple", "password2": "correct horse battery staple"}

    changed = client.post(page(type(admin_user), "change", admin_user.pk), {"username": "mine"})
    password = client.post(reverse("admin:auth_user_password_change", args=[admin_user.pk]), new)

    assert (changed.status_code, password.status_code) == (403, 403)


def test_hash_of_a_token_is_not_shown(admin_client: Client) -> None:
    session = factories.UserSessionFactory.create()

    response = admin_client.get(page(type(session), "change", session.pk))

    assert session.token_hash.hex() not in response.content.decode()
    assert "token_hash" not in response.content.decode()
