"""Places to write in, and connections for what two clients do at the same time."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from time import monotonic
from typing import Any

import psycopg
import pytest
from django.db import connection as django_connection

from chat.models import Channel
from tests.factories import ChannelFactory, DirectConversationFactory, ParticipantFactory
from tests.services.together import lock_waits

Connect = Callable[[], psycopg.Connection[Any]]
StartAndWait = Callable[..., "Future[Any]"]


@pytest.fixture(params=["channel", "pair", "group"])
def place(request: pytest.FixtureRequest, db: None) -> Channel:
    """Return a place to write in: a channel of a server, a pair, or a group of two."""
    if request.param == "channel":
        return ChannelFactory.create()
    place: Channel = DirectConversationFactory.create(group=request.param == "group")
    if request.param == "group":
        ParticipantFactory.create(channel=place)
    return place


@pytest.fixture
def connect(transactional_db: None) -> Iterator[Connect]:
    """Open connections of other clients to the test database; closed after the test."""
    parameters = django_connection.get_connection_params()
    with ExitStack() as stack:

        def open_one() -> psycopg.Connection[Any]:
            opened: psycopg.Connection[Any] = psycopg.connect(**parameters)
            stack.callback(opened.close)
            # A test that fails while a statement waits must not wait with it.
            opened.execute("SET statement_timeout = '60s'")
            opened.commit()
            return opened

        yield open_one


@pytest.fixture
def start_and_wait() -> Iterator[StartAndWait]:
    """Start a statement on one connection and return when it waits for the lock of another."""
    with ThreadPoolExecutor() as pool:

        def start(
            waiting: psycopg.Connection[Any],
            holder: psycopg.Connection[Any],
            statement: str,
            *params: Any,
        ) -> Future[Any]:
            future = pool.submit(waiting.execute, statement, params)
            deadline = monotonic() + 60
            while (waiting.info.backend_pid, holder.info.backend_pid) not in lock_waits():
                if wait([future], timeout=0.005).done:
                    pytest.fail(f"did not wait for anybody: {statement} ({future.exception()})")
                if monotonic() > deadline:
                    pytest.fail(f"neither ended nor waited in time: {statement}")
            return future

        yield start
