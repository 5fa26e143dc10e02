"""A project that has nothing of MELO: Django's own backend, no variables, one line for the room."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.in_process import run_in_process
from tests.schema.conftest import PROJECT

FILES = {
    "manage.py": """
        import os, sys
        from django.core.management import execute_from_command_line

        os.environ["DJANGO_SETTINGS_MODULE"] = "settings"
        execute_from_command_line(sys.argv)
    """,
    "settings.py": """
        SECRET_KEY = "for this test only"
        INSTALLED_APPS = ["chat.schema", "blog"]
        DATABASES = {{"default": {database}}}
    """,
    "blog/__init__.py": "",
    "blog/models.py": """
        from django.db import models


        class Post(models.Model):
            title = models.TextField()
            linked = models.ManyToManyField("self")


        class Title(models.Model):
            title = models.TextField()

            class Meta:
                managed = False
                db_table = "blog_titles"


        class OnlyForItsPermissions(models.Model):
            class Meta:
                managed = False
    """,
    "blog/migrations/__init__.py": "",
}

Manage = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def project(tmp_path: Path, scratch_connection: BaseDatabaseWrapper) -> Path:
    scratch_connection.ensure_connection()
    info = scratch_connection.connection.info
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": info.host,
        "PORT": info.port,
        "USER": info.user,
        "PASSWORD": info.password,
        "NAME": info.dbname,
    }
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text).strip().format(database=database) + "\n")
    return tmp_path


@pytest.fixture
def manage_process(project: Path) -> Manage:
    """Runs the project's own `manage.py`, with no variable of anybody's."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=project,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def manage(project: Path) -> Manage:
    """Runs a command with the project's settings, within this process."""
    settings = {"DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": str(project)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_in_process(*arguments, environ={**os.environ, **settings})

    return run


def test_one_line_brings_the_migration_room_into_any_project(
    tmp_path: Path, manage_process: Manage, scratch_connection: BaseDatabaseWrapper
) -> None:
    made = manage_process("makemigrations", "blog")
    written = manage_process("migration_new", "blog", "add_index", "--sql")
    sql = tmp_path / "blog" / "migrations" / "sql"
    (sql / "0002_add_index.up.sql").write_text("CREATE INDEX titles ON blog_post (title);\n")
    (sql / "0002_add_index.down.sql").write_text("DROP INDEX titles;\n")
    pending = manage_process("migration_status", "--check")
    migrated = manage_process("migrate")
    with scratch_connection.cursor() as cursor:
        cursor.execute("INSERT INTO blog_post (title) VALUES ('The tide')")
    ready = manage_process("migration_status", "--check", "--drift")
    refused = manage_process("migrate", "blog", "zero")
    with (tmp_path / "settings.py").open("a") as settings:
        settings.write("MIGRATIONS_PRODUCTION = False\n")
    back = manage_process("migrate", "blog", "zero")
    current = manage_process("migration_current", "blog")

    assert (made.returncode, written.returncode) == (0, 0), made.stderr + written.stderr
    assert (pending.returncode, migrated.returncode) == (2, 0), migrated.stderr
    assert "Applying blog.0002_add_index... OK" in migrated.stdout
    assert ready.returncode == 0, ready.stderr
    assert "Current version of blog: 0002_add_index" in ready.stdout
    assert refused.returncode == 3
    assert "settings.MIGRATIONS_PRODUCTION" in refused.stderr
    assert "To be lost: 1 row in 1 table" in back.stdout
    assert (back.returncode, current.stdout) == (0, "zero\n"), back.stderr


def test_tables_and_views_that_a_restore_left_out_are_missed(
    tmp_path: Path, manage: Manage, scratch_connection: BaseDatabaseWrapper
) -> None:
    manage("makemigrations", "blog")
    manage("migration_new", "blog", "add_view", "--sql")
    sql = tmp_path / "blog" / "migrations" / "sql"
    (sql / "0002_add_view.up.sql").write_text(
        "CREATE VIEW blog_titles AS SELECT id, title FROM blog_post;\n"
    )
    (sql / "0002_add_view.down.sql").write_text("DROP VIEW blog_titles;\n")
    first = manage("migrate", "blog", "0001")
    second = manage("migrate")
    with scratch_connection.cursor() as cursor:
        cursor.execute("DROP TABLE blog_post, blog_post_linked CASCADE")

    checked = manage("migration_status", "--check")
    as_json = json.loads(manage("migration_status", "--format", "json").stdout)
    again = manage("migrate")
    with (tmp_path / "blog" / "models.py").open("a") as models:
        models.write("\n\nclass New(models.Model):\n    pass\n")
        models.write("\n\nPost.add_to_class('liked', models.ManyToManyField('self'))\n")
    with scratch_connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE blog_post (); CREATE TABLE blog_post_linked ();"
            "CREATE VIEW blog_titles AS SELECT"
        )
    without_migration = manage("migrate")

    names = ["blog_post", "blog_post_linked", "blog_titles"]
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert checked.returncode == 4
    assert f"Tables or views not there: {', '.join(names)}" in checked.stdout
    assert "Tables or views of the models are not there" in checked.stderr
    assert (as_json["missing_tables"], as_json["is_ready"]) == (names, False)
    assert again.returncode == 4
    assert "No migrations to apply." in again.stdout
    assert "removed  table              blog_post\n" in again.stdout
    assert f"Not there: {', '.join(names)}" in again.stderr
    assert without_migration.returncode == 0, without_migration.stderr


def test_unreadable_migration_is_named_whatever_its_folder_is_called(
    tmp_path: Path, manage: Manage
) -> None:
    broken = tmp_path / "blog" / "steps" / "0001_broken.py"
    broken.parent.mkdir()
    (broken.parent / "__init__.py").touch()
    with (tmp_path / "settings.py").open("a") as settings:
        settings.write("MIGRATION_MODULES = {'blog': 'blog.steps'}\n")

    for source in ("import nowhere\n", "operations = [\n"):
        broken.write_text(source)
        result = manage("migration_status")

        assert result.returncode == 1
        assert "CommandError: A migration cannot be read.\n" in result.stderr
        assert "blog/steps/0001_broken.py, line 1\n" in result.stderr
        assert "Traceback" not in result.stderr
