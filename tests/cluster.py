"""A database on a Citus cluster, for tests that have one: CITUS_URL leads to its coordinator."""

from contextlib import closing

import psycopg
from django.core.management import call_command
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import sql

from chat.db.distributed import forget

# Fewer than in production: each costs its tables, and there are few rows.
SHARDS = 4


def spread(connection: BaseDatabaseWrapper) -> None:
    """Make the database on every machine of the cluster, and spread its tables."""
    name = str(connection.settings_dict["NAME"])
    params = connection.get_connection_params()
    workers = _workers({**params, "dbname": "postgres"})
    for host, port in workers:
        place = {**params, "host": host, "port": port}
        with closing(
            psycopg.connect(**{**place, "dbname": "postgres"}, autocommit=True)
        ) as session:
            found = session.execute("SELECT FROM pg_database WHERE datname = %s", [name])
            if found.fetchone() is None:
                session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with closing(psycopg.connect(**{**place, "dbname": name}, autocommit=True)) as session:
            session.execute("CREATE EXTENSION IF NOT EXISTS citus")
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS citus")
    added = ",".join(f"{host}:{port}" for host, port in workers)
    call_command("distribute", f"--workers={added}", f"--shards={SHARDS}", verbosity=0)
    # What the cluster is set up with holds for new sessions.
    connection.close()
    forget()


def _workers(params: dict[str, object]) -> list[tuple[str, int]]:
    """Return the machines that the cluster's own database knows."""
    with closing(psycopg.connect(**params)) as session:  # type: ignore[arg-type]
        return list(
            session.execute(
                "SELECT nodename, nodeport FROM pg_dist_node WHERE groupid <> 0 ORDER BY nodeport"
            )
        )
