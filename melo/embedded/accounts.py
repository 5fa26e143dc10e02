"""The operating system's user that the server runs as: PostgreSQL refuses to run as root."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from melo.embedded.errors import DirectoryRefusedError, EmbeddedServerError

if sys.platform != "win32":
    import pwd

_UNPRIVILEGED = "nobody"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that the server runs as; `is_other` when it is not the user of this process."""

    uid: int
    gid: int
    is_other: bool

    @property
    def subprocess_options(self) -> dict[str, Any]:
        """The options with which `subprocess` runs a program as this user."""
        if not self.is_other:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, *command: str | Path) -> bool:
        """Tell whether this user can run a command, by running it: file modes alone do not tell."""
        try:
            done = subprocess.run(  # noqa: S603 — no shell reads it
                command, cwd="/", capture_output=True, check=False, **self.subprocess_options
            )
        except OSError:
            return False
        return done.returncode == 0

    def can_enter(self, directory: Path) -> bool:
        """Tell whether this user can enter `directory`."""
        return not self.is_other or self.can("/bin/sh", "-c", 'cd -- "$1"', "sh", directory)


def serving_account(data_dir: Path) -> Account:
    """Return who runs the server on `data_dir`: this user; for root, the data's owner or `nobody`.

    Raises:
        DirectoryRefusedError: the data is another user's.
    """
    ours = os.geteuid()
    owner = data_dir.stat().st_uid if data_dir.exists() else None
    if ours != 0:
        if owner not in {None, ours}:
            raise DirectoryRefusedError(
                data_dir,
                problem=f"it belongs to the user {_name_of(owner)}",
                remedy="run this as the user who made it, or set MELO_EMBEDDED_DIR to another one",
            )
        return Account(uid=ours, gid=os.getegid(), is_other=False)
    if owner:
        return Account(uid=owner, gid=data_dir.stat().st_gid, is_other=True)
    try:
        entry = pwd.getpwnam(_UNPRIVILEGED)
    except KeyError as error:
        raise EmbeddedServerError(
            f"PostgreSQL does not run as root, and there is no user {_UNPRIVILEGED!r} to run it.\n"
            "Next: run this as an ordinary user, or set DB_HOST to use another server."
        ) from error
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, is_other=True)


def _name_of(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid or 0).pw_name
    except KeyError:
        return str(uid)
