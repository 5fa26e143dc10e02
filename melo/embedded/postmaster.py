"""The server's first process: finding and stopping it.

Standard library only, because the keeper is made of this.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

_SOCKET_LOCKS = ".s.PGSQL.*.lock"
_POLL_SECONDS = 0.01
_FAST_SHUTDOWN_SECONDS = 30
_IMMEDIATE_SHUTDOWN_SECONDS = 10


def postmaster_pid(data_dir: Path) -> int | None:
    """Return the pid of the server that runs on `data_dir`, whatever a stale file says."""
    pid = _first_number(data_dir / "postmaster.pid")
    return pid if pid is not None and is_postgres(pid, data_dir=data_dir) else None


def remove_misleading_pid_files(data_dir: Path, *, socket_dir: Path) -> None:
    """Remove pid files of servers that do not run any more.

    PostgreSQL only asks whether there is a process with that pid, so it would refuse to start when
    another program, or a zombie, has it. It still notices sessions of a killed server, by the
    shared memory that they hold.
    """
    if postmaster_pid(data_dir) is None:
        (data_dir / "postmaster.pid").unlink(missing_ok=True)
        for lock_file in socket_dir.glob(_SOCKET_LOCKS):
            lock_file.unlink(missing_ok=True)


def orphan_of(socket_dir: Path, *, data_dir: Path) -> int | None:
    """Return the pid of a server that still listens although its data directory was replaced."""
    lock_files = socket_dir.glob(_SOCKET_LOCKS)
    pid = next((number for file in lock_files if (number := _first_number(file))), None)
    if pid is None or pid == postmaster_pid(data_dir):
        return None
    return pid if is_postgres(pid, data_dir=None) else None


def is_postgres(pid: int, *, data_dir: Path | None) -> bool:
    """Tell whether `pid` is a living PostgreSQL process, on `data_dir` when one is given."""
    if sys.platform == "linux":
        return _is_postgres_on_linux(pid, data_dir=data_dir)
    done = subprocess.run(  # noqa: S603 — no shell reads it
        ["/bin/ps", "-ww", "-o", "stat=,command=", "-p", str(pid)],
        capture_output=True,
        check=False,
        text=True,
        errors="replace",
    )
    state, _, command = done.stdout.strip().partition(" ")
    is_ours = data_dir is None or str(data_dir.resolve()) in command
    return "postgres" in command and not state.startswith("Z") and is_ours


def end_sessions_without_server(data_dir: Path) -> None:
    """End the sessions of a server that was killed; busy ones would go on for long.

    Linux only: elsewhere they are waited for.
    """
    if sys.platform == "linux":
        for process in Path("/proc").glob("[0-9]*"):
            if is_postgres(int(process.name), data_dir=data_dir):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(process.name), signal.SIGQUIT)


def stop_postmaster(data_dir: Path) -> bool:
    """Stop the server on `data_dir` and wait until it is gone; tell whether there was one."""
    pid = postmaster_pid(data_dir)
    if pid is None:
        return False
    stop_process(pid, gently=True)
    return True


def stop_process(pid: int, *, gently: bool) -> None:
    """Stop a server's first process and wait until it is gone.

    Fast shutdown ends sessions and writes a checkpoint; immediate shutdown leaves the work to the
    next start (https://www.postgresql.org/docs/current/server-shutdown.html).
    """
    if gently and _signal(pid, signal.SIGINT, seconds=_FAST_SHUTDOWN_SECONDS):
        return
    _signal(pid, signal.SIGQUIT, seconds=_IMMEDIATE_SHUTDOWN_SECONDS)


def _signal(pid: int, number: signal.Signals, *, seconds: float) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return True
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not is_postgres(pid, data_dir=None):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def _is_postgres_on_linux(pid: int, *, data_dir: Path | None) -> bool:
    process = Path("/proc", str(pid))
    try:
        name = (process / "comm").read_text("utf-8", "replace").strip()
        # A server works in its data directory; a zombie works nowhere and fails here.
        works_in = (process / "cwd").readlink()
    except OSError:
        return False
    return name == "postgres" and (data_dir is None or works_in == data_dir.resolve())


def _first_number(file: Path) -> int | None:
    try:
        first = file.read_text("utf-8", "replace").split("\n", 1)[0].strip()
    except OSError:
        return None
    return int(first) if first.isdecimal() and int(first) > 1 else None
