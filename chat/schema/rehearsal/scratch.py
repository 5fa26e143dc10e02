"""An empty database beside the configured one, for as long as it is needed.

The configured database is neither connected to nor changed: only its connection settings are read.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import LiteralString
from uuid import uuid4

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, sql

from chat.schema.errors import RefusedError, SchemaError
from chat.schema.rehearsal.abandoned import (
    SUFFIX_DIGITS,
    LeftBehind,
    claim,
    drop_left_behind,
    mark,
)
from chat.schema.session.database import cut_name, database_name

_MAINTENANCE_DATABASE = "postgres"
_PREFIX_BYTES = 40


class NoScratchDatabaseError(RefusedError):
    """No scratch database can be made; nothing was changed."""

    def __init__(self, *, user: str, said: str) -> None:
        super().__init__(
            seen=f"PostgreSQL said: {said}",
            next_step=(
                f"Let the role make databases: ALTER ROLE {user} CREATEDB. Or set the variables "
                "of the database to a server where it may, such as the one tests run on."
            ),
        )


class NotScratchError(SchemaError):
    """The connection leads somewhere else than to the scratch database; nothing was run."""


@dataclass(slots=True, kw_only=True)
class ScratchDatabase:
    """An empty database beside the configured one, and the connection to it.

    `is_made` says that it was made here: nothing else is ever dropped.
    """

    name: str
    beside: str
    connection: BaseDatabaseWrapper
    is_made: bool = False

    def recreate(self) -> None:
        """Drop it and make it again, empty."""
        _drop(self)
        _create(self)


@contextmanager
def scratch_database(
    connection: BaseDatabaseWrapper,
    *,
    on_left_behind: Callable[[LeftBehind], None] = lambda _: None,
) -> Iterator[ScratchDatabase]:
    """Make an empty database on the server of `connection`; drop it in the end, however that comes.

    Meanwhile it takes the place of the configured database under the same alias, so that what a
    migration asks for by that alias, or by none, is asked of it. Only a process that is killed
    leaves it behind: its name is 40 bytes of the configured one's, `_rehearsal_` and eight digits.
    The next one drops what is certainly such a leftover; `on_left_behind` is told of each that was
    found.

    Raises:
        NoScratchDatabaseError: the server does not let this user make one.
        NotScratchError: the settings lead elsewhere, whatever their NAME says.
    """
    configured = database_name(connection)
    prefix = f"{cut_name(configured, size_bytes=_PREFIX_BYTES)}_rehearsal_"
    name = f"{prefix}{uuid4().hex[:SUFFIX_DIGITS]}"
    scratch = ScratchDatabase(name=name, beside=configured, connection=_beside(connection, name))
    with closing(_beside(connection, _MAINTENANCE_DATABASE)) as owner:
        for found in drop_left_behind(owner, prefix=prefix, beside=configured):
            on_left_behind(found)
        claim(owner, name=name)
        try:
            _create(scratch)
            with _in_place_of(connection, scratch.connection):
                yield scratch
        finally:
            with _uninterrupted():
                _drop(scratch)


def _create(scratch: ScratchDatabase) -> None:
    # Before it is: who interrupts CREATE DATABASE may be too late to stop it.
    scratch.is_made = True
    try:
        _execute("CREATE DATABASE {} TEMPLATE template0", scratch)
    except DatabaseError as exc:
        scratch.is_made = False
        if isinstance(exc.__cause__, errors.InsufficientPrivilege):
            user = str(scratch.connection.settings_dict["USER"])
            raise NoScratchDatabaseError(user=user, said=str(exc)) from exc
        raise
    with _maintenance(scratch) as maintenance:
        mark(maintenance, name=scratch.name, beside=scratch.beside)
    with scratch.connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (found,) = cursor.fetchone()
    if found != scratch.name:
        raise NotScratchError(
            seen=f"Expected {scratch.name}, got {found}.",
            next_step="Take from OPTIONS what names another database or server.",
        )


def _drop(scratch: ScratchDatabase) -> None:
    scratch.connection.close()
    if scratch.is_made and scratch.name != cut_name(scratch.beside):
        _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", scratch)


def _execute(statement: LiteralString, scratch: ScratchDatabase) -> None:
    with _maintenance(scratch) as maintenance, maintenance.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(scratch.name)))


def _maintenance(scratch: ScratchDatabase) -> closing[BaseDatabaseWrapper]:
    return closing(_beside(scratch.connection, _MAINTENANCE_DATABASE))


def _beside(connection: BaseDatabaseWrapper, name: str) -> BaseDatabaseWrapper:
    """Return a connection to another database of the same server, under the same alias.

    A pool is kept by alias, so it would hand out connections to the configured database.
    """
    settings = deepcopy(connection.settings_dict)
    settings["NAME"] = name
    for option in ("pool", "dbname", "service"):
        settings["OPTIONS"].pop(option, None)
    return type(connection)(settings, alias=connection.alias)


@contextmanager
def _in_place_of(connection: BaseDatabaseWrapper, scratch: BaseDatabaseWrapper) -> Iterator[None]:
    alias = connection.alias
    connections[alias] = scratch
    connections.settings[alias] = scratch.settings_dict
    try:
        yield
    finally:
        connections[alias] = connection
        connections.settings[alias] = connection.settings_dict


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let no second Ctrl-C keep the database from being dropped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
