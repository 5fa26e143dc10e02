"""What one direction of a migration does to the tables that were there before it.

Looked at around every statement, on the connection that runs it: a lock is seen while it is held,
and work is seen together with the locks it is done under.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from django.db import DatabaseError, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder
from psycopg import errors
from psycopg.pq import TransactionStatus

from chat.schema.files.tokens import first_token

# PostgreSQL's modes from the weakest to the strongest (manual, 13.3.1), as pg_locks names them.
LOCK_MODES: Final = {
    "AccessShareLock": "ACCESS SHARE",
    "RowShareLock": "ROW SHARE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
}
_STRENGTH = {name: strength for strength, name in enumerate(LOCK_MODES.values())}

READS_AND_WRITES = "reads and writes"
WRITES = "writes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen of one direction of a migration.

    Tables are those that were there before it, without their schema when that is public, and
    without Django's own of migrations. `locks` gives the strongest mode held on each at any time,
    `rewritten` those whose file was replaced, `scanned` those read from end to end, in the order
    seen. `blocked` are those that others wait for ("writes", "reads and writes") while a table is
    rewritten or scanned, so for longer the more rows there are; a lock without such work is held
    for a moment. `unseen` counts statements that cannot run in a transaction, as CREATE INDEX
    CONCURRENTLY: their locks are gone before they can be seen. `wal_bytes` is of the whole server.
    """

    duration_ms: float
    wal_bytes: int
    locks: Mapping[str, str]
    rewritten: tuple[str, ...]
    scanned: tuple[str, ...]
    blocked: Mapping[str, str]
    unseen: int


@dataclass(slots=True)
class _Look:
    is_within: bool
    files: dict[int, int] = field(default_factory=dict)
    scans: dict[int, int] = field(default_factory=dict)


