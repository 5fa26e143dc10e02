"""What has to be there before tables can be spread: refusals that say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chat.distribution.tables import rows
from chat.schema.errors import RefusedError
from chat.schema.run.gates import require_ready
from chat.schema.status.reading import read_statuses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.backends.base.base import BaseDatabaseWrapper


class NotReadyError(RefusedError):
    """The tables cannot be spread yet; nothing was changed."""


def require_migrated(connection: BaseDatabaseWrapper) -> None:
    """Raise unless every migration is applied as it is on disk."""
    require_ready(read_statuses(connection))


def require_cluster(connection: BaseDatabaseWrapper) -> None:
    """Raise unless Citus is there, and the server is set up for it.

    Raises:
        NotReadyError: with everything that is missing.
    """
    ((preloaded, has_extension, prepared, connections_, wal_level, hanging),) = rows(
        connection, _SERVER
    )
    missing = []
    if preloaded != "citus":
        missing.append(
            "citus is not the first of shared_preload_libraries. Put it there, and restart."
        )
    if not has_extension:
        missing.append("The extension is not in this database. CREATE EXTENSION citus on each.")
    if prepared < 2 * connections_:
        missing.append(
            f"max_prepared_transactions is {prepared}, less than twice max_connections "
            f"({connections_}). Set it to {2 * connections_}, and restart."
        )
    if wal_level != "logical":
        missing.append(f"wal_level is {wal_level}. Set it to logical, and restart.")
    if hanging:
        missing.append(
            f"{hanging} prepared transactions wait in this database. COMMIT PREPARED or ROLLBACK "
            "PREPARED each of pg_prepared_xacts."
        )
    if missing:
        raise NotReadyError(seen="\n".join(missing))


def add_workers(connection: BaseDatabaseWrapper, workers: Iterable[tuple[str, int]]) -> None:
    """Add machines to the cluster that are not in it yet."""
    info = connection.connection.info
    if not rows(connection, "SELECT FROM pg_dist_node WHERE groupid = 0"):
        rows(connection, "SELECT citus_set_coordinator_host(%s, %s)", [info.host, info.port])
    for host, port in workers:
        rows(connection, "SELECT citus_add_node(%s, %s)", [host, port])


_SERVER = """
SELECT
    trim(split_part(current_setting('shared_preload_libraries'), ',', 1)),
    EXISTS (SELECT FROM pg_extension WHERE extname = 'citus'),
    current_setting('max_prepared_transactions')::integer,
    current_setting('max_connections')::integer,
    current_setting('wal_level'),
    (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())
"""
