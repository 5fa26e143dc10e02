"""Reads from replicas, and whether a replica has what its reader wrote.

The replicas are streaming standbys of the primary, named by DB_REPLICA_HOSTS; `settings.REPLICAS`
has their aliases. Each name leads to one server: one is asked how far it is on one connection, and
read on another. Without any, nothing here asks a server anything.

chat.queries reads from one of them, chosen at random, that follows the primary and is at most
DB_REPLICA_MAX_LAG seconds behind. One that is further behind, does not answer, was promoted, or
after a failover still follows the old primary, is not used until it follows again; a read that
fails on it is done on the primary. In a transaction everything is read from the primary; so is what
the ORM reads, unless it says `.using(reading_alias())`. While the primary is away, the replicas go
on answering those who have not written.

Within a request, or a block of `read_your_writes`, a read after a write goes to a replica only when
that replica has replayed the position in the write-ahead log that the primary had after the write.
"""

import logging
import os
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from django.conf import settings
from django.core import signing
from django.db import DatabaseError, InterfaceError, OperationalError, connections, router
from django.db.models import Model
from django.db.transaction import TransactionManagementError
from django.http import HttpRequest, HttpResponse

from chat.db.statements import Statement
from chat.errors import InvalidInput
from chat.inputs import describe
from chat.models import User

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_SALT = "chat.replicas"
_CHECK_SECONDS = 0.5
# How long the last answer of a server counts.
_BELIEVED_SECONDS = 3 * _CHECK_SECONDS
# A server that does not answer for so long is asked on a new connection: after a failover, its name
# may lead to another one, and the old one may never close what it has open.
_ANSWER_SECONDS = 5
# A problem that several looks in a row find is one for the log.
_LOGGED_AFTER = 4


class Position(NamedTuple):
    """A position in the write-ahead log of one server."""

    # Of the cluster, and of its history: a failover begins another timeline.
    system: int
    timeline: int
    # In bytes.
    lsn: int


def _position_and_snapshot(
    system: int, timeline: int, lsn: int, snapshot: str
) -> tuple[Position, str]:
    return Position(system, timeline, lsn), snapshot


# Of what is written, flushed or not: a commit may not have waited for the disk. Without the header
# of a page that has nothing else yet, 40 bytes where a segment begins: no replica replays it before
# somebody writes there.
_PRIMARY_POSITION = Statement(
    """
    SELECT
        system_identifier,
        ('x' || left(pg_walfile_name(inserted), 8))::bit(32)::integer,
        (inserted - '0/0')::bigint
        - CASE
            WHEN mod(inserted - '0/0', pg_size_bytes(current_setting('wal_segment_size'))) = 40
                THEN 40
            WHEN mod(inserted - '0/0', current_setting('wal_block_size')::integer) = 24
                THEN 24
            ELSE 0
        END,
        pg_current_snapshot()::text
    FROM pg_control_system()
    CROSS JOIN pg_current_wal_insert_lsn() AS inserted
    """,
    _position_and_snapshot,
)


class _Replayed(NamedTuple):
    system: int
    timeline: int
    # False once it was promoted.
    is_replica: bool
    lsn: int


# The timeline is that of what it receives, which only roles of pg_monitor can see; else that of its
# control file, which follows a failover within some minutes.
_REPLAYED: Statement[_Replayed] = Statement(
    """
    SELECT
        system_identifier,
        greatest(
            (SELECT received_tli FROM pg_stat_wal_receiver),
            (SELECT min_recovery_end_timeline FROM pg_control_recovery()),
            (SELECT timeline_id FROM pg_control_checkpoint())
        ),
        pg_is_in_recovery(),
        coalesce(pg_last_wal_replay_lsn() - '0/0', 0)::bigint
    FROM pg_control_system()
    """,
    _Replayed,
)


# What a reader has to find -----------------------------------------------------------------------


@dataclass(slots=True)
class _Unit:
    """What was written in one unit of work, and where it reads. Threads may share it."""

    # What a replica must have replayed.
    required: Position | None = None
    # Threads that wrote something, and have not asked for the position since. One cannot ask for
    # another, which may not have committed yet.
    writers: set[int] = field(default_factory=set)
    # The replica that was read last, and is read again if possible: another may be further behind.
    alias: str | None = None
    # What of that each replica is known to have replayed.
    caught_up: dict[str, Position] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def require(self, position: Position) -> None:
        with self.lock:
            known = self.required
            if known is None or position.lsn > known.lsn or position[:2] != known[:2]:
                self.required = position


_unit: ContextVar[_Unit | None] = ContextVar("chat_replicas_unit", default=None)


