"""Checks what spreading the tables requires; each refusal says what to do."""

from collections.abc import Iterable, Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from chat.distribution.rules import findings
from chat.distribution.tables import rows
from chat.schema.errors import RefusedError
from chat.schema.run.gates import require_ready
from chat.schema.status.reading import read_statuses
from chat.schema.text import command_line

_HERE = {"localhost", "127.0.0.1", "::1"}


class NotReadyError(RefusedError):
    """The tables cannot be spread yet; nothing was changed."""


def require_ready_cluster(connection: BaseDatabaseWrapper) -> None:
    """Raise unless the tables can be spread now.

    Raises:
        PendingMigrationsError and others of chat.schema: the schema is not that of the code.
        NotReadyError: something is missing; it lists everything.
    """
    require_ready(read_statuses(connection, is_lock_ours=True))
    if missing := [*_missing(connection)]:
        raise NotReadyError(seen="\n".join(missing))
    if found := [*findings(connection)]:
        raise NotReadyError(
            seen=f"{len(found)} findings prevent it.",
            next_step=f"See them: {command_line('distribute', '--check')}",
        )


def has_citus(connection: BaseDatabaseWrapper) -> bool:
    """Return whether this database has the extension; one statement."""
    return bool(rows(connection, "SELECT FROM pg_extension WHERE extname = 'citus'"))


def add_workers(connection: BaseDatabaseWrapper, workers: Iterable[tuple[str, int]]) -> None:
    """Add to the cluster the machines that are not in it yet, and this one by its own address.

    Raises:
        NotReadyError: the others would look for this machine at localhost.
    """
    wanted = list(workers)
    if not wanted:
        return
    info = connection.connection.info
    if not rows(connection, "SELECT FROM pg_dist_node WHERE groupid = 0"):
        if (info.host in _HERE or info.host.startswith("/")) and not {
            host for host, _ in wanted
        } <= _HERE:
            raise NotReadyError(
                seen=f"The workers would look for this machine at {info.host or 'its socket'}.",
                next_step="Set DB_HOST to a name of this machine that they know as well.",
            )
        rows(connection, "SELECT citus_set_coordinator_host(%s, %s)", [info.host, info.port])
    for host, port in wanted:
        rows(connection, "SELECT citus_add_node(%s, %s)", [host, port])


def _missing(connection: BaseDatabaseWrapper) -> Iterator[str]:
    ((preloaded, wal_level, hanging),) = rows(connection, _SERVER)
    if preloaded != "citus":
        yield "citus is not the first of shared_preload_libraries. Put it there, and restart."
    if wal_level != "logical":
        yield (
            f"wal_level is {wal_level}, and no part could be moved. Set it to logical, and restart."
        )
    if hanging:
        yield (
            f"{hanging} prepared transactions wait in this database. COMMIT PREPARED or ROLLBACK "
            "PREPARED each of pg_prepared_xacts."
        )
    if not has_citus(connection):
        yield "The extension is not in this database. On each machine: CREATE EXTENSION citus."
        return
    if not rows(connection, "SELECT FROM pg_dist_local_group WHERE groupid = 0"):
        yield "This is a worker. Connect to the coordinator."
    else:
        for host, port, is_answering, seen in rows(connection, _MACHINES, [_PREPARED]):
            if not is_answering:
                yield f"{host}:{port} does not answer: {seen}"
            elif seen != "enough":
                yield (
                    f"max_prepared_transactions of {host}:{port} is {seen}. Set it to twice its "
                    "max_connections, and restart."
                )


_SERVER = """
SELECT
    trim(split_part(current_setting('shared_preload_libraries'), ',', 1)),
    current_setting('wal_level'),
    (SELECT count(*) FROM pg_prepared_xacts WHERE database = current_database())
"""
_MACHINES = """
SELECT nodename::text, nodeport, success, result
FROM run_command_on_all_nodes(%s)
INNER JOIN pg_dist_node USING (nodeid)
"""
_PREPARED = """
SELECT CASE
    WHEN current_setting('max_prepared_transactions')::integer
        >= 2 * current_setting('max_connections')::integer
        THEN 'enough'
    ELSE current_setting('max_prepared_transactions')
END
"""
