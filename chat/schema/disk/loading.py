"""Reading the migrations on disk: what is wrong with the files is said as one error, by name."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb

from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import (
    BadMigrationError,
    CircularDependencyError,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader

from chat.schema.disk.checksums import is_installed, sql_files
from chat.schema.errors import SchemaError, end_of_process_refused
from chat.schema.text import relative_to_cwd


def load_migrations(connection: BaseDatabaseWrapper | None) -> MigrationLoader:
    """Return Django's loader over the files on disk and the rows of `django_migrations`.

    Two statements, one where that table does not exist yet, none without a connection.

    Raises:
        BrokenMigrationsError: the files depend on one that is missing, or hold no migration.
        UnreadableMigrationError: one of them cannot be imported.
    """
    with explaining_unreadable_migrations():
        return MigrationLoader(connection, ignore_no_migrations=True)


def passed_over(loader: MigrationLoader) -> list[str]:
    """Return in a sentence each which files look like those of migrations, and are none; sorted.

    Those of installed packages are left out. Reads folders, and the modules beside a SQL file that
    no operation runs.
    """
    told = []
    run = {
        path
        for migration in loader.disk_migrations.values()
        for path in sql_files(migration.operations)
    }
    for app_label in loader.migrated_apps:
        module = sys.modules[MigrationLoader.migrations_module(app_label)[0] or ""]
        for folder in map(Path, module.__path__):
            if is_installed(folder):
                continue
            modules = [path for path in folder.glob("*.py") if path.name[0] not in "_~"]
            told += [
                f"{relative_to_cwd(path)} is passed over: Django reads no module with a dot in its "
                "name. Rename it."
                for path in modules
                if "." in path.stem
            ]
            left = sorted(path for path in folder.glob("sql/*.sql") if path not in run)
            texts = [path.read_bytes() for path in modules] if left else []
            told += [
                f"{relative_to_cwd(path)} is passed over: no migration runs it. Write the module "
                "that does, or correct its name."
                for path in left
                # A module may read it itself.
                if not any(path.name.encode() in text for text in texts)
            ]
    return sorted(told)


class BrokenMigrationsError(SchemaError):
    """The migrations on disk do not fit together."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            seen=reason,
            next_step="Deploy the code completely, or correct the dependency that is named above.",
        )


class UnreadableMigrationError(SchemaError):
    """A migration cannot be read."""

    def __init__(self, place: str, *, said: str) -> None:
        super().__init__(
            seen=f"{place}\n{said}",
            next_step="Correct that file; --traceback shows where the error is from.",
        )


@contextmanager
def explaining_unreadable_migrations() -> Iterator[None]:
    """Name the file and the line when Django cannot import or join the migrations in this block.

    Raises:
        BrokenMigrationsError: they depend on one that is missing or on each other, or one of them
            holds no migration.
        UnreadableMigrationError: one of them cannot be imported.
    """
    try:
        with end_of_process_refused():
            yield
    except (BadMigrationError, NodeNotFoundError, CircularDependencyError) as exc:
        raise BrokenMigrationsError(str(exc)) from exc
    except (Error, SchemaError):
        raise
    except Exception as exc:
        if (place := _place(exc)) is None:
            raise
        raise UnreadableMigrationError(place, said=f"{type(exc).__name__}: {exc}") from exc


def _place(error: Exception) -> str | None:
    """Return the file and the line of a migration where it went wrong, None when in none."""
    places = [
        (Path(frame.f_code.co_filename), number) for frame, number in walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((Path(error.filename), error.lineno or 1))
    for file, number in reversed(places):
        if file.parent.name == "migrations" and file.parent.parent.name != "db":
            return f"{relative_to_cwd(file)}, line {number}"
    return None