class Observer:
    """Sees what runs within `watching`; `seen` is filled when it ends."""

    seen: Observation

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection
        self._tables: dict[int, str] = {}
        self._locks: dict[str, str] = {}
        self._rewritten: dict[str, None] = {}
        self._scanned: dict[str, None] = {}
        self._blocked: dict[str, str] = {}
        self._unseen = 0
        self._looking_seconds = 0.0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch every statement that Django sends on the connection until the block ends."""
        self._connection.ensure_connection()
        ignored = MigrationRecorder.Migration._meta.db_table
        self._tables = dict(self._ask(_TABLES, {"ignored": ignored}))
        wal = self._wal_position()
        started = time.perf_counter()
        with self._connection.execute_wrapper(self._execute):
            yield
        seconds = time.perf_counter() - started - self._looking_seconds
        self.seen = Observation(
            duration_ms=seconds * 1000,
            wal_bytes=self._wal_position() - wal,
            locks=self._locks,
            rewritten=tuple(self._rewritten),
            scanned=tuple(self._scanned),
            blocked=self._blocked,
            unseen=self._unseen,
        )

    def _execute(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        if self._status() is TransactionStatus.INERROR:
            # Only the way out of the transaction is left.
            return execute(sql, *arguments)
        if self._is_in_transaction() or _begins_transaction(sql):
            return self._watch(execute, sql, *arguments)
        # It would be a transaction of its own, so it gets one in which its locks can be seen.
        try:
            with transaction.atomic(using=self._connection.alias):
                return self._watch(execute, sql, *arguments)
        except DatabaseError as exc:
            if not isinstance(exc.__cause__, errors.ActiveSqlTransaction):
                raise
        self._unseen += 1
        return self._watch(execute, sql, *arguments)

    def _watch(self, execute: Callable[..., Any], *arguments: Any) -> Any:
        before = self._look()
        result = execute(*arguments)
        self._take_in(before, self._look())
        return result

    def _take_in(self, before: _Look, after: _Look) -> None:
        rewritten = [
            oid for oid, file in after.files.items() if before.files.get(oid, file) != file
        ]
        # Where the statement itself begins or ends a transaction, the counters are not the same.
        scanned = [
            oid
            for oid, scans in after.scans.items()
            if before.is_within is after.is_within and scans > before.scans.get(oid, scans)
        ]
        for mode, oid in self._held():
            name = self._tables[oid]
            if _STRENGTH[mode] > _STRENGTH.get(self._locks.get(name, ""), -1):
                self._locks[name] = mode
            waiting = _who_waits(mode) if rewritten or scanned else None
            if waiting and self._blocked.get(name) != READS_AND_WRITES:
                self._blocked[name] = waiting
        self._rewritten.update(dict.fromkeys(self._tables[oid] for oid in rewritten))
        self._scanned.update(dict.fromkeys(self._tables[oid] for oid in scanned))

    def _look(self) -> _Look:
        started = time.perf_counter()
        oids = list(self._tables)
        look = _Look(self._is_in_transaction())
        if look.is_within:
            rows = self._ask(_LOOK_WITHIN, {"oids": oids})
        else:
            self._ask(_FLUSH, {})
            rows = self._ask(_LOOK_BETWEEN, {"oids": oids})
        for oid, file, scans in rows:
            look.files[oid], look.scans[oid] = file, scans
        self._looking_seconds += time.perf_counter() - started
        return look

    def _held(self) -> list[tuple[str, int]]:
        started = time.perf_counter()
        rows = self._ask(_HELD, {"oids": list(self._tables)})
        self._looking_seconds += time.perf_counter() - started
        return [(LOCK_MODES[mode], oid) for mode, oid in rows if mode in LOCK_MODES]

    def _wal_position(self) -> int:
        ((position,),) = self._ask(_WAL, {})
        return int(position)

    def _is_in_transaction(self) -> bool:
        return self._connection.in_atomic_block or self._status() is TransactionStatus.INTRANS

    def _status(self) -> TransactionStatus:
        status: TransactionStatus = self._connection.connection.info.transaction_status
        return status

    def _ask(self, query: LiteralString, params: dict[str, Any]) -> list[Any]:
        """Ask without Django, which would call the wrapper again."""
        rows: list[Any] = self._connection.connection.execute(query, params).fetchall()
        return rows


def _begins_transaction(sql: str) -> bool:
    first = first_token(sql)
    return first is not None and sql[first.start : first.end].lower() in {"begin", "start"}


def _who_waits(mode: str) -> str | None:
    if mode == "ACCESS EXCLUSIVE":
        return READS_AND_WRITES
    return WRITES if _STRENGTH[mode] >= _STRENGTH["SHARE"] else None


_TABLES: Final[LiteralString] = """
SELECT c.oid::bigint,
       CASE n.nspname WHEN 'public' THEN '' ELSE quote_ident(n.nspname) || '.' END
       || quote_ident(c.relname)
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm')
  AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema'
  AND c.relname <> %(ignored)s
ORDER BY c.relname
"""

# Counted since the transaction began or before: only the difference of two looks is of use.
_LOOK_WITHIN: Final[LiteralString] = """
SELECT c.oid::bigint, c.relfilenode::bigint, pg_stat_get_xact_numscans(c.oid)
FROM pg_class AS c
WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
"""

_FLUSH: Final[LiteralString] = "SELECT pg_stat_force_next_flush()::text"

_LOOK_BETWEEN: Final[LiteralString] = """
SELECT c.oid::bigint, c.relfilenode::bigint, pg_stat_get_numscans(c.oid)
FROM pg_class AS c
WHERE c.oid = ANY (%(oids)s::bigint[]::oid[])
"""

_HELD: Final[LiteralString] = """
SELECT l.mode, l.relation::bigint
FROM pg_locks AS l
WHERE l.pid = pg_backend_pid()
  AND l.locktype = 'relation'
  AND l.granted
  AND l.relation = ANY (%(oids)s::bigint[]::oid[])
"""

_WAL: Final[LiteralString] = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
