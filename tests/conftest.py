"""What every test may use: databases of its own, and `manage.py` as a real process."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connections
from pytest_django import DjangoDbBlocker

from melo.environment.reading import VARIABLES
from tests.in_process import run_in_process
from tests.scratch import ScratchServer, connect

Completed = subprocess.CompletedProcess[str]
Manage = Callable[..., Completed]

ROOT = Path(settings.BASE_DIR)


def pytest_configure() -> None:
    """Let a ^C through to the processes that tests start.

    Whoever runs the tests in the background has it ignored, which a child inherits.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def clean_environ(**variables: str) -> dict[str, str]:
    """Return this process's environment with only these of the project's variables set.

    The others are empty and not absent, because an empty one switches off what `.env` says.
    """
    others = dict.fromkeys(VARIABLES, "")
    return {**os.environ, "PYTHONWARNINGS": "", **others, **variables}


@dataclass(frozen=True, kw_only=True)
class ScratchDatabase:
    """A database that is there for one test; `environ` leads a process to it."""

    name: str
    environ: Mapping[str, str]


@pytest.fixture(scope="session")
def scratch_server(django_db_blocker: DjangoDbBlocker) -> Iterator[ScratchServer]:
    """Where databases of a test's own are made."""
    with closing(connect("postgres", alias="maintenance")) as wrapper:
        server = ScratchServer(wrapper)
        yield server
        with django_db_blocker.unblock():
            for name in server.spare:
                server.drop(name)


@pytest.fixture
def scratch_database(
    scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[ScratchDatabase]:
    """An empty database on the server that the tests use."""
    with django_db_blocker.unblock():
        name = scratch_server.take()
        params = connections["default"].get_connection_params()
    yield ScratchDatabase(
        name=name,
        environ=clean_environ(
            DB_HOST=str(params.get("host") or ""),
            DB_PORT=str(params.get("port") or ""),
            DB_USER=str(params.get("user") or ""),
            DB_PASSWORD=str(params.get("password") or ""),
            DB_NAME=name,
        ),
    )
    with django_db_blocker.unblock():
        scratch_server.give_back(name)


@pytest.fixture
def manage(django_db_blocker: DjangoDbBlocker) -> Manage:
    """Return a function that runs `python manage.py …`, within this process, to its end."""

    def run(*args: str, env: Mapping[str, str] | None = None, input: str = "") -> Completed:  # noqa: A002
        with django_db_blocker.unblock():
            return run_in_process(*args, environ=os.environ if env is None else env, input=input)

    return run


@pytest.fixture
def manage_process() -> Manage:
    """Return a function that runs `python manage.py …` as a process of its own."""

    def run(*args: str, env: Mapping[str, str] | None = None) -> Completed:
        return subprocess.run(
            [sys.executable, "manage.py", *args],
            cwd=ROOT,
            env=dict(env) if env is not None else None,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
