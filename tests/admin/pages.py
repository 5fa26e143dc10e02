"""What tests of the admin have in common: where its pages are, and who may look at them."""

from typing import Protocol
from urllib.parse import urlencode
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from chat.models import ChannelCounter, InviteCode, ReadRange, User
from tests import factories


class HasContent(Protocol):
    @property
    def content(self) -> bytes: ...


# A counter is shown with its channel, a code with its invite; the first has a composite key, of
# which Django's admin knows nothing. A range is for those who count.
WITHOUT_PAGE = {ChannelCounter, InviteCode, ReadRange}
MODELS = [
    model
    for model in apps.get_app_config("chat").get_models()
    if model._meta.managed and model not in WITHOUT_PAGE
]


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


def filtered_lists(model: type[Model], row: Model) -> list[str]:
    """Return the address of the list under each combination of filters, as of a row."""
    model_admin = admin.site.get_model_admin(model)
    values = {
        "server": getattr(row, "server_id", None) or getattr(row, "space_id", None),
        "channel": getattr(row, "channel_id", None),
        "role": getattr(row, "role_id", None),
        "user": getattr(row, "user_id", None),
        "author": getattr(row, "author_id", None),
        "uploader": getattr(row, "uploader_id", None),
        "message": getattr(row, "message_id", None),
        "conversation": getattr(row, "channel_id", None),
        "target": row.pk,
        "only": next(
            (value for filter_ in getattr(model_admin, "filters", ()) for value in filter_.choices),
            None,
        ),
    }
    somebody = factories.UserFactory.create().username
    return [
        page(model, "changelist")
        + "?"
        + urlencode({name: values.get(name) or somebody for name in scope})
        for scope in getattr(model_admin, "indexed_orders", {})
    ]


def text_of(response: HasContent) -> str:
    return response.content.decode()
