"""Every way not to get a connection, tried for real: one message, exit code 1, no traceback."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest

from melo.embedded.server import EmbeddedServer
from melo.postgresql.errors import Attempt, Reason, unavailable
from tests.conftest import ROOT, Completed, Manage, clean_environ

PASSWORD = "hunter2"  # what must never be shown


def assert_is_one_message(done: Completed, *parts: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("DatabaseUnavailable: ")
    assert "Traceback" not in done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "Next: " in done.stderr
    for part in parts:
        assert part in done.stderr


def environ_for(server: EmbeddedServer, *, user: str, name: str = "postgres") -> dict[str, str]:
    endpoint = server.ensure_running()
    return clean_environ(
        DB_HOST=str(endpoint.socket_dir), DB_USER=user, DB_PASSWORD=PASSWORD, DB_NAME=name
    )


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextmanager
def listener_that_answers(answer: bytes) -> Iterator[int]:
    """Stand for something that is no proper server: it sends `answer`, or nothing, and waits."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                accepted.append(client)
                if answer:
                    client.recv(8)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for client in accepted:
                client.close()


def test_nothing_listens(manage: Manage) -> None:
    port = unused_port()

    done = manage("showmigrations", env=clean_environ(DB_PORT=str(port), DB_PASSWORD=PASSWORD))

    assert_is_one_message(
        done,
        f"No PostgreSQL server listens at localhost:{port}.",
        f"Tried: localhost:{port}, database melo_v2, user postgres.",
        "DB_HOST or DB_PORT",
        f"pg_isready -h localhost -p {port}",
    )


def test_no_socket_in_the_directory(manage: Manage, tmp_path: object) -> None:
    done = manage("showmigrations", env=clean_environ(DB_HOST=str(tmp_path), DB_PASSWORD=PASSWORD))

    assert_is_one_message(done, f"No PostgreSQL server listens at {tmp_path} (port 5432).")


def test_error_speaks_of_the_url_when_there_is_one(manage: Manage) -> None:
    url = f"postgres://me:{PASSWORD}@127.0.0.1:{unused_port()}/melo"

    done = manage("showmigrations", env=clean_environ(DATABASE_URL=url))

    assert_is_one_message(done, "the host or port in DATABASE_URL", "database melo, user me")
    assert "DB_HOST" not in done.stderr


def test_unknown_host(manage: Manage) -> None:
    done = manage(
        "showmigrations", env=clean_environ(DB_HOST="nosuch.invalid", DB_PASSWORD=PASSWORD)
    )

    assert_is_one_message(done, "There is no host named 'nosuch.invalid'.", "correct DB_HOST")


def test_server_that_does_not_answer(manage: Manage) -> None:
    with listener_that_answers(b"") as port:
        url = f"postgres://me:{PASSWORD}@127.0.0.1:{port}/melo?connect_timeout=2"

        done = manage("showmigrations", env=clean_environ(DATABASE_URL=url))

    assert_is_one_message(done, f"127.0.0.1:{port} did not answer in time.")


def test_server_without_encryption(manage: Manage) -> None:
    with listener_that_answers(b"N") as port:
        url = f"postgres://me:{PASSWORD}@127.0.0.1:{port}/melo?sslmode=require"

        done = manage("showmigrations", env=clean_environ(DATABASE_URL=url))

    assert_is_one_message(done, "do not agree about encryption", "sslmode")


def test_wrong_password(manage: Manage, guarded_server: EmbeddedServer) -> None:
    done = manage("showmigrations", env=environ_for(guarded_server, user="alice"))

    assert_is_one_message(
        done,
        "The server does not let 'alice' in with this password.",
        "correct DB_USER or DB_PASSWORD",
    )


def test_password_with_special_characters_lets_in(
    manage: Manage, guarded_server: EmbeddedServer
) -> None:
    host = quote(str(guarded_server.ensure_running().socket_dir), safe="")
    password = quote("p@s/s:#?%20 $", safe="")
    url = f"postgres://dora:{password}@{host}:5432/postgres?application_name=melo%20test"

    done = manage(
        "shell",
        "-v0",
        "-c",
        "from django.db import connection as c\n"
        "print(c.describe(), c.connection.info.parameter_status('application_name'), sep='|')",
        env=clean_environ(DATABASE_URL=url),
    )

    assert done.stdout.endswith("database postgres as dora|melo test\n"), done.stderr


def test_role_that_may_not_make_databases_is_told(guarded_server: EmbeddedServer) -> None:
    program = (
        "import django; django.setup()\n"
        "from django.db import connection\n"
        "from melo.postgresql.errors import DatabaseUnavailable\n"
        "try: connection.create_database()\n"
        "except DatabaseUnavailable as error: print(error)"
    )
    environ = environ_for(guarded_server, user="dora", name="wanted")
    environ |= {"DJANGO_SETTINGS_MODULE": "melo.settings", "DB_PASSWORD": "p@s/s:#?%20 $"}

    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )

    assert "Could not create the database 'wanted'." in done.stdout
    assert "permission denied to create database" in done.stdout
    assert "createdb wanted" in done.stdout


