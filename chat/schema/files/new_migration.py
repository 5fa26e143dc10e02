"""The next migration of an app, as files still to be written by hand.

`makemigrations --empty` asks the database, and leaves no room for what a docstring must say.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps
from django.db.migrations import Migration
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.writer import MigrationWriter

from chat.schema.disk.loading import load_migrations
from chat.schema.disk.names import require_app
from chat.schema.errors import SchemaError, UsageError
from chat.schema.files import RunSQLFile
from chat.schema.text import command_line

# With the number before it and `.down.sql` behind it, no file system refuses it.
_LONGEST_NAME = 200
_LINE_LENGTH = 100


class NewMigrationError(SchemaError):
    """The migration was not made; nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMigration:
    """A migration that is not there yet: the texts of its files by their paths, the module last."""

    app: str
    name: str
    files: dict[Path, str]


def plan_new(*, app_label: str, name: str, is_sql: bool) -> NewMigration:
    """Return the files of the next migration of an app; no statement, and nothing is written.

    Its number follows the highest on disk, its name is `name` behind the number, and it depends
    on the app's newest migration.

    Raises:
        UsageError: there is no such app, or the name is not lower snake_case.
        NewMigrationError: the app has no place for migrations, or more than one newest migration.
        BrokenMigrationsError: the files do not fit together.
    """
    _require_name(name)
    require_app(app_label, known=(config.label for config in apps.get_app_configs()))
    loader = load_migrations(None)
    if app_label in loader.unmigrated_apps:
        raise _no_package(app_label)
    leaves = sorted(leaf for _, leaf in loader.graph.leaf_nodes(app_label))
    if len(leaves) > 1:
        raise NewMigrationError(
            seen=f"{app_label} has more than one newest migration: {', '.join(leaves)}",
            next_step="Join them first: " + command_line("makemigrations", "--merge", app_label),
        )
    numbers = [
        MigrationAutodetector.parse_number(known) or 0
        for app, known in loader.disk_migrations
        if app == app_label
    ]
    full_name = f"{max(numbers, default=0) + 1:04}_{name}"
    folder = Path(MigrationWriter(Migration(full_name, app_label)).basedir)
    sentence = name.replace("_", " ").capitalize()
    files = {}
    if is_sql:
        files[folder / "sql" / f"{full_name}.up.sql"] = f"-- {sentence}: what, and why.\n"
        files[folder / "sql" / f"{full_name}.down.sql"] = (
            f"-- Undoes {full_name}: the exact way back. Without this file there is none.\n"
        )
    files[folder / f"{full_name}.py"] = _module(app_label, leaves, sentence, is_sql=is_sql)
    return NewMigration(app=app_label, name=full_name, files=files)


def write_new(new: NewMigration) -> None:
    """Write all files, or none: what is there stays, and what was begun is taken back.

    The module comes last, as only with it there is a migration.

    Raises:
        NewMigrationError: a file of that name is there, or cannot be written.
    """
    written: list[Path] = []
    try:
        for path, text in new.files.items():
            path.parent.mkdir(exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                written.append(path)
                file.write(text)
    except OSError as exc:
        for path in written:
            path.unlink()
        raise NewMigrationError(
            seen=f"{exc.strerror}: {exc.filename}",
            next_step="Choose another name, or remove the cause, and run it again.",
        ) from exc


def _require_name(name: str) -> None:
    if re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) and len(name) <= _LONGEST_NAME:
        return
    nearest = re.sub(r"[^a-z0-9]+", "_", re.sub(r"^[0-9_\W]+", "", name).lower()).strip("_")
    raise UsageError(
        seen=(
            f"Got the name {name!r}, expected lower-case letters, digits and single underscores, "
            f"a letter first, at most {_LONGEST_NAME}; the number is put before it."
        ),
        next_step=f"Did you mean {nearest[:_LONGEST_NAME]}?" if nearest else "Give it a name.",
    )


def _no_package(app_label: str) -> NewMigrationError:
    package, _ = MigrationLoader.migrations_module(app_label)
    next_step = "Correct MIGRATION_MODULES, or name another app."
    if package:
        next_step = f"Make the package {package} first, with an empty __init__.py in it."
    return NewMigrationError(seen=f"{app_label} has no migrations package.", next_step=next_step)


def _module(app_label: str, leaves: Sequence[str], sentence: str, *, is_sql: bool) -> str:
    # A name on disk may have any character in it.
    dependencies = [f'("{app_label}", {json.dumps(leaf)})' for leaf in leaves]
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
