"""What tests with several connections share."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from chat.db.integrity import check_rules

# The fixtures of tests/chat for the same.
from tests.chat.conftest import connect as open_connections
from tests.chat.conftest import place, start_and_wait
from tests.concurrency.connections import Connection, connect

__all__ = ["observer", "open_connections", "other_sender", "place", "sender", "start_and_wait"]


@pytest.fixture(autouse=True)
def rules_hold_at_the_end(transactional_db: None) -> Iterator[None]:
    """Whatever the connections of a test did, what they leave breaks no rule."""
    yield
    found = check_rules(using="default", timeout=timedelta(seconds=30))
    broken = [finding for finding in found if finding.count or finding.error]
    # An erasure is its first step alone here: that no race brings anything back after it.
    assert [finding for finding in broken if finding.rule.name != "nothing_of_an_erased_user"] == []


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
