"""What tests of the admin have in common: where its pages are, and who may look at them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.apps import apps
from django.contrib.auth.models import Permission
from django.urls import reverse

from tests import factories

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import Model
    from django.test import Client

    from chat.models import User

    class HasContent(Protocol):
        @property
        def content(self) -> bytes: ...


MODELS = [model for model in apps.get_app_config("chat").get_models() if model._meta.managed]


def page(model: type[Model], name: str, *args: object) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{name}", args=args)


def make(model: type[Model]) -> Model:
    row: Model = getattr(factories, f"{model.__name__}Factory").create()
    return row


def allow(user: User, *codenames: str) -> None:
    permissions = Permission.objects.filter(codename__in=codenames)
    assert len(permissions) == len(set(codenames))
    user.user_permissions.add(*permissions)


def listed(client: Client, model: type[Model], **asked: str | UUID) -> list[Model]:
    """Return the rows that a list shows."""
    response = client.get(
        page(model, "changelist"), {name: str(value) for name, value in asked.items()}
    )
    assert response.status_code == 200, response
    rows: list[Model] = response.context["cl"].result_list
    return rows


def text_of(response: HasContent) -> str:
    return response.content.decode()
