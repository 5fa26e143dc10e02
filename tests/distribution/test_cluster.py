"""There and back on a Citus cluster, where CITUS_URL leads to the coordinator of one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings
from psycopg import sql

from chat.rules.distribution import LEFT_OUT

CITUS_URL = os.environ.get("CITUS_URL", "")

pytestmark = pytest.mark.skipif(
    not CITUS_URL, reason="CITUS_URL does not lead to the coordinator of a Citus cluster"
)

NAME = "there_and_back"
ROLES = ("--owner", f"{NAME}_owner", "--app", f"{NAME}_app", "--readonly", f"{NAME}_readonly")


def url(*, host: str = "", port: int = 0, name: str = NAME) -> str:
    parts = urlsplit(CITUS_URL)
    place = parts.netloc.rpartition("@")[0] + f"@{host}:{port}" if host else parts.netloc
    return urlunsplit(parts._replace(netloc=place, path=f"/{name}"))


def rows(statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg.connect(url())) as session:
        return session.execute(statement).fetchall()


def manage(*arguments: str, code: int = 0) -> str:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("DB_", "MELO_"))
    }
    result = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment | {"DATABASE_URL": url()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout + result.stderr


@pytest.fixture
def workers() -> Iterator[str]:
    """Make a database on every machine of the cluster, migrate it, and then add the extension."""
    coordinator = urlsplit(CITUS_URL)
    with closing(psycopg.connect(CITUS_URL)) as session:
        places = session.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0"
        ).fetchall()
    everywhere = [(coordinator.hostname or "", coordinator.port or 5432), *places]
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(NAME))
    create = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(NAME))
    for host, port in everywhere:
        with closing(
            psycopg.connect(url(host=host, port=port, name="postgres"), autocommit=True)
        ) as session:
            session.execute(drop)
            session.execute(create)
    manage("migrate", "--verbosity", "0")
    for host, port in everywhere:
        with closing(psycopg.connect(url(host=host, port=port), autocommit=True)) as session:
            session.execute("CREATE EXTENSION citus")
    manage("migration_accept", "--drift", "--reason", "the extension")

    yield ",".join(f"{host}:{port}" for host, port in places)

    for host, port in reversed(everywhere):
        with closing(
            psycopg.connect(url(host=host, port=port, name="postgres"), autocommit=True)
        ) as session:
            session.execute(drop)
            for role in ROLES[1::2]:
                session.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


def test_tables_are_spread_brought_back_as_they_were_and_completed(workers: str) -> None:
    manage("seed_demo", "--messages", "500", "--users", "40", "--verbosity", "0")
    before = rows("SELECT * FROM channel_counters ORDER BY channel_id")

    said = manage("distribute", "--workers", workers, "--shards", "4")

    assert "users: copied to every machine, 40 rows" in said
    assert "messages: spread by space_id, 500 rows" in said
    assert all(name in said for name in LEFT_OUT)
    assert rows("SELECT count(DISTINCT nodeport) > 1 FROM citus_shards") == [(True,)]
    assert rows("SELECT * FROM channel_counters ORDER BY channel_id") == before
    assert "Nothing differs" in manage("migration_drift")
    assert "Nothing prevents" in manage("distribute", "--check")
    assert "broken" not in manage("check_integrity")
    assert "Nothing to do" in manage("distribute")
    # A cluster would hand a text of many statements on whole, and wait for itself.
    manage("database_roles", "--apply", *ROLES)

    said = manage("distribute", "--undo")

    assert "messages: back, 500 rows" in said
    assert rows("SELECT count(*) FROM pg_dist_partition") == [(0,)]
    assert rows("SELECT * FROM channel_counters ORDER BY channel_id") == before
    assert "broken" not in manage("check_integrity")
    assert "Nothing differs" in manage("migration_drift")
    assert rows("SELECT count(*) FROM pg_trigger WHERE tgenabled = 'D'") == [(0,)]
    assert rows(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'messages_pkey'"
    ) == [("PRIMARY KEY (id)",)]
    assert "Nothing to do" in manage("distribute", "--undo")

    # There again, but for one table, which then is as one that a migration made.
    manage("distribute", "--shards", "4")
    with closing(psycopg.connect(url(), autocommit=True)) as session:
        session.execute("SELECT undistribute_table('public.discarded_files')")
        session.execute("ALTER TABLE discarded_files DROP CONSTRAINT discarded_files_pkey")
        session.execute("ALTER TABLE discarded_files ADD PRIMARY KEY (id)")

    assert "\ndiscarded_files: spread by space_id, 0 rows\n1 tables are" in manage("distribute")
