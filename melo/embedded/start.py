"""Starting the server; the caller of everything here holds the control lock."""

import subprocess
import sys
import time
from pathlib import Path

from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

import melo
from melo.embedded.accounts import Account
from melo.embedded.binaries import Binaries, binaries_for
from melo.embedded.cluster import ensure_cluster
from melo.embedded.errors import StartError
from melo.embedded.layout import PORT, Layout, ensure_socket_dir, remove_forgotten_socket_dirs
from melo.embedded.locks import FileLock
from melo.embedded.postmaster import (
    end_sessions_without_server,
    is_postgres,
    orphan_of,
    postmaster_pid,
    remove_misleading_pid_files,
    stop_process,
)
from melo.embedded.processes import ENVIRONMENT, start_detached

_START_SECONDS = 60
_POLL_SECONDS = 0.005
_ORPHANS_SECONDS = 10
_LOG_LINES_SHOWN = 8
_LOG_BYTES_KEPT = 10_000_000


def ensure_keeper(layout: Layout) -> None:
    """Start the keeper unless there is one."""
    lock = FileLock(layout.keeper_lock, create=True)
    try:
        if lock.try_exclude():
            # The lock goes to the keeper with the descriptor, so there is no moment without one.
            start_detached(
                [
                    sys.executable,
                    "-m",
                    "melo.embedded.keeper",
                    layout.data,
                    str(lock.fd),
                ],
                output=subprocess.DEVNULL,
                env=ENVIRONMENT | {"PYTHONPATH": str(Path(melo.__file__).parent.parent)},
                kept_fds=[lock.fd],
            )
    finally:
        lock.close()


def ensure_postmaster(layout: Layout, *, account: Account, socket_dir: Path) -> None:
    """Start the server where it does not run, and return when it accepts connections.

    Raises:
        EmbeddedServerError: it cannot be created or started.
    """
    if _is_answering(layout, socket_dir=socket_dir):
        return
    binaries = binaries_for(account)
    ensure_cluster(layout, binaries=binaries, account=account)
    remove_forgotten_socket_dirs(uid=account.uid)
    ensure_socket_dir(socket_dir, uid=account.uid)
    if (orphan := orphan_of(socket_dir, data_dir=layout.data)) is not None:
        stop_process(orphan, gently=False)
    if (unheard := postmaster_pid(layout.data)) is not None:
        # Its starter was killed: wait for it. Or its socket was removed: stop it.
        if _wait_until_answering(layout, socket_dir=socket_dir, pid=unheard, seconds=5):
            return
        stop_process(unheard, gently=True)
    remove_misleading_pid_files(layout.data, socket_dir=socket_dir)
    _start(layout, binaries=binaries, account=account, socket_dir=socket_dir)


def _start(layout: Layout, *, binaries: Binaries, account: Account, socket_dir: Path) -> None:
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while True:
        log_start = _trim(layout.log)
        with layout.log.open("ab") as log:
            pid = start_detached(
                [
                    binaries.program("postgres"),
                    *("-D", layout.data.resolve()),
                    *("-p", str(PORT)),
                    *_settings(socket_dir),
                ],
                output=log,
                env=ENVIRONMENT,
                options=account.subprocess_options,
            )
        if _wait_until_answering(layout, socket_dir=socket_dir, pid=pid, seconds=_START_SECONDS):
            return
        said = _since(layout.log, log_start)
        # Sessions of a server that was killed hold its memory until they end too.
        if "is still in use" not in said or time.monotonic() > deadline:
            if postmaster_pid(layout.data) is not None:
                stop_process(pid, gently=False)
            last_lines = "\n".join(said.strip().splitlines()[-_LOG_LINES_SHOWN:])
            raise StartError("did not start", output=last_lines, log=layout.log)
        end_sessions_without_server(layout.data)
        time.sleep(0.1)


def _settings(socket_dir: Path) -> list[str]:
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "max_connections": "200",
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]


def _is_answering(layout: Layout, *, socket_dir: Path) -> bool:
    # A server whose data directory was removed answers for a while; it is not the one we want.
    if postmaster_pid(layout.data) is None:
        return False
    conninfo = make_conninfo(
        "", host=str(socket_dir), port=PORT, user="postgres", dbname="postgres"
    )
    return PGconn.ping(conninfo.encode()) == Ping.OK


def _wait_until_answering(layout: Layout, *, socket_dir: Path, pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _is_answering(layout, socket_dir=socket_dir):
            return True
        if not _is_alive(pid):
            return False
        time.sleep(_POLL_SECONDS)
    return False


def _is_alive(pid: int) -> bool:
    # Between fork and exec the shell is still what runs.
    return is_postgres(pid, data_dir=None) or _is_shell(pid)


def _is_shell(pid: int) -> bool:
    if sys.platform != "linux":
        return False
    try:
        return Path("/proc", str(pid), "comm").read_text("utf-8").strip() in {"sh", "dash", "bash"}
    except OSError:
        return False


def _trim(log: Path) -> int:
    if not log.exists():
        return 0
    if log.stat().st_size > _LOG_BYTES_KEPT:
        log.replace(log.with_name(log.name + ".old"))
        return 0
    return log.stat().st_size


def _since(log: Path, position: int) -> str:
    with log.open("rb") as file:
        file.seek(position)
        return file.read().decode(errors="replace")
