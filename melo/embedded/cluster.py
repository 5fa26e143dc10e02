"""The data directory: created once, whole or not at all."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from melo.embedded.accounts import Account
from melo.embedded.binaries import SHARED_DIR, Binaries, ensure_shared_dir
from melo.embedded.errors import DirectoryRefusedError, OtherMajorVersionError, StartError
from melo.embedded.layout import Layout
from melo.embedded.processes import ENVIRONMENT

_OPTIONS = (
    # The same order of strings on every machine, and the wheel has no ICU.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--encoding=UTF8",
    # The socket's directory is private, so whoever reaches the socket is the owner.
    "--auth=trust",
    "--username=postgres",
    "--no-instructions",
)

# PostgreSQL keeps paths in 1,024 bytes, and its own files lie some folders deeper.
_LONGEST_PATH_BYTES = 900


def ensure_cluster(layout: Layout, *, binaries: Binaries, account: Account) -> None:
    """Create the data directory unless it exists; the caller holds the control lock.

    Where the server's user cannot reach the directory (root's projects), the data is created below
    /var/lib/melo and the directory becomes a link to it.

    Raises:
        OtherMajorVersionError: it is of another major version of PostgreSQL.
        DirectoryRefusedError: what is there is no data directory, or a broken link; or its path is
            too long.
        StartError: initdb failed.
    """
    version_file = layout.data / "PG_VERSION"
    if version_file.exists():
        found = version_file.read_text("ascii").strip()
        if found != binaries.major:
            raise OtherMajorVersionError(data_dir=layout.data, found=found, expected=binaries.major)
        return
    _refuse_what_is_no_cluster(layout.data)
    if account.can_enter(layout.data.parent):
        place, name = layout.data.parent, layout.data.name
    else:
        ensure_shared_dir()
        place, name = SHARED_DIR, f"{layout.data.name[:40]}-{layout.digest}"
    prefix = f".{name[:200]}.new-"
    _refuse_long_path(place / name)
    _remove_unfinished(place, prefix)
    unfinished = Path(tempfile.mkdtemp(dir=place, prefix=prefix))
    try:
        if account.is_other:
            os.chown(unfinished, account.uid, account.gid)
        _initdb(unfinished, binaries=binaries, account=account)
        _publish(unfinished, layout=layout, place=place, name=name)
    finally:
        # Also what an initdb went on writing whose starter was killed, while it was removed above.
        _remove_unfinished(place, prefix)


def _publish(unfinished: Path, *, layout: Layout, place: Path, name: str) -> None:
    if place == layout.data.parent:
        unfinished.rename(layout.data)
        return
    # A name of its own: data whose link was removed, or moved with the project, stays as it is.
    target = place / (name + unfinished.name.rpartition(".new")[2])
    unfinished.rename(target)
    layout.data.symlink_to(target, target_is_directory=True)


def _refuse_what_is_no_cluster(data: Path) -> None:
    if data.is_symlink() and not data.exists():
        raise DirectoryRefusedError(
            data,
            problem=f"it is a link to {data.readlink()}, which does not exist",
            remedy=f"bring that back, or remove the link (rm {data}) to begin with an empty server",
        )
    if not data.exists():
        return
    if data.is_dir() and not data.is_symlink() and not any(data.iterdir()):
        data.rmdir()
        return
    raise DirectoryRefusedError(
        data,
        problem="it is there, and is not a PostgreSQL data directory (it has no PG_VERSION)",
        remedy="move it away, or set MELO_EMBEDDED_DIR to another path",
    )


def _refuse_long_path(data: Path) -> None:
    size = len(os.fsencode(data))
    if size > _LONGEST_PATH_BYTES:
        raise DirectoryRefusedError(
            data,
            problem=f"its path has {size} bytes, and at most {_LONGEST_PATH_BYTES} are possible",
            remedy="set MELO_EMBEDDED_DIR to a shorter path",
        )


def _remove_unfinished(place: Path, prefix: str) -> None:
    # Only an initdb that was killed leaves one: the others clean up, and we hold the lock.
    for name in os.listdir(place):  # noqa: PTH208 — glob would read [ and * in the prefix
        if name.startswith(prefix):
            shutil.rmtree(place / name, ignore_errors=True)


def _initdb(directory: Path, *, binaries: Binaries, account: Account) -> None:
    done = subprocess.run(  # noqa: S603 — no shell reads it
        [binaries.program("initdb"), *_OPTIONS, "-D", directory],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        cwd="/",
        env=ENVIRONMENT,
        check=False,
        **account.subprocess_options,
    )
    if done.returncode != 0:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-6:])
        raise StartError("could not create its data directory", output=last_lines)
