"""What tests of the queries share."""

import pytest

from tests.services.places import READ, Harbour, make_harbour


@pytest.fixture
def harbour(db: None) -> Harbour:
    return make_harbour(everyone=READ)
