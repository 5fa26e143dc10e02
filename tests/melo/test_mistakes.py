"""Mistakes of people who are in a hurry, and what they are told."""

import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import RequestFactory, override_settings
from django.views.debug import get_exception_reporter_filter

from melo.postgresql.errors import Attempt, Reason, unavailable
from tests.conftest import ROOT, Manage, clean_environ
from tests.melo.test_environment import PRODUCTION, read, refusal

PASSWORD = "s3cr3tPW"


def test_dotenv_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    # A directory is what neither root nor anybody else can read as a file.
    (tmp_path / ".env").mkdir()

    assert ".env cannot be read" in str(refusal(tmp_path))


def test_blank_lines_of_white_space_are_blank(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("  \nDB_PORT=5999\n\t\n")

    assert read(tmp_path).database.address.port == 5999


@pytest.mark.parametrize(
    "environ",
    [{"DB_NAME": "x" * 64}, {"DATABASE_URL": f"postgres://localhost/{'x' * 64}"}],
    ids=["DB_NAME", "DATABASE_URL"],
)
def test_name_longer_than_postgresql_takes_is_refused(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    assert "has 64 bytes" in str(refusal(tmp_path, **environ))


def test_longest_name_is_taken(tmp_path: Path) -> None:
    assert read(tmp_path, DB_NAME="x" * 63).database.address.name == "x" * 63


def test_root_directory_is_no_place_for_data(tmp_path: Path) -> None:
    assert "MELO_EMBEDDED_DIR" in str(refusal(tmp_path, MELO_EMBEDDED_DIR="/"))


def test_tilde_is_the_home_directory(tmp_path: Path) -> None:
    assert read(tmp_path, MELO_EMBEDDED_DIR="~/pg").database.embedded_dir == Path.home() / "pg"


def test_every_host_is_no_host_in_production(tmp_path: Path) -> None:
    assert "Host header" in str(refusal(tmp_path, **(PRODUCTION | {"ALLOWED_HOSTS": "a.org,*"})))


def test_at_sign_between_user_and_password_is_refused_without_either(tmp_path: Path) -> None:
    text = str(refusal(tmp_path, DATABASE_URL=f"postgres://u@{PASSWORD}@localhost/d"))

    assert "its user holds an @" in text
    assert PASSWORD not in text


def test_other_scheme_is_named(tmp_path: Path) -> None:
    text = str(refusal(tmp_path, DATABASE_URL=f"mysql://u:{PASSWORD}@localhost/d"))

    assert "it begins with mysql://" in text
    assert PASSWORD not in text


def test_socket_is_asked_without_a_password_that_nobody_set(tmp_path: Path) -> None:
    assert read(tmp_path, DB_HOST="/run/postgresql").database.address.password == ""


@pytest.mark.parametrize("option", ["sslmode=bogus", "connect_timeout=x"])
def test_wrong_value_of_an_option_is_not_called_a_network_problem(
    manage: Manage, option: str
) -> None:
    url = f"postgres://postgres@localhost:5999/postgres?{option}"

    done = manage("showmigrations", env=clean_environ(DATABASE_URL=url))

    assert done.returncode == 1
    assert "A connection option has a value that it cannot have." in done.stderr
    assert "Traceback" not in done.stderr


def test_commands_to_paste_are_quoted_and_addresses_bracketed() -> None:
    tried = Attempt(
        host="::1",
        port="5432",
        user="my user",
        name="my'db",
        variables="DB_*",
        alias="archive",
        password="",
    )

    error = unavailable('FATAL:  database "my\'db" does not exist', attempt=tried)

    assert error.reason is Reason.MISSING_DATABASE
    assert "-U 'my user' 'my'\"'\"'db'`" in str(error)
    assert "`python manage.py migrate --database archive --create-database` creates" in str(error)
    assert "Tried: [::1]:5432," in str(error)


@override_settings(DEBUG=True)
def test_error_page_does_not_show_the_database_url() -> None:
    request = RequestFactory().get("/", DATABASE_URL=f"postgres://u:{PASSWORD}@h/d")

    shown = get_exception_reporter_filter(request).get_safe_request_meta(request)

    assert PASSWORD not in str(shown)


def test_interrupted_command_says_so_in_one_line() -> None:
    program = "import time; print('begun', flush=True); time.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", program],
        cwd=ROOT,
        env=clean_environ(DB_PORT="5999"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], 30)[0]
    process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=30)

    assert process.returncode == 130
    assert "Interrupted." in stderr
    assert "Traceback" not in stderr
