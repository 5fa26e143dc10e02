"""The reset, run as an operator runs it: in a process, with and without a terminal."""

import fcntl
import os
import pty
import select
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.rollback.reset import plan_reset
from chat.schema.session.lock import lock_holder, migration_lock
from tests.schema.conftest import PROJECT, ManageSituation
from tests.schema.test_status import Situation, migrate, record


@pytest.fixture
def three_messages(manage: ManageSituation, scratch_connection: BaseDatabaseWrapper) -> None:
    """Both situations applied, three rows in the one and one in the other."""
    manage("migrate", situations=["two_steps", "house"])
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO two_steps_messages (content) VALUES ('a'), ('b'), ('c')")
        cursor.execute("INSERT INTO house_room (message_id) SELECT min(id) FROM two_steps_messages")


def rows(connection: BaseDatabaseWrapper) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM two_steps_messages")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def _take_terminal() -> None:
    # Without a controlling terminal ^C would be no signal.
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def on_terminal(
    environ: dict[str, str],
    *arguments: str,
    answer: bytes,
    program: Sequence[str] = ("manage.py",),
    question: bytes = b"to go on: ",
) -> tuple[int, str]:
    """Runs manage.py, or another program, on a pseudo-terminal; types `answer` at the question."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *program, *arguments],
        cwd=PROJECT,
        env={**environ, "SITUATIONS": "two_steps,house", "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509
    )
    os.close(theirs)
    seen = b""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        # A ^C between the question and the reading of its answer is lost, as it is for a person
        # with quick fingers: so type again whenever nothing happens for a while.
        if not select.select([ours], [], [], 3)[0]:
            if question in seen:
                os.write(ours, answer)
            continue
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux: the other side is closed
            break
        if question in seen + chunk and question not in seen:
            os.write(ours, answer)
        seen += chunk
    os.close(ours)
    try:
        returncode = process.wait(timeout=10)
    finally:
        process.kill()
    return returncode, seen.decode().replace("\r\n", "\n")


@pytest.mark.usefixtures("three_messages")
def test_everything_goes_down_and_up(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    before = read_catalogue(scratch_connection)

    result = manage("migration_reset", "--noinput", situations=["two_steps", "house"])

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1:] == [
        "To be rolled back, then applied again: 3",
        "  house.0001_initial",
        "  two_steps.0002_touch",
        "  two_steps.0001_initial",
        "To be lost: 4 rows in 2 tables",
        "  table    house_room                                                      1 row",
        "  table    two_steps_messages                                             3 rows",
        "Known from a trial run on this database, which was rolled back.",
        "Rolling back house",
        "Rolling back two_steps",
        "Applying everything",
        "Reset: everything that was rolled back is applied again.",
    ]
    assert rows(scratch_connection) == 0
    assert read_catalogue(scratch_connection) == before


@pytest.mark.usefixtures("three_messages")
def test_what_depends_on_an_app_goes_down_and_up_with_it(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    before = read_catalogue(scratch_connection)

    result = manage("migration_reset", "two_steps", "--noinput", situations=["two_steps", "house"])

    assert result.returncode == 0, result.stderr
    assert "  house.0001_initial\n" in result.stdout
    assert rows(scratch_connection) == 0
    assert read_catalogue(scratch_connection) == before


@pytest.mark.usefixtures("three_messages")
def test_what_an_app_depends_on_stays(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migration_reset", "house", "--noinput", situations=["two_steps", "house"])

    assert result.returncode == 0, result.stderr
    assert "two_steps" not in result.stdout
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_django_own_apps_go_down_and_up(manage: ManageSituation) -> None:
    contrib = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"]
    situations = ["two_steps", "house", *contrib]
    manage("migrate", situations=situations)

    result = manage("migration_reset", "--noinput", situations=situations)
    status = manage("migration_status", "--check", situations=situations)

    assert (result.returncode, status.returncode) == (0, 0), result.stderr + status.stderr


@pytest.mark.usefixtures("three_messages")
def test_refused_without_a_terminal_and_without_noinput(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migration_reset", situations=["two_steps", "house"])

    assert result.returncode == 3
    assert "There is no terminal to ask on." in result.stderr
    assert "--noinput" in result.stderr
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_name_typed_on_a_terminal_is_consent(
    scratch_environ: dict[str, str], scratch_connection: BaseDatabaseWrapper
) -> None:
    name = scratch_environ["SITUATION_DB_NAME"]

    returncode, seen = on_terminal(scratch_environ, "migration_reset", answer=name.encode() + b"\n")

    assert returncode == 0, seen
    assert f"Type the name of the database ({name}) to go on: " in seen
    assert seen.index("To be lost: 4 rows") < seen.index("Type the name")
    assert rows(scratch_connection) == 0


@pytest.mark.usefixtures("three_messages")
@pytest.mark.parametrize("answer", [b"yes\n", b"\x04", b"\x03"])
def test_anything_else_typed_on_a_terminal_is_refused(
    scratch_environ: dict[str, str], scratch_connection: BaseDatabaseWrapper, answer: bytes
) -> None:
    returncode, seen = on_terminal(scratch_environ, "migration_reset", answer=answer)

    assert returncode == 3, seen
    assert "Not confirmed; nothing was changed." in seen
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_refused_in_production_whatever_noinput_says(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage(
        "migration_reset",
        "--noinput",
        situations=["two_steps", "house"],
        SITUATION_MELO_ENV="production",
    )

    assert result.returncode == 3
    assert result.stdout == ""
    assert "settings.MIGRATIONS_PRODUCTION is not set to False" in result.stderr
    assert "FORCE_RESET=1" in result.stderr
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_done_in_production_with_its_override(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage(
        "migration_reset",
        "--noinput",
        situations=["two_steps", "house"],
        SITUATION_MELO_ENV="production",
        SITUATION_FORCE_RESET="1",
    )

    assert result.returncode == 0, result.stderr
    assert rows(scratch_connection) == 0


@pytest.mark.usefixtures("three_messages")
def test_override_is_no_consent(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage(
        "migration_reset",
        situations=["two_steps", "house"],
        SITUATION_MELO_ENV="production",
        SITUATION_FORCE_RESET="1",
    )

    assert result.returncode == 3
    assert "There is no terminal to ask on." in result.stderr
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_irreversible_migration_is_named_before_anything_runs(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    situations = ["two_steps", "house", "missing_down"]
    manage("migrate", situations=situations)

    result = manage("migration_reset", "--noinput", situations=situations)

    assert result.returncode == 1
    assert "\n  missing_down.0001_only: SQL file 0001_only (" in result.stderr
    assert result.stdout == ""
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_refused_when_the_database_is_ahead_of_the_code(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    record(scratch_connection, "two_steps", "0003_newer")

    result = manage("migration_reset", "--noinput", situations=["two_steps", "house"])

    assert result.returncode == 6
    assert "two_steps.0003_newer" in result.stderr
    assert rows(scratch_connection) == 3


@pytest.mark.usefixtures("three_messages")
def test_stopped_half_way_says_how_to_go_on(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    with scratch_connection.cursor() as cursor:
        cursor.execute("CREATE VIEW in_the_way AS SELECT id FROM two_steps_messages")
        cursor.execute("ALTER FUNCTION public.shout() RENAME TO renamed")

    result = manage("migration_reset", "--noinput", situations=["two_steps", "house"])

    assert result.returncode == 1
    assert "The reset stopped half way." in result.stderr
    assert "python manage.py migration_status" in result.stderr


def test_nothing_applied_is_applied_without_a_question(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    result = manage("migration_reset", situations=["two_steps"])

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1:] == [
        "Nothing is applied, so nothing is rolled back and nothing is lost.",
        "Applying everything",
        "Everything is applied for the first time.",
    ]
    assert "public.two_steps_messages" in read_catalogue(scratch_connection).of_kind(
        ObjectKind.TABLE
    )


def test_app_of_which_nothing_is_applied_is_applied_alone(manage: ManageSituation) -> None:
    manage("migrate", "two_steps", situations=["two_steps", "house"])

    result = manage("migration_reset", "house", situations=["two_steps", "house"])

    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[1:] == [
        "Of house nothing is applied, so nothing is rolled back and nothing is lost.",
        "Applying house",
        "house is applied for the first time.",
    ]


@pytest.mark.usefixtures("three_messages")
def test_nothing_is_looked_at_or_asked_while_another_holds_the_lock(
    manage: ManageSituation, scratch_connection: BaseDatabaseWrapper
) -> None:
    with migration_lock(scratch_connection, wait=timedelta(0)) as lock:
        result = manage("migration_reset", "--lock-wait", "0.2", situations=["two_steps", "house"])

    assert result.returncode == 75
    assert f"held by pid {lock.backend_pid}" in result.stdout
    assert "To be rolled back" not in result.stdout
    assert rows(scratch_connection) == 3


class _Watched(StringIO):
    """Asks with each line that is written who holds the lock."""

    def __init__(self, session: BaseDatabaseWrapper) -> None:
        super().__init__()
        self.session = session
        self.holders: list[int | None] = []

    def write(self, text: str) -> int:
        holder = lock_holder(self.session)
        self.holders.append(holder.pid if holder else None)
        return super().write(text)


def test_lock_is_held_from_the_first_line_to_the_last(
    scratch_connection: BaseDatabaseWrapper, another_session: BaseDatabaseWrapper
) -> None:
    call_command("migrate", "sessions", database="scratch", verbosity=0)
    stdout = _Watched(another_session)

    call_command(
        "migration_reset", "sessions", database="scratch", interactive=False, stdout=stdout
    )

    assert "Rolling back sessions" in stdout.getvalue()
    assert "Applying sessions" in stdout.getvalue()
    assert set(stdout.holders) == {scratch_connection.connection.info.backend_pid}
    assert lock_holder(another_session) is None


def test_dependent_comes_back_to_where_it_was(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("two_steps", "house", "house_extended")
    migrate("house_extended", "0001")

    plan = plan_reset(scratch_connection, app_label="two_steps")

    assert plan.rollbacks == (
        ("house_extended", "0001_initial"),
        ("two_steps", "0001_initial"),
    )
    assert plan.down == ("two_steps",)
    assert plan.up == (("two_steps",), ("house_extended", "0001_initial"))