@contextmanager
def read_your_writes(token: str | None = None) -> Iterator[None]:
    """Let reads in the block see what was written in it before, and before `token` was made.

    A block within a block is part of the outer one. Reads stay on one replica while it can be used:
    on another, the second statement of a query could miss what the first has found.

    Writes of the services are noticed, and those of the ORM where it chooses the connection itself;
    after a write that names a connection (`using`), or in SQL, call `wrote`.

    Raises: InvalidInput for a token that `token` did not make.
    """
    unit = _unit.get() or _Unit()
    if token is not None:
        _require_token(unit, token)
    outside = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(outside)


def token() -> str | None:
    """Return a token of what was written so far, for a client to send with its next request.

    None when nothing was written, outside a block, or without replicas. It is signed, not secret:
    it has the cluster's identifier and a position in its log. One statement on the primary, if
    something was written.

    Raises: TransactionManagementError in a transaction that is not at its end.
    """
    unit = _unit.get()
    if unit is None or not settings.REPLICAS:
        return None
    required = _required(unit, _primary())
    return None if required is None else _signer().sign_object(required)


def wrote() -> None:
    """Say that something was written in this unit of work."""
    unit = _unit.get()
    if unit is not None:
        unit.writers.add(threading.get_ident())


def middleware(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Make each request a unit of work, but for what is streamed after the response was made."""

    def respond(request: HttpRequest) -> HttpResponse:
        with read_your_writes():
            return get_response(request)

    return respond


class Router:
    """Notes what the services and the ORM write."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        """Choose the primary for what belongs to a row from a replica; leave the rest to others."""
        row = hints.get("instance")
        # Documented for routers.
        read_from = row and row._state.db  # noqa: SLF001
        return _primary() if read_from in settings.REPLICAS else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        """Note that something is about to be written, and choose as for a read."""
        wrote()
        return self.db_for_read(model, **hints)

    def allow_relation(self, obj1: Model, obj2: Model, **hints: Any) -> bool | None:
        """Allow a row from a replica to refer to one from the primary."""
        return True if settings.REPLICAS else None


def _signer() -> signing.Signer:
    # Without the time, so that the token of a position is always the same.
    return signing.Signer(salt=_SALT)


def _require_token(unit: _Unit, token: str) -> None:
    try:
        position = Position(*_signer().unsign_object(token))
    except (signing.BadSignature, TypeError, ValueError):
        raise InvalidInput(
            "token", seen=describe(token), expected="what chat.replicas.token() returned"
        ) from None
    unit.require(position)


def _required(unit: _Unit, primary: str) -> Position | None:
    if unit.writers:
        if _in_transaction(primary):
            raise TransactionManagementError(
                "Writes of a transaction have no position before its end: ask after it."
            )
        ((position, _),) = _PRIMARY_POSITION.rows({}, using=primary)
        unit.require(position)
        unit.writers.discard(threading.get_ident())
    return unit.required


# Where it reads ----------------------------------------------------------------------------------


def read(run: Callable[..., Result], params: Mapping[str, Any]) -> Result:
    """Return what `run`, a method of a Statement, returns with these parameters.

    The primary is asked when a replica cannot answer: it is gone, or has cancelled the statement
    because it was in the way of what it replays.
    """
    primary = _primary()
    alias = reading_alias() if settings.REPLICAS else primary
    if alias == primary:
        return run(params, using=primary)
    try:
        return run(params, using=alias)
    except (DatabaseError, InterfaceError) as error:
        _leave(alias, error)
        return run(params, using=primary)


def reading_alias() -> str:
    """Return the alias of a replica that may be read from now, or that of the primary."""
    primary = _primary()
    if not settings.REPLICAS or _in_transaction(primary):
        return primary
    usable = watch().usable()
    candidates = random.sample(list(usable), len(usable))
    unit = _unit.get()
    if unit is None:
        return candidates[0] if candidates else primary
    required = _required(unit, primary)
    if required is not None and any(seen[:2] != required[:2] for seen in usable.values()):
        # Of before a failover. What the new primary has of it is before where that is now.
        wrote()
        required = _required(unit, primary)
    for alias in sorted(candidates, key=lambda alias: alias != unit.alias):
        if required is None or _has_replayed(required, alias, usable[alias], unit):
            unit.alias = alias
            return alias
    return primary


def _primary() -> str:
    return router.db_for_read(User)


def _in_transaction(alias: str) -> bool:
    connection = connections[alias]
    # With or without `atomic`.
    return connection.in_atomic_block or bool(connection.connection and not connection.autocommit)


def _has_replayed(required: Position, alias: str, seen: Position, unit: _Unit) -> bool:
    if unit.caught_up.get(alias) == required:
        return True
    # Positions of another history say nothing.
    if required[:2] != seen[:2]:
        return False
    if seen.lsn < required.lsn:
        try:
            replayed = _REPLAYED.first({}, using=alias)
        except (DatabaseError, InterfaceError) as error:
            _leave(alias, error)
            return False
        if replayed is None or not replayed.is_replica or replayed.lsn < required.lsn:
            return False
    unit.caught_up[alias] = required
    return True


def _leave(alias: str, error: Exception) -> None:
    _LOG.warning("The primary is read instead of %s: %s", alias, str(error).strip())
    connections[alias].close()
    # Any other error is that of one statement, and no reason for others to leave it.
    if isinstance(error, (OperationalError, InterfaceError)):
        watch().forget(alias)


# How far the replicas are ------------------------------------------------------------------------


class _Unusable(Exception):  # noqa: N818 — no error, but what is found
    """A replica may not be read from now."""


class Watch:
    """Asks every server twice a second how far it is, each in a thread of its own.

    So a server that does not answer stops nobody, and is not used any more.
    """

    def __init__(self) -> None:
        self.primary = _primary()
        # Where the primary was, and when it was first seen there, for as long as matters.
        self._history: deque[tuple[float, Position]] = self._no_history()
        # Which transactions had ended there.
        self._snapshot = ""
        # When the primary answered last.
        self._answered_at = 0.0
        # Where the replicas that may be read from were at the last look, and when that was.
        self._replicas: dict[str, tuple[float, Position]] = {}
        self._ended = threading.Event()
        for alias in (self.primary, *settings.REPLICAS):
            threading.Thread(
                target=self._ask_until_the_end, args=(alias,), name=f"watch {alias}", daemon=True
            ).start()

    def usable(self) -> dict[str, Position]:
        """Return the replicas that may be read from, and where they were at the last look."""
        now = time.monotonic()
        return {
            alias: position
            for alias, (at, position) in list(self._replicas.items())
            if now < at + _BELIEVED_SECONDS
        }

    def forget(self, alias: str) -> None:
        """Do not use a replica until it has answered again."""
        self._replicas.pop(alias, None)

    def end(self) -> None:
        """Ask nothing any more."""
        self._ended.set()

    def _ask_until_the_end(self, alias: str) -> None:
        own = connections[alias].copy()
        own.settings_dict["OPTIONS"].pop("pool", None)
        own.settings_dict["ANSWER_SECONDS"] = _ANSWER_SECONDS
        connections[alias] = own
        ask = self._ask_primary if alias == self.primary else self._ask_replica
        problems = 0
        while not self._ended.is_set():
            try:
                ask(alias)
            except (DatabaseError, InterfaceError, _Unusable) as problem:
                self.forget(alias)
                if not isinstance(problem, _Unusable):
                    own.close()
                problems += 1
                if problems == _LOGGED_AFTER:
                    _LOG.warning("Watching %s: %s", alias, str(problem).strip())
            else:
                if problems >= _LOGGED_AFTER:
                    _LOG.warning("Watching %s: no problem any more", alias)
                problems = 0
            self._ended.wait(_CHECK_SECONDS)
        own.close()

    def _ask_primary(self, alias: str) -> None:
        now = time.monotonic()
        ((position, snapshot),) = _PRIMARY_POSITION.rows({}, using=alias)
        self._answered_at = now
        if self._history and position[:2] != self._history[-1][1][:2]:
            # A new one, for another thread may be reading the old one.
            self._history = self._no_history()
        # What is not committed is nothing that a replica lacks, and it may not be sent for long.
        if not self._history or snapshot != self._snapshot:
            self._history.append((now, position))
        self._snapshot = snapshot

    def _ask_replica(self, alias: str) -> None:
        now = time.monotonic()
        (replayed,) = _REPLAYED.rows({}, using=alias)
        if not replayed.is_replica:
            raise _Unusable("it is no replica")
        history = list(self._history)
        if not history:
            raise _Unusable("the primary has not answered yet")
        position = history[-1][1]
        if (replayed.system, replayed.timeline) != position[:2]:
            raise _Unusable("it follows another server than the primary, or one before a failover")
        passed = (at for at, position in history if position.lsn > replayed.lsn)
        # How long the primary had been ahead when it answered last. The time that it is away does
        # not count: nothing new is known to be written.
        seconds = self._answered_at - next(passed, self._answered_at)
        if replayed.lsn < history[0][1].lsn or seconds > settings.REPLICA_MAX_LAG:
            raise _Unusable(f"it is more than {seconds:.0f} seconds behind")
        self._replicas[alias] = now, position._replace(lsn=replayed.lsn)

    @staticmethod
    def _no_history() -> deque[tuple[float, Position]]:
        return deque(maxlen=int(settings.REPLICA_MAX_LAG / _CHECK_SECONDS) + 2)


_watching: Watch | None = None
_mutex = threading.Lock()


def watch() -> Watch:
    """Return the one watch of this process, which begins with the first read."""
    global _watching  # noqa: PLW0603 — one for the process
    if _watching is None:
        with _mutex:
            _watching = _watching or Watch()
    return _watching


def _after_fork_in_child() -> None:
    global _watching, _mutex
    _watching, _mutex = None, threading.Lock()


os.register_at_fork(after_in_child=_after_fork_in_child)
