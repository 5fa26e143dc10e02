"""Scratch databases for the tests of chat.schema, and its commands run as an operator runs them."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from chat.schema.ledger.snapshots import take_catalogue
from chat.schema.ledger.table import Event, append
from tests.in_process import run_in_process
from tests.schema.situations import write_situations
from tests.scratch import ScratchServer, open_scratch_connection

PROJECT = Path(__file__).resolve().parents[2]

ManageSituation = Callable[..., subprocess.CompletedProcess[str]]
StartSituation = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="session", autouse=True)
def situations_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the package `situations` is, which can be imported from there."""
    folder = tmp_path_factory.mktemp("situations")
    write_situations(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield folder


@pytest.fixture
def scratch_connection(
    scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker
) -> Iterator[BaseDatabaseWrapper]:
    """A connection, known to Django as `scratch`, to an empty database."""
    with django_db_blocker.unblock(), open_scratch_connection(scratch_server) as connection:
        yield connection


@pytest.fixture
def scratch_environ(
    scratch_connection: BaseDatabaseWrapper, situations_folder: Path
) -> dict[str, str]:
    """The environment with which a process of its own works on the scratch database."""
    scratch_connection.ensure_connection()
    info = scratch_connection.connection.info
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.schema.settings",
        "PYTHONPATH": str(situations_folder),
        "SITUATION_DB_HOST": info.host,
        "SITUATION_DB_PORT": str(info.port),
        "SITUATION_DB_USER": info.user,
        "SITUATION_DB_PASSWORD": info.password,
        "SITUATION_DB_NAME": info.dbname,
    }


@pytest.fixture
def manage(scratch_environ: dict[str, str]) -> ManageSituation:
    """Runs `manage.py` to its end: `manage("migrate", situations=["two_steps"])`."""

    def run(
        *arguments: str, situations: list[str], **environ: str
    ) -> subprocess.CompletedProcess[str]:
        return run_in_process(
            *arguments,
            environ={**scratch_environ, "SITUATIONS": ",".join(situations), **environ},
        )

    return run


@pytest.fixture
def start(scratch_environ: dict[str, str]) -> Iterator[StartSituation]:
    """Starts what `manage` runs, and kills what is left of it after the test."""
    with ExitStack() as stack:

        def popen(
            *arguments: str, situations: list[str], **environ: str
        ) -> "subprocess.Popen[str]":
            process = subprocess.Popen(
                [sys.executable, "manage.py", *arguments],
                cwd=PROJECT,
                env={**scratch_environ, "SITUATIONS": ",".join(situations), **environ},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield popen


@pytest.fixture
def another_session(scratch_connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """A second connection to the scratch database."""
    with closing(scratch_connection.copy()) as wrapper:
        yield wrapper


@dataclass(frozen=True, slots=True)
class EditedSituation:
    """A situation of which one may change the files: a copy that is an app from elsewhere."""

    name: str
    environ: dict[str, str]
    migrations: Path


@pytest.fixture
def edited(tmp_path: Path, situations_folder: Path) -> Callable[..., EditedSituation]:
    """Copies a situation: `edited("two_steps")`, or `edited("two_steps", into="site-packages")`."""

    def copy(name: str, *, into: str = "") -> EditedSituation:
        # A package that no other test has, for modules stay imported.
        package = f"edited_{uuid4().hex}"
        folder = tmp_path / into
        shutil.copytree(
            situations_folder / "situations" / name,
            folder / package / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
        return EditedSituation(
            name=f"{package}.{name}",
            environ={
                "PYTHONPATH": f"{folder}{os.pathsep}{situations_folder}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            migrations=folder / package / name / "migrations",
        )

    return copy


def run(connection: BaseDatabaseWrapper, script: str) -> None:
    """Do something by hand."""
    with connection.cursor() as cursor:
        cursor.execute(script)


def begin_index(connection: BaseDatabaseWrapper) -> None:
    """Record what a run of not_atomic.0003_concurrently leaves that was cut off at once."""
    append(
        connection,
        event=Event.STARTED,
        app="not_atomic",
        name="0003_concurrently",
        catalogue=take_catalogue(connection),
    )


@pytest.fixture
def from_before_the_ledger(scratch_connection: BaseDatabaseWrapper) -> BaseDatabaseWrapper:
    """A database that Django's own migrate made, as far as two_steps.0001_initial."""
    recorder = MigrationRecorder(scratch_connection)
    recorder.ensure_schema()
    recorder.record_applied("two_steps", "0001_initial")
    run(scratch_connection, "CREATE TABLE two_steps_messages (id bigserial, content text)")
    return scratch_connection


def wait_until(condition: Callable[[], object], *, seconds: float = 40) -> None:
    """Return when the condition holds; it is an error that it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture
def situation() -> Iterator[Callable[..., None]]:
    """Installs situations, and nothing else, in this process: `situation("two_steps", "house")`."""
    with ExitStack() as stack:

        def install(*names: str) -> None:
            apps = [f"situations.{name}" for name in names]
            stack.enter_context(override_settings(INSTALLED_APPS=apps))

        yield install
