"""What tests with several connections share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.concurrency.connections import Connection, connect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def observer(transactional_db: None) -> Iterator[Connection]:
    """Sees only what is committed."""
    with connect() as own:
        yield own


@pytest.fixture
def sender(transactional_db: None) -> Iterator[Connection]:
    with connect() as own:
        yield own


@pytest.fixture
def other_sender(transactional_db: None) -> Iterator[Connection]:
    with connect() as own:
        yield own
