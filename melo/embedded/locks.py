"""Locks by flock: who uses the server, who starts or stops it, who is its keeper.

The kernel drops a flock when the last descriptor of its open file description is closed, however
the process ends. A forked child shares the description, so nothing here ever unlocks: it closes.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":
    import fcntl


class FileLock:
    """A lock on a file, through an open file description of its own."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        self.path = path
        # Python opens with O_CLOEXEC, so no program that is started keeps the lock.
        self.fd = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0), 0o600)

    def share(self) -> None:
        """Lock shared; wait while another holds the lock exclusively."""
        fcntl.flock(self.fd, fcntl.LOCK_SH)

    def exclude(self) -> None:
        """Lock exclusively; wait while another holds the lock."""
        fcntl.flock(self.fd, fcntl.LOCK_EX)

    def try_exclude(self) -> bool:
        """Lock exclusively and return True, or return False at once if another holds the lock."""
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def is_current(self) -> bool:
        """Tell whether the path still leads to the file that is locked."""
        try:
            there = os.stat(self.path)  # noqa: PTH116 — beside fstat, the same call is clearer
        except FileNotFoundError:
            return False
        return os.path.samestat(os.fstat(self.fd), there)

    def close(self) -> None:
        """Release this process's part of the lock."""
        os.close(self.fd)


@contextmanager
def excluding(path: Path, *, create: bool = False) -> Iterator[None]:
    """Hold the lock on `path` exclusively during the block.

    When the directory was removed and created again meanwhile, it is the lock on the new file.
    """
    while True:
        lock = FileLock(path, create=create)
        lock.exclude()
        if lock.is_current():
            break
        lock.close()
    try:
        yield
    finally:
        lock.close()


def wait_until_unused(path: Path) -> None:
    """Wait until nobody holds the lock on `path`."""
    lock = FileLock(path)
    try:
        lock.exclude()
    finally:
        lock.close()


def is_unused(path: Path) -> bool:
    """Tell whether nobody holds the lock on `path`; the caller holds the control lock."""
    lock = FileLock(path)
    try:
        if lock.try_exclude():
            return True
        # It may be the keeper, who holds it for a moment and then waits for the control lock.
        # Once it can be shared that moment is over, and a second refusal comes from a user.
        lock.share()
        return lock.try_exclude()
    finally:
        lock.close()
