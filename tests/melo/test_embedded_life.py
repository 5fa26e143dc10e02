"""The embedded server lives exactly as long as somebody uses it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from melo.embedded.layout import Layout
from melo.embedded.locks import FileLock
from melo.embedded.postmaster import postmaster_pid
from melo.embedded.server import EmbeddedServer
from tests.conftest import ROOT, Manage
from tests.melo.conftest import User, embedded_environ, is_gone_within

StartUser = Callable[[], User]


def test_help_starts_and_makes_nothing(manage: Manage, data_dir: Path) -> None:
    for args in (["--help"], ["migrate", "--help"], ["makemigrations", "--help"], ["check"]):
        done = manage(*args, env=embedded_environ(data_dir, settings="melo.settings"))

        assert done.returncode == 0, done.stderr
    assert not data_dir.parent.exists()


def test_setup_of_django_starts_nothing_and_leaves_the_admin_to_its_checks(data_dir: Path) -> None:
    program = (
        "import sys, django; django.setup(); print('chat.admin' in sys.modules)\n"
        "from django.core.checks import run_checks\n"
        "run_checks(tags=['admin']); print('chat.admin' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=embedded_environ(data_dir, settings="melo.settings"),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )

    assert done.stdout == "False\nTrue\n"
    assert not data_dir.parent.exists()


def test_command_finds_its_database_made_and_leaves_no_server(
    manage_process: Manage, data_dir: Path
) -> None:
    done = manage_process(
        "shell",
        "-v0",
        "-c",
        "from django.db import connection; print(connection.describe())",
        env=embedded_environ(data_dir),
    )

    assert done.stdout.startswith("embedded PostgreSQL 18.")
    assert done.stdout.endswith(f", database melo_v2 ({data_dir})\n")
    assert done.stderr == ""
    assert postmaster_pid(data_dir) is None


def test_dbshell_is_psql_on_the_embedded_server(manage_process: Manage, data_dir: Path) -> None:
    done = manage_process(
        "dbshell",
        "--",
        "-Atc",
        "SELECT current_database(), datlocprovider, datlocale, pg_encoding_to_char(encoding), "
        "current_setting('TimeZone') FROM pg_database WHERE datname = current_database()",
        env=embedded_environ(data_dir),
    )

    assert done.stdout == "melo_v2|b|C.UTF-8|UTF8|UTC\n"
    assert done.returncode == 0
    assert postmaster_pid(data_dir) is None


def test_one_leaves_and_the_other_goes_on(start_user: StartUser, data_dir: Path) -> None:
    first, second = start_user(), start_user()
    assert first.query() == "42"
    assert second.query() == "42"

    first.leave()

    assert second.query() == "42"
    second.leave()
    assert postmaster_pid(data_dir) is None


def test_six_at_once_from_nothing(start_first_user: StartUser, data_dir: Path) -> None:
    users = [start_first_user() for _ in range(6)]
    for user in users:
        user.ask()

    assert [user.answer() for user in users] == ["42"] * 6

    for user in users:
        assert user.process.stdin
        user.process.stdin.close()
    for user in users:
        assert user.process.wait(30) == 0
    assert postmaster_pid(data_dir) is None


def test_server_of_a_killed_user_stops(start_user: StartUser, data_dir: Path) -> None:
    user = start_user()
    user.query()

    user.kill()

    assert is_gone_within(5, data_dir)


def test_killed_user_does_not_count_and_the_other_goes_on(
    start_user: StartUser, data_dir: Path
) -> None:
    victim, survivor = start_user(), start_user()
    victim.query()
    survivor.query()

    victim.kill()

    assert survivor.query() == "42"
    survivor.leave()
    assert postmaster_pid(data_dir) is None


def test_server_stops_without_its_keeper_too(start_user: StartUser, data_dir: Path) -> None:
    user = start_user()
    user.query()
    os.kill(keeper_pid(data_dir), signal.SIGKILL)

    user.leave()

    assert postmaster_pid(data_dir) is None


def test_next_user_brings_a_new_keeper(start_user: StartUser, data_dir: Path) -> None:
    first = start_user()
    first.query()
    os.kill(keeper_pid(data_dir), signal.SIGKILL)

    second = start_user()
    second.query()
    first.kill()
    second.kill()

    assert is_gone_within(5, data_dir)


def test_killed_server_comes_back_with_the_next_connection(
    start_user: StartUser, data_dir: Path
) -> None:
    first, second = start_user(), start_user()
    second.query()
    assert first.process.stdin
    first.process.stdin.write("release\n")
    first.process.stdin.flush()
    assert first.answer() == "42"
    pid = postmaster_pid(data_dir)
    assert pid

    os.kill(pid, signal.SIGKILL)

    assert first.query() == "42", first.errors()
    assert postmaster_pid(data_dir) not in {None, pid}


def test_killed_server_comes_back_although_a_session_goes_on(
    start_user: StartUser, data_dir: Path
) -> None:
    server = EmbeddedServer(data_dir)
    endpoint = server.ensure_running()
    busy = psycopg.connect(host=str(endpoint.socket_dir), user="postgres", dbname="postgres")
    busy.pgconn.send_query(b"DO $$ BEGIN LOOP END LOOP; END $$")
    pid = postmaster_pid(data_dir)
    assert pid

    os.kill(pid, signal.SIGKILL)

    assert start_user().query() == "42"
    busy.close()
    server.leave()


def test_interrupt_of_the_terminal_does_not_reach_the_server(
    start_user: StartUser, data_dir: Path
) -> None:
    user = start_user()
    user.query()
    pid = postmaster_pid(data_dir)
    assert pid

    assert os.getsid(pid) != os.getsid(user.process.pid)
    assert os.getsid(keeper_pid(data_dir)) != os.getsid(user.process.pid)


def test_stale_pid_file_with_a_number_in_use_again(start_user: StartUser, data_dir: Path) -> None:
    first = start_user()
    first.query()
    pid_file = data_dir / "postmaster.pid"
    content = pid_file.read_text()
    first.leave()
    owner = data_dir.stat().st_uid
    # PostgreSQL takes a process of another user for no server, so it has to be the same user's.
    with subprocess.Popen(
        ["/bin/sleep", "600"], user=owner if owner != os.geteuid() else None
    ) as stranger:
        pid_file.write_text(f"{stranger.pid}\n{content.partition(chr(10))[2]}")

        answer = start_user().query()

        stranger.kill()
    assert answer == "42"


def test_killed_initdb_leaves_nothing_half_made(
    start_first_user: StartUser, data_dir: Path
) -> None:
    user = start_first_user()
    user.ask()
    deadline = time.monotonic() + 10
    while not list(data_dir.parent.glob(".postgres.new-*/base")) and time.monotonic() < deadline:
        time.sleep(0.001)
    assert not data_dir.exists()
    user.kill()

    assert start_first_user().query() == "42"
    assert list(data_dir.parent.glob(".postgres.new-*")) == []


def test_removed_data_is_made_anew(
    start_user: StartUser, data_dir: Path, manage_process: Manage
) -> None:
    user = start_user()
    user.query()
    data_dir.rename(data_dir.with_name("elsewhere"))

    done = manage_process("dbshell", "--", "-Atc", "SELECT 1", env=embedded_environ(data_dir))

    assert done.stdout == "1\n", done.stderr


FORKING_PROGRAM = """
import os, sys, django
django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT 1")
connection.close()
if os.fork():
    sys.exit()  # the parent leaves first, with its atexit functions
