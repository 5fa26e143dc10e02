"""Who uses the admin in these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import UserFactory

if TYPE_CHECKING:
    from django.test import Client

    from chat.models import User


@pytest.fixture
def operator(client: Client) -> User:
    """Somebody who may use the admin, and has no right to anything in it yet."""
    user = UserFactory.create(is_staff=True)
    client.force_login(user)
    return user
