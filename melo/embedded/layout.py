"""Where the files of one embedded server are."""

import contextlib
import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from melo.embedded.errors import DirectoryRefusedError

# Not tempfile's: that can be long, and a socket's path may have 107 bytes (103 on macOS).
_SOCKET_PARENT = Path("/tmp")  # noqa: S108 — the directory made in it is private and checked
_DIGEST_DIGITS = 16
_FORGOTTEN_SECONDS = 60 * 60
PORT = 5432


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The paths that belong to one data directory; all but the sockets are beside it."""

    data: Path

    @classmethod
    def of(cls, data_dir: Path) -> "Layout":
        """Return the layout for `data_dir`, which may be a link and need not exist."""
        absolute = data_dir.absolute()
        return cls(data=absolute.parent.resolve() / absolute.name)

    @property
    def log(self) -> Path:
        """The server's log."""
        return self._beside(".log")

    @property
    def users_lock(self) -> Path:
        """Held shared by every process that uses the server."""
        return self._beside(".users.lock")

    @property
    def control_lock(self) -> Path:
        """Held exclusively by the process that starts or stops the server."""
        return self._beside(".control.lock")

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper, so that there is only one."""
        return self._beside(".keeper.lock")

    @property
    def digest(self) -> str:
        """A short name for this data directory."""
        return hashlib.sha256(os.fsencode(self.data)).hexdigest()[:_DIGEST_DIGITS]

    def socket_dir(self, *, uid: int) -> Path:
        """Return the directory of the server's socket, for a server that runs as `uid`."""
        return _SOCKET_PARENT / f"melo-{uid}-{self.digest}"

    def _beside(self, suffix: str) -> Path:
        return self.data.with_name(self.data.name + suffix)


def remove_forgotten_socket_dirs(*, uid: int) -> None:
    """Remove the empty directories that servers of `uid` whose keepers were killed have left.

    One with a socket in it is in use or will be used again. One that is young may belong to a
    server that starts just now, which takes seconds.
    """
    for path in _SOCKET_PARENT.glob(f"melo-{uid}-{'[0-9a-f]' * _DIGEST_DIGITS}"):
        with contextlib.suppress(OSError):  # somebody else's, not empty, or gone already
            seen = path.lstat()
            is_old = time.time() - seen.st_mtime > _FORGOTTEN_SECONDS
            if seen.st_uid == uid and stat.S_ISDIR(seen.st_mode) and is_old:
                path.rmdir()


def ensure_socket_dir(path: Path, *, uid: int) -> None:
    """Create the private directory for the socket, or check that the existing one is private.

    Raises:
        DirectoryRefusedError: it is another user's, or others may enter it.
    """
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        pass
    else:
        if uid != os.geteuid():
            os.chown(path, uid, -1, follow_symlinks=False)
    seen = path.lstat()
    is_directory = path.is_dir() and not path.is_symlink()
    if not is_directory or seen.st_uid != uid or seen.st_mode & 0o077:
        raise DirectoryRefusedError(
            path,
            problem="it is not a directory that only the server's user may enter",
            remedy=f"look at who made it and remove it (rm -r {path})",
        )
