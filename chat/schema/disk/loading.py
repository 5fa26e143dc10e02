"""Reading the migrations on disk: what is wrong with the files is said as one error, by name."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from traceback import walk_tb
from typing import TypeAlias

from django.apps import apps
from django.core.management import CommandError
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.exceptions import (
    BadMigrationError,
    CircularDependencyError,
    InconsistentMigrationHistory,
    NodeNotFoundError,
)
from django.db.migrations.loader import MigrationLoader

from chat.schema.disk.checksums import is_installed, sql_files
from chat.schema.errors import SchemaError, end_of_process_refused
from chat.schema.text import command_line, relative_to_cwd

# Its app and its name.
_Key: TypeAlias = tuple[str, str]


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
    """Return a sentence for each file that looks like one of a migration and is none, sorted.

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

    def __init__(
        self,
        reason: str,
        *,
        next_step: str = (
            "Deploy the code completely, or correct the dependency that is named above."
        ),
    ) -> None:
        super().__init__(seen=reason, next_step=next_step)


class InconsistentHistoryError(SchemaError, CommandError, InconsistentMigrationHistory):
    """Migrations were applied in an order that their dependencies do not allow.

    It is Django's error as well, for those who catch that.
    """

    def __init__(self, migration: _Key, *, dependency: _Key) -> None:
        super().__init__(
            seen=(
                f"Migration {_dotted(migration)} is applied before its dependency "
                f"{_dotted(dependency)}."
            ),
            next_step=(
                "If the database has what the dependency does, record it: "
                f"{_record_statement(dependency)} Else correct the dependencies of the file."
            ),
        )


class UnreadableMigrationError(SchemaError):
    """A migration cannot be read."""

    def __init__(self, place: str, *, said: str) -> None:
        super().__init__(
            seen=f"{place}\n{said}",
            next_step="Correct that file; --traceback shows where the error is from.",
        )


def require_consistent(loader: MigrationLoader) -> None:
    """Raise when these migrations as a whole cannot be migrated to anything; no statement.

    Raises:
        BrokenMigrationsError: an app has several newest migrations, or a squashed migration can
            neither be run nor skipped.
        InconsistentHistoryError: one is applied whose dependency is not.
    """
    usable = {key for key in loader.replacements if key in loader.graph.nodes}
    covered = {key for name in usable for key in loader.replacements[name].replaces}
    for key, squashed in loader.replacements.items():
        applied = [each for each in squashed.replaces if each in loader.applied_migrations]
        known = {*applied, *loader.disk_migrations, *covered}
        gone = [each for each in squashed.replaces if each not in known]
        # Django leaves it out of its graph, without a word.
        if key not in usable | covered and gone:
            raise _neither_run_nor_skipped(key, applied=applied, gone=gone)
    for key in loader.graph.nodes:
        if key in loader.applied_migrations:
            for parent in sorted(loader.graph.node_map[key].parents):
                if parent.key not in loader.applied_migrations:
                    raise InconsistentHistoryError(key, dependency=parent.key)
    if conflicts := loader.detect_conflicts():
        found = "; ".join(f"{', '.join(names)} in {app}" for app, names in conflicts.items())
        raise BrokenMigrationsError(
            "Conflicting migrations detected; multiple leaf nodes in the migration graph: "
            f"({found}).",
            next_step=f"To fix them run '{command_line('makemigrations', '--merge')}'",
        )


def show_replaced(loader: MigrationLoader, keys: Iterable[_Key]) -> None:
    """Let the graph have replaced migrations in place of squashed ones, if it lacks a key.

    A plan that goes back into a squashed migration has such keys, and Django does the same for it.
    """
    if any(key not in loader.graph.nodes for key in keys):
        loader.replace_migrations = False  # type: ignore[attr-defined]
        loader.build_graph()


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
    except CircularDependencyError as exc:
        raise BrokenMigrationsError(f"Each of these depends on the next: {exc}") from exc
    except (BadMigrationError, NodeNotFoundError) as exc:
        raise BrokenMigrationsError(str(exc)) from exc
    except (Error, SchemaError):
        raise
    except Exception as exc:
        if (place := _place(exc)) is None:
            raise
        raise UnreadableMigrationError(place, said=f"{type(exc).__name__}: {exc}") from exc


def _neither_run_nor_skipped(
    key: _Key, *, applied: Iterable[_Key], gone: list[_Key]
) -> BrokenMigrationsError:
    statements = " ".join(map(_record_statement, gone))
    return BrokenMigrationsError(
        f"{_dotted(key)} replaces {', '.join(map(_dotted, applied))}, applied, and "
        f"{', '.join(map(_dotted, gone))}, not applied and not on disk any more. So it can neither "
        "be run nor be skipped.",
        next_step=(
            "Deploy the code that still has those files, migrate, then deploy this again. Or, if "
            f"the database has what they do, record it: {statements}"
        ),
    )


def _dotted(key: _Key) -> str:
    return ".".join(key)


def _record_statement(key: _Key) -> str:
    app, name = key
    values = f"'{app}', '{name}', current_timestamp"
    return f"INSERT INTO django_migrations (app, name, applied) VALUES ({values});"  # noqa: S608 — shown


def _place(error: Exception) -> str | None:
    """Return the file and the line of a migration where it went wrong, None when in none."""
    places = [
        (Path(frame.f_code.co_filename), number) for frame, number in walk_tb(error.__traceback__)
    ]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((Path(error.filename), error.lineno or 1))
    modules = (MigrationLoader.migrations_module(app.label)[0] for app in apps.get_app_configs())
    folders = {module.rpartition(".")[2] for module in modules if module}
    for file, number in reversed(places):
        if file.parent.name in folders and file.parent.parent.name != "db":
            return f"{relative_to_cwd(file)}, line {number}"
    return None
