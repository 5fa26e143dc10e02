"""Embedded servers of the tests' own, and processes that use them."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from melo.embedded.postmaster import postmaster_pid
from melo.embedded.server import EmbeddedServer
from tests.conftest import ROOT, clean_environ

# A process that uses the server until its standard input ends, and asks it once for each line.
USER_PROGRAM = """
import sys
import django
django.setup()
from django.db import connection
for line in sys.stdin:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        print(cursor.fetchone()[0], flush=True)
    if line == "release\\n":
        connection.close()
"""


class User:
    """A process that uses an embedded server."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_PROGRAM],
            cwd=ROOT,
            env=embedded_environ(data_dir),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ask(self) -> None:
        """Send a query on its way; `answer` returns what came back."""
        assert self.process.stdin
        self.process.stdin.write("ask\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def query(self) -> str:
        self.ask()
        return self.answer()

    def errors(self) -> str:
        """Return what it said about its end, having waited for that."""
        self.process.wait(30)
        assert self.process.stderr
        return self.process.stderr.read()

    def leave(self) -> None:
        """End it the orderly way."""
        _, errors = self.process.communicate(timeout=30)
        assert self.process.returncode == 0, errors

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def embedded_environ(
    data_dir: Path, *, settings: str = "tests.melo.settings", **variables: str
) -> dict[str, str]:
    return clean_environ(
        DJANGO_SETTINGS_MODULE=settings, MELO_EMBEDDED_DIR=str(data_dir), **variables
    )


def is_gone_within(seconds: float, data_dir: Path) -> bool:
    """Tell whether the server on `data_dir` stops before the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if postmaster_pid(data_dir) is None:
            return True
        time.sleep(0.02)
    return False


def open_directory() -> Path:
    """Make a directory that every user can reach, unlike pytest's own."""
    memory = Path("/dev/shm")
    is_roomy = memory.exists() and shutil.disk_usage(memory).free > 1_000_000_000
    path = Path(tempfile.mkdtemp(dir=memory if is_roomy else "/tmp", prefix="melo-test-"))
    path.chmod(0o755)
    return path


@pytest.fixture
def open_dir() -> Iterator[Path]:
    path = open_directory()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def data_dir(open_dir: Path) -> Path:
    """A place for an embedded server, on which there is none yet."""
    return open_dir / "var" / "postgres"


@pytest.fixture(scope="session")
def made_once() -> Iterator[Path]:
    """Where there is all of a server that was used once."""
    path = open_directory()
    user = User(path / "var" / "postgres")
    assert user.query() == "42"
    user.leave()
    user.kill()
    yield path / "var"
    shutil.rmtree(path)


@pytest.fixture
def made_data(data_dir: Path, made_once: Path) -> None:
    """The data of a server at `data_dir`, for tests that need not see how it is made."""
    subprocess.run(["cp", "-a", made_once, data_dir.parent], check=True)


@pytest.fixture
def start_first_user(data_dir: Path) -> Iterator[Callable[[], User]]:
    """Return a function that starts a process that uses the server on `data_dir`."""
    users: list[User] = []

    def start() -> User:
        users.append(User(data_dir))
        return users[-1]

    yield start
    for user in users:
        user.kill()
    assert is_gone_within(10, data_dir)


@pytest.fixture
def start_user(made_data: None, start_first_user: Callable[[], User]) -> Callable[[], User]:
    """The same on a server that was used before."""
    return start_first_user


@pytest.fixture(scope="session")
def private_server() -> Iterator[EmbeddedServer]:
    """A server whose roles and rules a test may change."""
    directory = open_directory()
    server = EmbeddedServer(directory / "postgres")
    server.ensure_running()
    yield server
    server.leave()
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def guarded_server(private_server: EmbeddedServer) -> EmbeddedServer:
    """A server with roles that it does not let in, each for its own reason."""
    endpoint = private_server.ensure_running()
    with psycopg.connect(
        host=str(endpoint.socket_dir), user="postgres", dbname="postgres", autocommit=True
    ) as session:
        session.execute("CREATE ROLE alice LOGIN PASSWORD 'right'")
        session.execute("CREATE ROLE carol LOGIN CONNECTION LIMIT 0")
        session.execute("CREATE ROLE mallory LOGIN")
        session.execute("CREATE ROLE dora LOGIN PASSWORD 'p@s/s:#?%20 $'")
        (private_server.layout.data / "pg_hba.conf").write_text(
            "local all alice,dora scram-sha-256\nlocal all postgres,carol,nobody_here trust\n"
        )
        session.execute("SELECT pg_reload_conf()")
    return private_server
