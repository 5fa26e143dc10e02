"""Output that cannot be written ends no migration, and is not told as its error."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.schema.conftest import PROJECT, ManageSituation

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(scratch_environ: dict[str, str]) -> Shell:
    """Runs a command line in which `$manage` is `manage.py`, in a process of its own."""

    def run(line: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        situation = {"SITUATIONS": "two_steps", "manage": f"{sys.executable} manage.py"}
        return subprocess.run(
            ["sh", "-c", line],
            cwd=PROJECT,
            env={**scratch_environ, **situation, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def unread(scratch_environ: dict[str, str]) -> Iterator[int]:
    """The end of a pipe that nobody reads from."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def is_applied(manage: ManageSituation) -> bool:
    return manage("migration_status", "--check", situations=["two_steps"]).returncode == 0


@pytest.mark.parametrize("options", ["", "-v 2", "--traceback"])
def test_full_disk_is_told_as_what_it_is(
    shell: Shell, manage: ManageSituation, options: str
) -> None:
    result = shell(f"$manage migrate {options} > /dev/full")

    assert is_applied(manage)
    assert result.returncode == 1
    assert "Not all of the output could be written: No space left on device." in result.stderr
    assert "Everything else was done." in result.stderr
    assert "A migration failed" not in result.stderr
    assert "Exception ignored" not in result.stderr


@pytest.mark.parametrize(
    "command", ["migrate", "migrate two_steps zero", "migration_status", "help migrate"]
)
def test_who_stops_reading_ends_nothing(
    scratch_environ: dict[str, str], manage: ManageSituation, unread: int, command: str
) -> None:
    manage("migrate", "two_steps", "0001", situations=["two_steps"])

    result = subprocess.run(
        [sys.executable, "manage.py", *command.split()],
        cwd=PROJECT,
        env={**scratch_environ, "SITUATIONS": "two_steps"},
        stdin=subprocess.DEVNULL,
        stdout=unread,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")
    assert is_applied(manage) is (command == "migrate")


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_error(shell: Shell, manage: ManageSituation, closed: str) -> None:
    up = shell(f"$manage migrate {closed}")
    was_applied = is_applied(manage)
    down = shell(f"$manage migrate two_steps zero {closed}")
    reset = shell(f"$manage migration_reset --noinput {closed}", SITUATION_FORCE_RESET="1")

    assert was_applied
    assert (up.returncode, up.stderr) == (0, "")
    assert (down.returncode, down.stderr) == (0, "")
    assert (reset.returncode, reset.stderr) == (0, "")
    assert is_applied(manage)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_terminal_gets_escapes_for_what_it_cannot_show(
    shell: Shell, scratch_connection: BaseDatabaseWrapper, encoding: str
) -> None:
    up = shell("$manage migrate", PYTHONIOENCODING=encoding)
    with scratch_connection.cursor() as cursor:
        cursor.execute('CREATE TABLE "数" ()')

    drift = shell("$manage migration_drift", PYTHONIOENCODING=encoding)
    explained = shell("$manage migration_rehearse --help", PYTHONIOENCODING=encoding)

    assert (up.returncode, up.stderr) == (0, "")
    assert drift.returncode == 4
    assert "added    table              \\u6570" in drift.stdout.replace('"', "")
    assert (explained.returncode, explained.stderr) == (0, "")
