"""The embedded server for its users: it runs as long as a process uses it."""

import atexit
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

from melo.embedded.accounts import serving_account
from melo.embedded.errors import (
    DirectoryRefusedError,
    EmbeddedServerError,
    StartError,
    UnsupportedPlatformError,
)
from melo.embedded.layout import PORT, Layout
from melo.embedded.locks import FileLock, excluding
from melo.embedded.start import ensure_keeper, ensure_postmaster
from melo.embedded.stop import stop_if_unused


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """How to reach a server."""

    socket_dir: Path
    port: int
    user: str


class EmbeddedServer:
    """The server on one data directory.

    It starts with the first `ensure_running` of any process, and stops when the last one ends.
    """

    def __init__(self, data_dir: Path) -> None:
        self.layout = Layout.of(data_dir)
        self._mutex = threading.RLock()
        self._claim: FileLock | None = None
        self._endpoint: Endpoint | None = None

    def ensure_running(self) -> Endpoint:
        """Start the server unless it runs, use it from now on, and return how to reach it.

        Locks, in this order: the control lock (exclusive, while starting), the users lock (shared,
        until `leave` or the end of the process).

        Raises:
            EmbeddedServerError: the message says what to do.
        """
        with self._mutex:
            if self._endpoint is None:
                self._endpoint = self._start()
            return self._endpoint

    def recover(self) -> Endpoint:
        """Check that the server runs, start it if not, and return how to reach it.

        For a caller who could not connect although `ensure_running` had returned.
        """
        with self._mutex:
            self._endpoint = None
            return self.ensure_running()

    def leave(self) -> None:
        """Stop using the server; the last user stops it, and waits until it has stopped."""
        with self._mutex:
            if self._claim is None:
                return
            self._claim.close()
            self._claim = self._endpoint = None
            try:
                with excluding(self.layout.control_lock):
                    stop_if_unused(self.layout)
            except FileNotFoundError:
                return  # the directory was removed; the server notices that and stops

    def _start(self) -> Endpoint:
        if sys.platform == "win32":
            raise UnsupportedPlatformError("Windows")
        try:
            self.layout.data.parent.mkdir(parents=True, exist_ok=True)
            with excluding(self.layout.control_lock, create=True):
                return self._start_alone()
        except subprocess.SubprocessError as error:
            raise StartError("could not be started", output=str(error)) from error
        except OSError as error:
            raise DirectoryRefusedError(
                Path(error.filename or self.layout.data),
                problem=error.strerror or str(error),
                remedy="make it usable, or set MELO_EMBEDDED_DIR to another directory",
            ) from error

    def _start_alone(self) -> Endpoint:
        claim = self._claim or FileLock(self.layout.users_lock, create=True)
        if not claim.is_current():
            claim.close()
            claim = FileLock(self.layout.users_lock, create=True)
        claim.share()
        try:
            account = serving_account(self.layout.data)
            socket_dir = self.layout.socket_dir(uid=account.uid)
            # First the keeper: if we are killed now, it is there for what we have started.
            ensure_keeper(self.layout)
            ensure_postmaster(self.layout, account=account, socket_dir=socket_dir)
        except BaseException:
            claim.close()
            self._claim = None
            raise
        self._claim = claim
        return Endpoint(socket_dir=socket_dir, port=PORT, user="postgres")

    def _after_fork(self) -> None:
        # The claim is shared with the parent and stays; a mutex that was held would stay so too.
        self._mutex = threading.RLock()


_servers: dict[Path, EmbeddedServer] = {}
_servers_mutex = threading.Lock()


def embedded_server(data_dir: Path) -> EmbeddedServer:
    """Return this process's server object for `data_dir`, which leaves when the process ends."""
    server = EmbeddedServer(data_dir)
    with _servers_mutex:
        return _servers.setdefault(server.layout.data, server)


def _leave_all() -> None:
    for server in _servers.values():
        try:
            server.leave()
        except (EmbeddedServerError, OSError):
            continue  # the keeper stops what we could not


def _after_fork_in_child() -> None:
    global _servers_mutex  # noqa: PLW0603 — the parent's threads do not exist here
    _servers_mutex = threading.Lock()
    for server in _servers.values():
        server._after_fork()  # noqa: SLF001 — the same module


atexit.register(_leave_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
