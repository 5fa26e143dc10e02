"""migration_new, on an app of its own that lies outside the project."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.catalogue.objects import ObjectKind, read_catalogue
from chat.schema.errors import UsageError
from chat.schema.files.new_migration import (
    NewMigration,
    NewMigrationError,
    plan_new,
    write_new,
)
from tests.schema.conftest import PROJECT, ManageSituation

Manage = Callable[..., subprocess.CompletedProcess[str]]

MODELS = """\
from django.db import models


class Shelf(models.Model):
    label = models.CharField(max_length=20)
"""


@pytest.fixture
def shelf(tmp_path: Path) -> Path:
    """The folder of an app `shelf` with one model and no migration."""
    app = tmp_path / "places" / "shelf"
    (app / "migrations").mkdir(parents=True)
    for folder in (app.parent, app, app / "migrations"):
        (folder / "__init__.py").touch()
    (app / "models.py").write_text(MODELS)
    return app


@pytest.fixture
def manage_shelf(manage: ManageSituation, shelf: Path) -> Manage:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return manage(*arguments, situations=["places.shelf"], PYTHONPATH=str(shelf.parents[1]))

    return run


def files_of(app: Path) -> set[str]:
    found = (app / "migrations").rglob("*")
    return {
        str(path.relative_to(app / "migrations"))
        for path in found
        if path.is_file() and path.suffix != ".pyc" and path.name != "__init__.py"
    }


def write_migration(app: Path, name: str, *, after: str | None) -> None:
    dependencies = [("shelf", after)] if after else []
    (app / "migrations" / f"{name}.py").write_text(
        "from django.db import migrations\n\n\n"
        "class Migration(migrations.Migration):\n"
        f"    dependencies = {dependencies}\n"
        "    operations = []\n"
    )


def test_sql_migration_takes_its_place_among_those_of_makemigrations(
    manage_shelf: Manage, shelf: Path, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage_shelf("makemigrations", "shelf")

    new = manage_shelf("migration_new", "shelf", "add_something", "--sql")
    sql = shelf / "migrations" / "sql"
    with (sql / "0002_add_something.up.sql").open("a") as up:
        up.write("CREATE VIEW labels AS SELECT label FROM shelf_shelf;\n")
    with (sql / "0002_add_something.down.sql").open("a") as down:
        down.write("DROP VIEW labels;\n")
    (shelf / "models.py").write_text(MODELS + "    width_cm = models.IntegerField(null=True)\n")
    made = manage_shelf("makemigrations", "shelf")
    migrated = manage_shelf("migrate")
    checked = manage_shelf("makemigrations", "--check")

    folder = shelf / "migrations"
    assert new.returncode == 0, new.stderr
    assert new.stdout == (
        f"Wrote {folder}/0002_add_something.py\n"
        f"Wrote {folder}/sql/0002_add_something.down.sql\n"
        f"Wrote {folder}/sql/0002_add_something.up.sql\n"
        "Next: write the statements of both directions, and each TODO of the docstring; then "
        "prove the way back with\n"
        "  python manage.py migration_rehearse shelf 0002_add_something\n"
    )
    assert (made.returncode, migrated.returncode, checked.returncode) == (0, 0, 0), made.stderr
    assert "('shelf', '0002_add_something')" in (folder / "0003_shelf_width_cm.py").read_text()
    assert "public.labels" in read_catalogue(scratch_connection).of_kind(ObjectKind.VIEW)


def test_python_migration_is_empty_and_depends_on_the_newest(
    manage_shelf: Manage, shelf: Path
) -> None:
    write_migration(shelf, "0001_initial", after=None)

    result = manage_shelf("migration_new", "shelf", "backfill_labels")

    written = (shelf / "migrations" / "0002_backfill_labels.py").read_text()
    assert result.returncode == 0, result.stderr
    assert files_of(shelf) == {"0001_initial.py", "0002_backfill_labels.py"}
    assert written == (
        '"""Backfill labels."""\n'
        "\n"
        "from django.db import migrations\n"
        "\n"
        "\n"
        "class Migration(migrations.Migration):\n"
        '    """Backfill labels: TODO why.\n'
        "\n"
        "    Locks TODO which tables, in which mode, for how long, so that TODO waits. Safe with\n"
        "    the code before it: TODO. Undone by TODO what; lost is TODO.\n"
        '    """\n'
        "\n"
        '    dependencies = [("shelf", "0001_initial")]\n'
        "\n"
        "    operations = []\n"
    )


def test_first_migration_is_initial(manage_shelf: Manage, shelf: Path) -> None:
    result = manage_shelf("migration_new", "shelf", "initial", "--sql")

    assert result.returncode == 0, result.stderr
    written = (shelf / "migrations" / "0001_initial.py").read_text()
    assert "    initial = True\n\n    dependencies = []\n" in written
    assert "operations = [RunSQLFile(__file__)]" in written


