"""The next migration of an app, as files still to be written by hand."""

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter

from chat.schema.disk.loading import migrations_read
from chat.schema.disk.names import require_app
from chat.schema.errors import SchemaError
from chat.schema.files import RunSQLFile

# What pathlib's file systems bear, with the number before it and `.down.sql` behind it.
_LONGEST_NAME = 200
_LINE_LENGTH = 100


class StubError(SchemaError):
    """The migration was not made; nothing was written."""


class BadMigrationNameError(StubError):
    """A migration cannot have this name; nothing was written."""

    def __init__(self, name: str) -> None:
        self.name = name
        nearest = re.sub(r"[^a-z0-9]+", "_", re.sub(r"^[0-9_\W]+", "", name).lower()).strip("_")
        super().__init__(
            seen=(
                f"Got {name!r}, expected lower-case letters, digits and single underscores, a "
                f"letter first, at most {_LONGEST_NAME}; the number is put before it."
            ),
            next_step=f"Did you mean {nearest[:_LONGEST_NAME]}?" if nearest else "Give it a name.",
        )


class SeveralLeavesError(StubError):
    """The app has more than one newest migration; nothing was written."""

    def __init__(self, app_label: str, *, leaves: Sequence[str]) -> None:
        self.leaves = tuple(leaves)
        super().__init__(
            seen=f"Nothing in {app_label} depends on: {', '.join(self.leaves)}",
            next_step=f"Join them first: python manage.py makemigrations --merge {app_label}",
        )


class NoMigrationsPackageError(StubError):
    """The app keeps no migrations; nothing was written."""

    def __init__(self, app_label: str, *, package: str | None) -> None:
        next_step = "Correct MIGRATION_MODULES, or name another app."
        if package:
            next_step = f"Make the package {package} first, with an empty __init__.py in it."
        super().__init__(seen=f"{app_label} has no migrations package.", next_step=next_step)


class FileInTheWayError(StubError):
    """A file of that name is there already; nothing was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(seen=str(path), next_step="Choose another name, or remove that file.")


class UnwritableStubError(StubError):
    """The files of the migration cannot be written; none is left."""

    def __init__(self, error: OSError) -> None:
        super().__init__(
            seen=f"{error.strerror}: {error.filename}",
            next_step="Let this user write there, make room, and run it again.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StubFile:
    """One file to write."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stub:
    """The files of a migration that is not there yet; the module is the last."""

    app: str
    name: str
    files: tuple[StubFile, ...]


def plan_stub(*, app_label: str, name: str, is_sql: bool) -> Stub:
    """Return the files of the next migration of an app.

    Its number follows the highest on disk, its name is `name` behind the number, and it depends
    on the app's newest migration. No statement, and nothing is written.

    Raises:
        BadMigrationNameError: the name is not lower snake_case.
        UnknownAppError: there is no such app.
        NoMigrationsPackageError: the app has no place for migrations.
        SeveralLeavesError: more than one migration could be depended on.
        BrokenMigrationsError: the files do not fit together.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > _LONGEST_NAME:
        raise BadMigrationNameError(name)
    require_app(app_label, known=(config.label for config in apps.get_app_configs()))
    loader = _loader()
    if app_label in loader.unmigrated_apps:
        package, _ = MigrationLoader.migrations_module(app_label)
        raise NoMigrationsPackageError(app_label, package=package)
    leaves = sorted(leaf for _, leaf in loader.graph.leaf_nodes(app_label))
    if len(leaves) > 1:
        raise SeveralLeavesError(app_label, leaves=leaves)
    numbers = [
        MigrationAutodetector.parse_number(known) or 0
        for app, known in loader.disk_migrations
        if app == app_label
    ]
    full_name = f"{max(numbers, default=0) + 1:04}_{name}"
    folder = Path(MigrationWriter(Migration(full_name, app_label)).basedir)
    sentence = name.replace("_", " ").capitalize()
    files = _sql_files(folder, full_name, sentence) if is_sql else []
    module = _module(app_label, leaves, sentence=sentence, is_sql=is_sql)
    files.append(StubFile(path=folder / f"{full_name}.py", text=module))
    return Stub(app=app_label, name=full_name, files=tuple(files))


def write_stub(stub: Stub) -> None:
    """Write all files of a stub, or none: what is there stays, and what was begun is taken back.

    The module comes last, as only with it there is a migration.

    Raises:
        FileInTheWayError: one of the files is there already.
        UnwritableStubError: a file cannot be written.
    """
    written: list[Path] = []
    made: list[Path] = []
    try:
        for file in stub.files:
            folder = file.path.parent
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
            with file.path.open("x", encoding="utf-8", newline="\n") as opened:
                written.append(file.path)
                opened.write(file.text)
    except BaseException as exc:
        for path in written:
            path.unlink(missing_ok=True)
        for folder in made:
            # Another process may have put something into it meanwhile.
            with suppress(OSError):
                folder.rmdir()
        if isinstance(exc, FileExistsError):
            raise FileInTheWayError(Path(exc.filename)) from exc
        if isinstance(exc, OSError):
            raise UnwritableStubError(exc) from exc
        raise


def _loader() -> MigrationLoader:
    with migrations_read():
        return MigrationLoader(None, ignore_no_migrations=True)


def _sql_files(folder: Path, name: str, sentence: str) -> list[StubFile]:
    return [
        StubFile(path=folder / "sql" / f"{name}.up.sql", text=f"-- {sentence}: what, and why.\n"),
        StubFile(
            path=folder / "sql" / f"{name}.down.sql",
            text=f"-- Undoes {name}: the exact way back. Without this file there is none.\n",
        ),
    ]


def _module(app_label: str, leaves: Sequence[str], *, sentence: str, is_sql: bool) -> str:
    dependencies = [f'("{app_label}", "{leaf}")' for leaf in leaves]
    one_line = f"    dependencies = [{', '.join(dependencies)}]"
    if len(one_line) > _LINE_LENGTH:
        one_line = f"    dependencies = [\n        {dependencies[0]},\n    ]"
    lines = [f'"""{sentence}."""', "", "from django.db import migrations"]
    if is_sql:
        lines += ["", f"from {RunSQLFile.__module__} import {RunSQLFile.__name__}"]
    lines += [
        "",
        "",
        "class Migration(migrations.Migration):",
        f'    """{sentence}: TODO why.',
        "",
        "    Locks TODO which tables, in which mode, for how long, so that TODO waits. Safe with",
        "    the code before it: TODO. Undone by TODO what; lost is TODO.",
        '    """',
        "",
    ]
    if not leaves:
        lines += ["    initial = True", ""]
    lines += [one_line, "", f"    operations = [{'RunSQLFile(__file__)' if is_sql else ''}]", ""]
    return "\n".join(lines)
