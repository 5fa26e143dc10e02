"""With which bytes a migration is written: its module, and the SQL files that it runs.

A byte order mark at the start and the way in which lines end are not part of what was written, so
a checkout on Windows is no change. Knows files, no database.
"""

import hashlib
import sys
from collections.abc import Iterable, Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.migrations import Migration
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from chat.schema.disk.operations import database_operations

ALGORITHM: Final = "sha256"
# Of a migration that was made in memory there are no bytes to remember.
NO_BYTES: Final = "none:"

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
_BOM: Final = b"\xef\xbb\xbf"
_PYC_HEADER_BYTES: Final = 16


def migration_checksum(migration: Migration) -> str:
    """Return the checksum of a migration, with the name of its algorithm in front.

    `sha256:` and what `sha256sum` prints for a module with LF that runs no SQL files; each SQL
    file adds its name and its bytes. A module that is there only as bytecode gets another
    algorithm's name, which includes the version of Python, so that `is_changed` never compares it
    with a source; one without any file is `none:`.
    """
    module = _module(migration)
    if module is None:
        return NO_BYTES
    algorithm, content = module
    digest = hashlib.sha256(content)
    for path in sql_files(migration.operations):
        digest.update(b"\0" + path.name.encode() + b"\0" + _normalised(path.read_bytes()))
    return f"{algorithm}:{digest.hexdigest()}"


def is_changed(*, recorded: str, on_disk: str) -> bool:
    """Return whether two checksums differ; those of different algorithms cannot be compared."""
    same_algorithm = recorded.partition(":")[0] == on_disk.partition(":")[0]
    return same_algorithm and recorded != on_disk


def short_checksum(checksum: str) -> str:
    """Return the first eight digits, which are enough for people."""
    return checksum.partition(":")[2][:8]


def migration_files(migration: Migration) -> tuple[Path, ...]:
    """Return the files that the checksum covers, the module first."""
    spec = _spec(migration)
    module = (Path(spec.origin),) if spec is not None and spec.origin else ()
    return (*module, *sql_files(migration.operations))


def is_of_installed_package(migration: Migration) -> bool:
    """Return whether the files of a migration come with a package, and change with its version.

    Where the settings are installed as a package, so may be the project itself: then of no
    migration, as it is not known.
    """
    of_settings = getattr(sys.modules.get(str(settings.SETTINGS_MODULE)), "__file__", None)
    spec = _spec(migration)
    return (
        spec is not None
        and is_installed(Path(spec.origin or ""))
        and of_settings is not None
        and not is_installed(Path(of_settings))
    )


def is_installed(path: Path) -> bool:
    """Return whether a file or folder lies where packages are installed."""
    return not _INSTALLED.isdisjoint(path.parts)


def sql_files(operations: Iterable[Operation]) -> tuple[Path, ...]:
    """Return the SQL files of these operations, each once, in the order of these."""
    return tuple(dict.fromkeys(_paths(operations)))


def _paths(operations: Iterable[Operation]) -> Iterator[Path]:
    for operation in database_operations(operations):
        for attribute in ("up_path", "down_path"):
            path = getattr(operation, attribute, None)
            if path is not None:
                yield path


def _spec(migration: Migration) -> ModuleSpec | None:
    """Return the spec of the module that Django found the migration in."""
    package, _ = MigrationLoader.migrations_module(migration.app_label)
    module = sys.modules.get(f"{package}.{migration.name}")
    if module is None:
        module = sys.modules.get(type(migration).__module__)
    return getattr(module, "__spec__", None)


def _module(migration: Migration) -> tuple[str, bytes] | None:
    spec = _spec(migration)
    read = getattr(getattr(spec, "loader", None), "get_data", None)
    if spec is None or spec.origin is None or read is None:
        return None
    content: bytes = read(spec.origin)
    if spec.origin.endswith(".pyc"):
        # What follows the header, which has the time of the source, depends on Python's version.
        return f"{ALGORITHM}-{sys.implementation.cache_tag}", content[_PYC_HEADER_BYTES:]
    return ALGORITHM, _normalised(content)


def _normalised(content: bytes) -> bytes:
    return content.removeprefix(_BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
