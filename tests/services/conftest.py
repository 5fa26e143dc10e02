"""What tests of the services share."""

import pytest

from tests.services.places import Harbour, make_harbour


@pytest.fixture
def harbour(db: None) -> Harbour:
    return make_harbour()
