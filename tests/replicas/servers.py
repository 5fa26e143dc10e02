"""A primary and its streaming standbys, from the embedded server's programs."""

import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from melo.embedded.accounts import Account, serving_account
from melo.embedded.binaries import Binaries, binaries_for
from melo.embedded.postmaster import postmaster_pid
from melo.embedded.processes import ENVIRONMENT

_SETTINGS = """
fsync = off
unix_socket_directories = ''
max_connections = 40
wal_receiver_timeout = 3s
wal_retrieve_retry_interval = 100ms
# A query that stands in the way of what is replayed is cancelled at once.
max_standby_streaming_delay = 0
max_standby_archive_delay = 0
# What a standby has not received yet is kept for it.
wal_keep_size = 256MB
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server of its own data directory, at a port of 127.0.0.1 and of `host`."""

    data: Path
    host: str
    port: int
    binaries: Binaries
    account: Account

    def start(self) -> None:
        self.run(
            "pg_ctl",
            "start",
            "-w",
            "-s",
            "-D",
            self.data,
            "-l",
            f"{self.data}.log",
            "-o",
            f"-c port={self.port} -c listen_addresses=127.0.0.1,{self.host}",
        )

    def kill(self) -> None:
        self.run("pg_ctl", "stop", "-s", "-m", "immediate", "-D", self.data)

    def signal(self, number: int) -> None:
        """Send a signal to every process of it."""
        first = postmaster_pid(self.data)
        assert first is not None
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="utf-8")
        for process in (first, *map(int, children.split())):
            os.kill(process, number)

    def is_running(self) -> bool:
        return postmaster_pid(self.data) is not None

    def remove(self) -> None:
        if self.is_running():
            self.kill()
        shutil.rmtree(self.data)

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname=database, autocommit=True
        )

    def value(self, sql: Any) -> Any:
        with self.connect() as session:
            row = session.execute(sql).fetchone()
        assert row is not None
        return row[0]

    def standby(self, host: str = "127.0.0.1") -> "Server":
        """Make a standby of this server, and start it."""
        port = _free_port()
        own = Server(
            self.data.with_name(f"standby-{port}"), host, port, self.binaries, self.account
        )
        self.run(
            "pg_basebackup",
            "--no-sync",
            "-R",
            "-c",
            "fast",
            "-D",
            own.data,
            "-d",
            f"host=127.0.0.1 port={self.port} user=postgres",
        )
        own.start()
        return own

    def follows(self, primary: "Server") -> bool:
        """Let it replay what the primary has written, and return whether it does."""
        if not self.value("SELECT pg_is_in_recovery()"):
            return False
        self.value("SELECT pg_wal_replay_resume()")
        written = primary.value("SELECT pg_current_wal_flush_lsn()")
        try:
            self.wait_for(f"SELECT pg_last_wal_replay_lsn() >= '{written}'")
        except TimeoutError:
            return False
        return True

    def wait_for(self, sql: Any, seconds: float = 20) -> None:
        """Wait until the answer is true."""
        deadline = time.monotonic() + seconds
        while not self.value(sql):
            if time.monotonic() > deadline:
                raise TimeoutError(sql)
            time.sleep(0.05)

    def run(self, program: str, *arguments: str | Path) -> None:
        done = subprocess.run(
            [self.binaries.program(program), *arguments],
            stdin=subprocess.DEVNULL,
            # What it starts would keep a pipe open.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=ENVIRONMENT,
            check=False,
            **self.account.subprocess_options,
        )
        assert done.returncode == 0, (program, arguments)


# The message ReadyForQuery, with which a log-in ends.
_READY = b"Z\x00\x00\x00\x05I"


class Relay:
    """A port of this machine that leads to a server, and can fall silent without closing."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.is_silent_after_log_in = False
        self._silent: set[socket.socket] = set()
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def fall_silent(self) -> None:
        """Pass nothing on any more through the connections that are open."""
        self._silent.update(self._open)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for each in (self._listener, *self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.server.port))
                self._open += client, server
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if source not in self._silent:
                    target.sendall(data)
                if self.is_silent_after_log_in and _READY in data:
                    self._silent.update((source, target))
            if source not in self._silent:
                target.shutdown(socket.SHUT_RDWR)


def make_primary(directory: Path) -> Server:
    """Make a server in a directory that its user may write to, and start it."""
    account = serving_account(directory / "primary")
    own = Server(directory / "primary", "127.0.0.1", _free_port(), binaries_for(account), account)
    own.run(
        "initdb",
        "--no-sync",
        "--auth=trust",
        "--username=postgres",
        "--encoding=UTF8",
        "--locale=C",
        "-D",
        own.data,
    )
    with (own.data / "postgresql.conf").open("a") as settings:
        settings.write(_SETTINGS)
    with (own.data / "pg_hba.conf").open("a") as rules:
        rules.write("host all all samehost trust\n")
    own.start()
    return own


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
