"""Who uses the admin in these tests."""

import pytest
from django.test import Client

from chat.models import User
from tests.factories import UserFactory


@pytest.fixture
def operator(client: Client) -> User:
    """Somebody who may use the admin, and has no right to anything in it yet."""
    user = UserFactory.create(is_staff=True)
    client.force_login(user)
    return user
