"""What tests of the services share."""

from __future__ import annotations

import pytest

from tests.services.places import Harbour, make_harbour


@pytest.fixture
def harbour(db: None) -> Harbour:
    return make_harbour()
