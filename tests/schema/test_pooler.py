"""Migrating through PgBouncer: refused where no session is kept, and fine where one is."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.session.lock import lock_holder
from chat.schema.status.reading import is_ready
from tests.melo.conftest import open_directory
from tests.schema.conftest import ManageSituation, wait_until

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="PgBouncer is not installed (on Debian: apt-get install pgbouncer)"
)

SETTINGS = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
ignore_startup_parameters = options
default_pool_size = {size}
max_client_conn = {clients}
"""

StartPooler = Callable[..., dict[str, str]]


def is_listening(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_port() -> int:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def unprivileged(host: str) -> list[str]:
    """As whom to run: not as root, and as one who may use the server's socket."""
    if os.geteuid() != 0:
        return []
    uid = Path(host).stat().st_uid if host.startswith("/") else pwd.getpwnam("nobody").pw_uid
    return ["--user", pwd.getpwuid(uid).pw_name]


@pytest.fixture
def pooler(scratch_environ: dict[str, str]) -> Iterator[StartPooler]:
    """Starts PgBouncer before the server, and returns the environment that leads through it."""
    host = scratch_environ["SITUATION_DB_HOST"]
    with ExitStack() as stack:

        def start(*, mode: str, size: int = 5, clients: int = 20) -> dict[str, str]:
            assert PROGRAM is not None
            directory = open_directory()
            stack.callback(shutil.rmtree, directory)
            port = free_port()
            user, password = (
                scratch_environ[f"SITUATION_DB_{key}"] for key in ("USER", "PASSWORD")
            )
            users = directory / "users.txt"
            users.write_text(f'"{user}" "{password}"\n')
            settings = directory / "pgbouncer.ini"
            settings.write_text(
                SETTINGS.format(
                    host=host,
                    port=scratch_environ["SITUATION_DB_PORT"],
                    users=users,
                    listen_port=port,
                    mode=mode,
                    size=size,
                    clients=clients,
                )
            )
            process = subprocess.Popen(
                [PROGRAM, "--quiet", *unprivileged(host), str(settings)],
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            wait_until(lambda: is_listening(port))
            return {"SITUATION_DB_HOST": "127.0.0.1", "SITUATION_DB_PORT": str(port)}

        yield start


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize(
    "command",
    [
        ["migrate"],
        ["migration_reset", "--noinput"],
        ["migration_accept", "two_steps", "0001", "--reason", "none"],
    ],
    ids=lambda command: command[0],
)
def test_refused_in_transaction_mode_and_nothing_is_left(
    manage: ManageSituation,
    pooler: StartPooler,
    scratch_connection: BaseDatabaseWrapper,
    command: list[str],
    size: int,
) -> None:
    through = pooler(mode="transaction", size=size)

    result = manage(*command, situations=["two_steps"], **through)

    assert result.returncode == 1
    assert "a pooler in transaction mode is in between" in result.stderr
    assert result.stderr.endswith(
        "Use the direct port of PostgreSQL for migrations (DB_PORT), not the pooler's.\n"
    )
    # The pooler's sessions go on, and with them whatever they would hold.
    assert lock_holder(scratch_connection) is None
    assert scratch_connection.introspection.table_names() == []


def test_refused_in_transaction_mode_beside_other_clients(
    manage: ManageSituation, pooler: StartPooler, scratch_environ: dict[str, str]
) -> None:
    through = pooler(mode="transaction")
    with ExitStack() as stack:
        for _ in range(4):
            other = psycopg.connect(
                host=through["SITUATION_DB_HOST"],
                port=through["SITUATION_DB_PORT"],
                user=scratch_environ["SITUATION_DB_USER"],
                dbname=scratch_environ["SITUATION_DB_NAME"],
                autocommit=True,
            )
            stack.enter_context(closing(other))
            other.execute("SELECT 1")

        result = manage("migrate", situations=["two_steps"], **through)

    assert result.returncode == 1
    assert "a pooler in transaction mode is in between" in result.stderr


@pytest.mark.parametrize("size", [1, 5])
def test_fine_in_session_mode(
    manage: ManageSituation,
    pooler: StartPooler,
    situation: Callable[..., None],
    scratch_connection: BaseDatabaseWrapper,
    size: int,
) -> None:
    situation("two_steps")
    through = pooler(mode="session", size=size)

    up = manage("migrate", situations=["two_steps"], **through)
    is_up = is_ready(scratch_connection)
    down = manage("migrate", "two_steps", "zero", situations=["two_steps"], **through)

    assert up.returncode == 0, up.stderr
    assert is_up
    assert down.returncode == 0, down.stderr
    assert not is_ready(scratch_connection)
    wait_until(lambda: lock_holder(scratch_connection) is None)


def test_pooler_that_takes_nobody_else_is_an_error_and_not_a_guess(
    manage: ManageSituation, pooler: StartPooler, scratch_connection: BaseDatabaseWrapper
) -> None:
    through = pooler(mode="transaction", clients=1)

    result = manage("migrate", situations=["two_steps"], **through)

    assert result.returncode == 1
    assert "no more connections allowed" in result.stderr
    assert "Traceback" not in result.stderr
    assert scratch_connection.introspection.table_names() == []
