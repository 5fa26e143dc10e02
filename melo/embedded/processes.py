"""Starting programs that outlive this process."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

# Nothing of the caller's: PGPORT, PGOPTIONS, LANG and the like would change what the server does.
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}

# Nothing is spliced into this text, so no path can be read as shell. The shell leaves at once, so
# the program has no parent here whose Ctrl-C it would get or who would have to collect it.
_DETACH = '"$@" </dev/null >&2 & echo "$!"'


def start_detached(
    command: Sequence[str | Path],
    *,
    output: IO[bytes] | int,
    env: Mapping[str, str],
    kept_fds: Sequence[int] = (),
    options: Mapping[str, Any] | None = None,
) -> int:
    """Start a program in a session of its own and return its pid."""
    done = subprocess.run(  # noqa: S603 — no shell reads it
        ["/bin/sh", "-c", _DETACH, "sh", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=output,
        check=True,
        start_new_session=True,
        umask=0o077,
        cwd="/",
        env=dict(env),
        pass_fds=kept_fds,
        **(options or {}),
    )
    return int(done.stdout)
