"""What melo/README.md tells an operator to type brings back the database of before a migration."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import LiteralString

import pytest
from pytest_django import DjangoDbBlocker

from melo.embedded.processes import ENVIRONMENT
from tests.conftest import ROOT, clean_environ
from tests.in_process import run_in_process
from tests.replicas.servers import Server, make_primary

DATABASE = "melo_v2"
NEWEST = max(path.stem for path in (ROOT / "chat" / "migrations").glob("0*.py"))
README = (ROOT / "melo" / "README.md").read_text("utf-8")
KEEP_THE_LOG, COPY, RECOVER, LOOK, DUMP, RESTORE, RESTORE_INTO_OLDER = re.findall(
    r"```sh\n(.*?)```",
    README.partition("\n## Backup and restore\n")[2].partition("\n## ")[0],
    flags=re.DOTALL,
)
MIGRATION = """
from django.db import migrations


class Migration(migrations.Migration):
    atomic = {is_atomic}
    dependencies = [{after!r}]
    operations = [migrations.RunSQL(statement) for statement in {statements!r}]
"""
# Each goes on when somebody else has committed meanwhile.
WAIT = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM users WHERE username = '{name}') LOOP
        PERFORM pg_sleep(0.02);
    END LOOP;
END $$
"""
DELETING = "BEGIN; SET LOCAL chat.purge = 'on'; DELETE FROM messages; COMMIT"
DROPPING = "ALTER TABLE channels DROP COLUMN topic CASCADE"


@dataclass(frozen=True, slots=True)
class Drill:
    """A server with a database, and what an operator types there."""

    server: Server
    folder: Path
    apps: Path

    def at_the_server(self, commands: str, **variables: str) -> None:
        """Run commands as the account of the server."""
        programs = self.server.binaries.program("psql").parent
        # What they start would keep a pipe open.
        with tempfile.TemporaryFile("w+") as said:
            done = subprocess.run(
                ["/bin/sh", "-euc", commands],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                cwd=self.folder,
                env=ENVIRONMENT
                | {
                    "PATH": f"{programs}:{ENVIRONMENT['PATH']}",
                    "PGHOST": "127.0.0.1",
                    "PGPORT": str(self.server.port),
                    "PGUSER": "postgres",
                    "PGDATA": str(self.server.data),
                    "BACKUP": str(self.folder),
                }
                | variables,
                check=False,
                timeout=120,
                **self.server.account.subprocess_options,
            )
            said.seek(0)
            assert done.returncode == 0, said.read()

    def environ(self, settings: str) -> dict[str, str]:
        return clean_environ(
            DB_HOST="127.0.0.1",
            DB_PORT=str(self.server.port),
            DB_USER="postgres",
            DB_NAME=DATABASE,
            PYTHONPATH=str(self.apps),
            PYTHONDONTWRITEBYTECODE="1",
            DJANGO_SETTINGS_MODULE=settings,
        )

    def manage(self, *arguments: str) -> None:
        done = run_in_process(*arguments, environ=self.environ("melo.settings"))
        assert done.returncode == 0, done.stderr

    def join(self, name: LiteralString) -> None:
        """Write a row that tells when it was written."""
        with self.server.connect(DATABASE) as session:
            session.execute("INSERT INTO users (username) VALUES (%s)", [name])

    def migrate_by_mistake(self, name: LiteralString, *, meanwhile: LiteralString) -> None:
        with subprocess.Popen(
            [sys.executable, "manage.py", "migrate", "mistake", name, "-v0"],
            cwd=ROOT,
            env=self.environ("with_mistake"),
        ) as process:
            try:
                self.server.wait_for(
                    r"SELECT count(*) > 0 FROM pg_stat_activity WHERE query ~ '^\s*DO '",
                    seconds=60,
                )
                self.join(meanwhile)
                process.wait(30)
            finally:
                process.kill()
        assert process.returncode == 0


@pytest.fixture(scope="module")
def drill(own_directory: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Drill]:
    """A server that was copied, migrated further, filled, and then migrated twice by mistake."""
    folder, apps = own_directory / "backup", own_directory / "apps"
    folder.mkdir()
    shutil.chown(folder, own_directory.owner(), own_directory.group())
    drill = Drill(make_primary(folder), folder, apps)
    migrations = apps / "mistake" / "migrations"
    migrations.mkdir(parents=True)
    for package in (migrations, migrations.parent):
        (package / "__init__.py").touch()
    (apps / "with_mistake.py").write_text(
        "from melo.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'mistake']\n"
    )
    for name, is_atomic, after, statement in (
        ("0001_delete", False, ("chat", NEWEST), DELETING),
        ("0002_drop", True, ("mistake", "0001_delete"), DROPPING),
    ):
        statements = [statement, WAIT.format(name=f"during_{name}")]
        (migrations / f"{name}.py").write_text(
            MIGRATION.format(is_atomic=is_atomic, after=after, statements=statements)
        )

    drill.at_the_server(KEEP_THE_LOG)
    with drill.server.connect() as session:
        session.execute(f"CREATE DATABASE {DATABASE}")
    with django_db_blocker.unblock():
        drill.manage("migrate", "chat", "0012", "-v0")
        drill.join("before_the_copy")
        drill.at_the_server(COPY)
        drill.manage("migrate", "-v0")
        drill.manage("seed_demo", "--messages", "300", "-v0")
    drill.join("before")
    drill.migrate_by_mistake("0001_delete", meanwhile="during_0001_delete")
    drill.migrate_by_mistake("0002_drop", meanwhile="during_0002_drop")
    drill.join("after")
    yield drill
    drill.server.remove()


@pytest.mark.parametrize(
    ("name", "event", "settings", "newest", "messages"),
    [
        ("0001_delete", "started", "melo.settings", "before", 300),
        ("0002_drop", "applied", "with_mistake", "during_0002_drop", 0),
    ],
)
def test_what_was_there_before_a_migration_is_back(
    name: str, event: str, settings: str, newest: str, messages: int, drill: Drill
) -> None:
    if not drill.server.is_running():
        drill.server.start()
    recovered = replace(drill.server, data=drill.folder / f"before_{name}")
    drill.at_the_server(
        RECOVER.replace("'applied'", f"'{event}'"),
        APP="mistake",
        NAME=name,
        NEW=str(recovered.data),
    )
    if settings == "with_mistake":
        (drill.apps / "mistake" / "migrations" / f"{name}.py").unlink()

    looked = subprocess.run(
        ["/bin/sh", "-euc", LOOK.replace("python", sys.executable)],
        cwd=ROOT,
        env=drill.environ(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    with recovered.connect(DATABASE) as session:
        last, found = session.execute(
            "SELECT (SELECT username FROM users ORDER BY created_at DESC LIMIT 1),"
            " (SELECT count(*) FROM messages)"
        ).fetchone() or (None, None)
        session.execute("SELECT topic FROM channels")
    recovered.remove()

    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert (last, found) == (newest, messages)