def test_number_follows_the_highest_on_disk(manage_shelf: Manage, shelf: Path) -> None:
    write_migration(shelf, "0007_high", after=None)
    write_migration(shelf, "0003_low", after="0007_high")

    result = manage_shelf("migration_new", "shelf", "next", "--verbosity", "0")

    assert (result.returncode, result.stdout) == (0, "")
    written = (shelf / "migrations" / "0008_next.py").read_text()
    assert 'dependencies = [("shelf", "0003_low")]' in written


def test_name_with_quotes_before_it_is_written_so_that_it_can_be_read(
    manage_shelf: Manage, shelf: Path
) -> None:
    name = '0001_the_"first"\\'
    write_migration(shelf, name, after=None)

    result = manage_shelf("migration_new", "shelf", "backfill_labels")
    planned = manage_shelf("migrate", "--plan")

    assert result.returncode == 0, result.stderr
    assert planned.returncode == 0, planned.stderr
    assert "shelf.0002_backfill_labels" in planned.stdout


def test_several_leaves_are_refused_by_name(manage_shelf: Manage, shelf: Path) -> None:
    write_migration(shelf, "0001_initial", after=None)
    write_migration(shelf, "0002_mine", after="0001_initial")
    write_migration(shelf, "0002_theirs", after="0001_initial")

    result = manage_shelf("migration_new", "shelf", "next", "--sql")

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: The migration was not made; nothing was written.\n"
        "shelf has more than one newest migration: 0002_mine, 0002_theirs\n"
        "Join them first: python manage.py makemigrations --merge shelf\n"
    )
    assert files_of(shelf) == {"0001_initial.py", "0002_mine.py", "0002_theirs.py"}


def test_file_that_is_there_stops_it_and_nothing_is_left(manage_shelf: Manage, shelf: Path) -> None:
    orphan = shelf / "migrations" / "sql" / "0001_next.down.sql"
    orphan.parent.mkdir()
    orphan.write_text("-- Mine.\n")

    result = manage_shelf("migration_new", "shelf", "next", "--sql")

    assert result.returncode == 1
    assert result.stderr == (
        "CommandError: The migration was not made; nothing was written.\n"
        f"File exists: {orphan}\n"
        "Choose another name, or remove the cause, and run it again.\n"
    )
    assert files_of(shelf) == {"sql/0001_next.down.sql"}
    assert orphan.read_text() == "-- Mine.\n"


def test_app_without_a_migrations_package_is_refused(manage_shelf: Manage, shelf: Path) -> None:
    (shelf / "migrations" / "__init__.py").unlink()
    (shelf / "migrations").rmdir()

    result = manage_shelf("migration_new", "shelf", "next")

    assert result.returncode == 1
    assert "Make the package places.shelf.migrations first" in result.stderr


@pytest.mark.parametrize(
    "name",
    [
        *("Add", "add-it", "add it", "0009_add", "_add", "add_", "add__it", "ädd", "", "a" * 201),
        *("add/it", "../add", "add.it", "add\n"),
    ],
)
def test_name_is_lower_snake_case(name: str) -> None:
    with pytest.raises(UsageError):
        plan_new(app_label="chat", name=name, is_sql=True)


@pytest.mark.parametrize(
    ("name", "nearest"), [("0009_Add it", "add_it"), ("add-it!", "add_it"), ("AddIt", "addit")]
)
def test_nearest_good_name_is_suggested(name: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=f"Did you mean {nearest}\\?"):
        plan_new(app_label="chat", name=name, is_sql=False)


def test_nothing_is_left_when_the_last_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    files = {tmp_path / "0001_x.up.sql": "-- up\n", tmp_path / "taken" / "0001_x.py": ""}

    with pytest.raises(NewMigrationError, match="File exists"):
        write_new(NewMigration(app="x", name="0001_x", files=files))

    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


@pytest.mark.parametrize("is_sql", [True, False])
def test_new_migration_is_formatted_as_the_project_is(tmp_path: Path, is_sql: bool) -> None:
    new = plan_new(app_label="chat", name="add_" + "something_" * 8 + "else", is_sql=is_sql)
    for path, text in new.files.items():
        written = tmp_path / "chat" / "migrations" / path.name
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(text)

    config = ["--config", str(PROJECT / "pyproject.toml"), "--no-cache"]
    for command in (["check", "--ignore", "E501,INP001"], ["format", "--check"]):
        result = subprocess.run(
            [sys.executable, "-m", "ruff", *command, *config, str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stdout + result.stderr