os.setsid()
for line in sys.stdin:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        print(cursor.fetchone()[0], flush=True)
"""


@pytest.mark.usefixtures("made_data")
def test_forked_child_keeps_the_server_of_its_parent(data_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FORKING_PROGRAM],
        cwd=ROOT,
        env=embedded_environ(data_dir),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin
        assert parent.stdout
        assert parent.wait(30) == 0
        pid = postmaster_pid(data_dir)
        assert pid

        parent.stdin.write("ask\n")
        parent.stdin.flush()

        assert parent.stdout.readline() == "42\n"
        assert postmaster_pid(data_dir) == pid
    assert is_gone_within(10, data_dir)


@pytest.mark.usefixtures("made_data")
def test_forked_child_that_ends_takes_nothing_from_its_parent(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    endpoint = server.ensure_running()
    pid = os.fork()
    if pid == 0:
        server.leave()
        os._exit(0)
    os.waitpid(pid, 0)

    with psycopg.connect(
        host=str(endpoint.socket_dir), user="postgres", dbname="postgres"
    ) as session:
        assert session.execute("SELECT 42").fetchone() == (42,)
    server.leave()
    assert postmaster_pid(data_dir) is None


def keeper_pid(data_dir: Path) -> int:
    """Return the pid of the keeper: of whoever has the file of its lock open."""
    lock_path = Layout.of(data_dir).keeper_lock
    for process in Path("/proc").glob("[0-9]*"):
        try:
            targets = [entry.readlink() for entry in (process / "fd").iterdir()]
        except OSError:
            continue
        if lock_path in targets:
            return int(process.name)
    pytest.fail("there is no keeper")


def test_there_is_one_keeper(start_user: StartUser, data_dir: Path) -> None:
    start_user().query()
    start_user().query()

    lock = FileLock(Layout.of(data_dir).keeper_lock)

    assert not lock.try_exclude()
    lock.close()
    command = Path("/proc", str(keeper_pid(data_dir)), "cmdline").read_bytes()
    assert b"melo.embedded.keeper" in command
