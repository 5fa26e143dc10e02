"""The whole project's tables without its migrations, as `pytest --no-migrations` makes them."""

import subprocess
import sys

import psycopg
import pytest
from django.db import connections
from psycopg import sql

from tests.conftest import ROOT, ScratchDatabase


def run_tests(database: ScratchDatabase, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--no-migrations", "-p", "no:cacheprovider"),
            *(*options, "tests/chat/unmigrated_models.py"),
        ],
        cwd=ROOT,
        env=dict(database.environ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("processes", ["-n0", "-n2"])
def test_tests_without_migrations_have_every_table(
    scratch_database: ScratchDatabase, processes: str
) -> None:
    result = run_tests(scratch_database, processes)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "5 passed" in result.stdout


def test_database_that_was_kept_is_used_again(scratch_database: ScratchDatabase) -> None:
    try:
        first = run_tests(scratch_database, "-n0", "--reuse-db")
        again = run_tests(scratch_database, "-n0", "--reuse-db")
    finally:
        params = connections["default"].get_connection_params() | {"dbname": "postgres"}
        with psycopg.connect(**params, autocommit=True) as session:
            session.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                    sql.Identifier(f"test_{scratch_database.name}")
                )
            )

    assert (first.returncode, again.returncode) == (0, 0), first.stdout + again.stdout
