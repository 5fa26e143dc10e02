"""A dump of one version of PostgreSQL, restored into another as melo/README.md tells it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from pytest_django import DjangoDbBlocker

from chat.db.roles import DatabaseRoles
from melo.embedded.binaries import installed_binaries
from melo.embedded.server import EmbeddedServer
from tests.conftest import ROOT, clean_environ
from tests.in_process import run_in_process
from tests.melo.conftest import open_directory
from tests.replicas.test_backup import DUMP, RESTORE, RESTORE_INTO_OLDER
from tests.scratch import ScratchServer

Environ = dict[str, str]


@pytest.fixture(scope="module")
def here(scratch_server: ScratchServer, django_db_blocker: DjangoDbBlocker) -> Environ:
    """The server that the tests use."""
    with django_db_blocker.unblock():
        params = scratch_server.maintenance.get_connection_params()
        version = scratch_server.maintenance.pg_version  # type: ignore[attr-defined]
    if version >= 180000:
        pytest.skip("the server of the tests is of the same version as the embedded one")
    return _environ(
        host=str(params["host"]),
        port=str(params["port"]),
        user=str(params["user"]),
        password=str(params["password"]),
    )


@pytest.fixture(scope="module")
def newest(here: Environ) -> Iterator[Environ]:
    """A server of the newest version."""
    directory = open_directory()
    server = EmbeddedServer(directory / "postgres")
    endpoint = server.ensure_running()
    yield _environ(host=str(endpoint.socket_dir), port=str(endpoint.port), user=endpoint.user)
    server.leave()
    shutil.rmtree(directory)


@pytest.mark.parametrize("is_into_older", [False, True])
def test_dump_of_one_version_is_whole_in_another(
    is_into_older: bool,
    here: Environ,
    newest: Environ,
    tmp_path: Path,
    django_db_blocker: DjangoDbBlocker,
) -> None:
    of, into = (newest, here) if is_into_older else (here, newest)
    with django_db_blocker.unblock(), _database(of) as source, _database(into) as target:
        _type("createdb melo_v2", source, tmp_path)
        _manage(source, "migrate", "-v0")
        _manage(source, "seed_demo", "--messages", "200", "-v0")
        _type(DUMP, source, tmp_path)
        dump = tmp_path / "dump.sql"
        # One server was seen to keep something in every column's options for itself.
        dump.write_text(
            re.sub(
                r"^ALTER TABLE .* SET \(pg_attver=\d+\);$",
                "",
                re.sub(r"pg_attver=\d+, *", "", dump.read_text("utf-8")),
                flags=re.MULTILINE,
            ),
            "utf-8",
        )
        _type(RESTORE_INTO_OLDER if is_into_older else RESTORE, target, tmp_path)

        for command in ("migration_status --check", "migration_drift", "check_integrity"):
            _manage(target, *command.split())
        assert _contents(target) == _contents(source)
        assert _send(target) == _send(source)


def _environ(*, host: str, port: str, user: str, password: str = "") -> Environ:
    programs = installed_binaries().program("psql").parent
    own = clean_environ(DB_HOST=host, DB_PORT=port, DB_USER=user, DB_PASSWORD=password)
    libpq = {"PGHOST": host, "PGPORT": port, "PGUSER": user, "PGPASSWORD": password}
    return own | libpq | {"PATH": f"{programs}:{own['PATH']}"}


@contextmanager
def _database(server: Environ) -> Iterator[Environ]:
    """Yield the way to a database that is to be made, and remove it with its roles afterwards."""
    name = f"melo_dump_{uuid4().hex[:12]}"
    yield server | {"DB_NAME": name}
    roles = DatabaseRoles.named_after(name)
    with _connected(server, "postgres") as session:
        session.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
        for role in (roles.owner, roles.app, roles.readonly):
            session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def _connected(server: Environ, name: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(
        host=server["PGHOST"],
        port=server["PGPORT"],
        user=server["PGUSER"],
        password=server["PGPASSWORD"],
        dbname=name,
        autocommit=True,
    )


def _type(commands: str, database: Environ, folder: Path) -> None:
    """Type what an operator types."""
    own = re.sub(r"\bmelo_v2\b", database["DB_NAME"], commands.replace("python", sys.executable))
    done = subprocess.run(
        ["/bin/sh", "-euc", own],
        cwd=ROOT,
        env={**database, "BACKUP": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, "")


def _manage(database: Environ, *arguments: str) -> None:
    done = run_in_process(*arguments, environ=database)
    assert done.returncode == 0, done.stdout + done.stderr


def _contents(database: Environ) -> list[tuple[object, ...]]:
    """Return how many rows each table has, and the sum of what they hold."""
    tables = (
        "channel_counters",
        "django_migrations",
        "messages",
        "read_states",
        "reactions",
        "users",
    )
    with _connected(database, database["DB_NAME"]) as session:
        session.execute("SET timezone = 'UTC'")
        return [
            session.execute(
                sql.SQL(
                    "SELECT count(*), md5(string_agg(each::text, '' ORDER BY each::text COLLATE"
                    ' "C")) FROM {} AS each'
                ).format(sql.Identifier(table))
            ).fetchone()
            or ()
            for table in tables
        ]


def _send(database: Environ) -> object:
    """Send a message; return where it stands."""
    with _connected(database, database["DB_NAME"]) as session:
        return session.execute(
            """
            INSERT INTO messages (space_id, channel_id, author_id, content)
            SELECT space_id, channel_id, author_id, 'Still afloat'
            FROM messages
            WHERE author_id IS NOT NULL AND deleted_at IS NULL
            ORDER BY id
            LIMIT 1
            RETURNING channel_id, seq
            """
        ).fetchone()
