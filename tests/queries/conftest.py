"""What tests of the queries share."""

from __future__ import annotations

import pytest

from tests.queries.places import Harbour, make_harbour


@pytest.fixture
def harbour(db: None) -> Harbour:
    return make_harbour()
