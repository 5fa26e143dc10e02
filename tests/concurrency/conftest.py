"""What tests with several connections share."""

from collections.abc import Iterator

import pytest

# The fixtures of tests/chat for the same.
from tests.chat.conftest import connect as open_connections
from tests.chat.conftest import place, start_and_wait
from tests.concurrency.connections import Connection, connect

__all__ = ["observer", "open_connections", "other_sender", "place", "sender", "start_and_wait"]


@pytest.fixture
def rules_left_broken() -> frozenset[str]:
    """An erasure is its first step alone here: that no race brings anything back after it."""
    return frozenset({"nothing_of_an_erased_user"})


@pytest.fixture
def observer(transactional_db: None) -> Iterator[Connection]:
    """Sees only what is committed, and as a superuser what every backend waits for."""
    with connect() as own:
        own.execute("SET ROLE NONE")
        yield own


@pytest.fixture
def sender(transactional_db: None) -> Iterator[Connection]:
    with connect() as own:
        yield own


@pytest.fixture
def other_sender(transactional_db: None) -> Iterator[Connection]:
    with connect() as own:
        yield own