def test_missing_role(manage: Manage, guarded_server: EmbeddedServer) -> None:
    done = manage("showmigrations", env=environ_for(guarded_server, user="nobody_here"))

    assert_is_one_message(done, "The server has no role 'nobody_here'.", "createuser")


def test_missing_database(manage: Manage, guarded_server: EmbeddedServer) -> None:
    done = manage(
        "showmigrations", env=environ_for(guarded_server, user="postgres", name="nosuch_db")
    )

    assert_is_one_message(
        done,
        "The server has no database 'nosuch_db'.",
        "python manage.py migrate --create-database",
        "-U postgres nosuch_db",
    )


def test_role_that_no_rule_lets_in(manage: Manage, guarded_server: EmbeddedServer) -> None:
    done = manage("showmigrations", env=environ_for(guarded_server, user="mallory"))

    assert_is_one_message(done, "does not allow 'mallory'", "pg_hba.conf")


def test_too_many_connections(manage: Manage, guarded_server: EmbeddedServer) -> None:
    done = manage("showmigrations", env=environ_for(guarded_server, user="carol"))

    assert_is_one_message(done, "has no connection left for 'carol'", "pg_stat_activity")


@pytest.mark.parametrize("command", [["migrate"], ["dbshell"], ["check", "--database", "default"]])
def test_every_command_says_it_so(manage: Manage, command: list[str]) -> None:
    done = manage(*command, env=clean_environ(DB_PORT=str(unused_port()), DB_PASSWORD=PASSWORD))

    assert_is_one_message(done, "No PostgreSQL server listens")


WITH_MINIMUM_99 = """
import sys
from django.core.management import execute_from_command_line
from melo.postgresql.features import DatabaseFeatures
DatabaseFeatures.minimum_database_version = (99,)
execute_from_command_line(["manage.py", *sys.argv[1:]])
"""


def with_minimum_99(server: EmbeddedServer, *args: str) -> Completed:
    return subprocess.run(
        [sys.executable, "-c", WITH_MINIMUM_99, *args],
        cwd=ROOT,
        env=environ_for(server, user="postgres") | {"DJANGO_SETTINGS_MODULE": "melo.settings"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_server_that_is_too_old(guarded_server: EmbeddedServer) -> None:
    done = with_minimum_99(guarded_server, "showmigrations")

    assert_is_one_message(
        done, "(melo.E001) The server is PostgreSQL 18.", "and PostgreSQL 99 or newer"
    )


def test_check_finds_a_server_that_is_too_old(guarded_server: EmbeddedServer) -> None:
    done = with_minimum_99(guarded_server, "check", "--database", "default")

    assert done.returncode == 1
    assert "(melo.E001) The server is PostgreSQL 18." in done.stderr
    assert done.stderr.count("melo.E001") == 1
    assert "Tried:" in done.stderr
    assert "Traceback" not in done.stderr


def attempt(**instead: str) -> Attempt:
    parts = {"host": "h", "port": "5432", "user": "u", "name": "d", "variables": "DB_*"}
    return Attempt(**(parts | {"password": PASSWORD} | instead))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("FATAL:  sorry, too many clients already", Reason.TOO_MANY_CONNECTIONS),
        (
            "FATAL:  remaining connection slots are reserved for roles with privileges",
            Reason.TOO_MANY_CONNECTIONS,
        ),
        ("FATAL:  the database system is starting up", Reason.NOT_READY),
        ("FATAL:  Peer authentication failed for user", Reason.WRONG_PASSWORD),
        ("fe_sendauth: no password supplied", Reason.NO_PASSWORD),
        ("SSL error: certificate verify failed", Reason.ENCRYPTION),
    ],
)
def test_texts_that_are_hard_to_provoke(text: str, reason: Reason) -> None:
    assert unavailable(text, attempt=attempt()).reason is reason


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("Connection refused", "correct DB_REPLICA_HOSTS;"),
        ("password authentication failed", "correct the primary's user or password;"),
    ],
)
def test_replica_is_named_by_its_own_variable(text: str, remedy: str) -> None:
    error = unavailable(text, attempt=attempt(variables="DB_REPLICA_HOSTS"))

    assert remedy in str(error)


def test_text_in_another_language_is_shown_with_what_was_tried() -> None:
    said = "FATAL:  la base de données « d » n'existe pas"

    error = unavailable(said, attempt=attempt())

    assert error.reason is Reason.OTHER
    assert "Tried: h:5432, database d, user u." in str(error)
    assert said in str(error)


def test_password_in_the_text_is_struck_out() -> None:
    error = unavailable(f"FATAL: what is {PASSWORD}?", attempt=attempt())

    assert PASSWORD not in str(error)
    assert PASSWORD not in repr(attempt())
