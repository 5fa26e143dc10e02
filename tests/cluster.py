"""A database on a Citus cluster, for tests that have one: CITUS_URL leads to its coordinator."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.db.distributed import forget

# Fewer than in production: each costs its tables, and there are few rows.
SHARDS = 4


@contextmanager
def spread(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Make the database on every machine of the cluster, and spread its tables, for the block."""
    name = str(connection.settings_dict["NAME"])
    params = connection.get_connection_params()
    workers = _workers({**params, "dbname": "postgres"})
    drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for host, port in workers:
        place = {**params, "host": host, "port": port}
        with closing(
            psycopg.connect(**{**place, "dbname": "postgres"}, autocommit=True)
        ) as session:
            # Of a run that was killed.
            session.execute(drop)
            session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with closing(psycopg.connect(**{**place, "dbname": name}, autocommit=True)) as session:
            session.execute("CREATE EXTENSION IF NOT EXISTS citus")
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS citus")
    call_command("migration_accept", drift=True, reason="the extension", verbosity=0)
    added = ",".join(f"{host}:{port}" for host, port in workers)
    call_command("distribute", f"--workers={added}", f"--shards={SHARDS}", verbosity=0)
    # What the cluster is set up with holds for new sessions.
    connection.close()
    forget()
    yield
    with connection.cursor() as cursor:
        # Those of the cluster itself, which stay: whoever drops the database would wait for them.
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    for host, port in workers:
        place = {**params, "host": host, "port": port, "dbname": "postgres"}
        with closing(psycopg.connect(**place, autocommit=True)) as session:
            session.execute(drop)


def _workers(params: dict[str, Any]) -> list[tuple[str, int]]:
    """Return the machines that the cluster's own database knows."""
    with closing(psycopg.connect(**params)) as session:
        return list(
            session.execute(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeport"
            )
        )
