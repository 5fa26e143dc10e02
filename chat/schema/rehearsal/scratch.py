"""An empty database beside the configured one, for as long as it is needed.

The configured database is not changed: traits.py reads what the empty one needs to be like it.
A rehearsal holds an advisory lock on the name of its scratch database, by a session on the
maintenance database, and the server drops that lock with the process. So a database that has the
name and the comment of a scratch database, while nobody holds the lock, was left by one that was
killed.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Final, LiteralString

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg import errors, sql

from chat.schema.errors import RefusedError, SchemaError
from chat.schema.rehearsal.traits import Traits, give_contents, give_settings, read_traits
from chat.schema.session.database import cut_name, database_name

_MAINTENANCE_DATABASE = "postgres"
_SUFFIX = "_rehearsal"
_NAME_BYTES = 63

_CLAIM: Final[LiteralString] = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_COMMENT_OF: Final[LiteralString] = """
SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = %s
"""


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


class RehearsalRunningError(RefusedError):
    """Another rehearsal of this database is running; nothing was done."""

    def __init__(self, name: str) -> None:
        super().__init__(
            seen=f"It has the scratch database {name}.",
            next_step="Let it finish, then run this again.",
        )


class ScratchInTheWayError(RefusedError):
    """A database with the name of the scratch database is there already; nothing was done."""

    def __init__(self, name: str, *, why: str) -> None:
        super().__init__(
            seen=f"The database {name} {why}.",
            next_step=f'If nobody needs it: DROP DATABASE "{name}"; then run this again.',
        )


@dataclass(slots=True, kw_only=True)
class ScratchDatabase:
    """An empty database beside the configured one, and the connection to it.

    `is_made` says that it was made here: nothing else is ever dropped. `say` is called with what
    the operator should know.
    """

    name: str
    beside: str
    connection: BaseDatabaseWrapper
    say: Callable[[str], None]
    traits: Traits = field(default_factory=Traits)
    is_made: bool = False

    def recreate(self) -> None:
        """Drop it and make it again, empty."""
        _drop(self)
        _create(self)


@contextmanager
def scratch_database(
    connection: BaseDatabaseWrapper, *, say: Callable[[str], None] = lambda _: None
) -> Iterator[ScratchDatabase]:
    """Make an empty database on the server of `connection`; drop it at the end, whatever happens.

    Meanwhile it takes the place of the configured database under the same alias, so that a
    migration that names that alias, or none, uses it. Its name is that of the configured one and
    `_rehearsal`. Only a process that is killed leaves it behind: the next one drops it first. `say`
    is called with a sentence about that, and about each setting or extension of the configured
    database that this role may not give to another.

    Raises:
        RehearsalRunningError: another one of the same database is running.
        ScratchInTheWayError: a database of that name is not known to be a scratch database, or
            somebody is connected to it.
        NoScratchDatabaseError: the server does not let this user make one.
        NotScratchError: the settings lead elsewhere, whatever their NAME says.
    """
    configured = database_name(connection)
    name = cut_name(configured, size_bytes=_NAME_BYTES - len(_SUFFIX)) + _SUFFIX
    scratch = ScratchDatabase(
        name=name, beside=configured, connection=_beside(connection, name), say=say
    )
    with closing(_beside(connection, _MAINTENANCE_DATABASE)) as owner:
        if _one(owner, _CLAIM, name) != (True,):
            raise RehearsalRunningError(name)
        if _drop_left_behind(owner, scratch):
            say(f"Dropped the database {name}, which a killed rehearsal had left.")
        scratch.traits = read_traits(owner, _beside(connection, configured))
        try:
            _create(scratch)
            with _in_place_of(connection, scratch.connection):
                yield scratch
        finally:
            with _uninterrupted():
                _drop(scratch)


def _drop_left_behind(owner: BaseDatabaseWrapper, scratch: ScratchDatabase) -> bool:
    """Drop what a killed rehearsal left, with the lock held; return whether it had."""
    row = _one(owner, _COMMENT_OF, scratch.name)
    if row is None:
        return False
    if row != (_comment(scratch),) or scratch.name == cut_name(scratch.beside):
        raise ScratchInTheWayError(scratch.name, why="has no comment that says it is one")
    try:
        # Without FORCE: somebody who is connected may still be looking at it.
        _execute("DROP DATABASE IF EXISTS {}", scratch)
    except DatabaseError as exc:
        if isinstance(exc.__cause__, errors.ReadOnlySqlTransaction):
            raise
        raise ScratchInTheWayError(scratch.name, why=f"could not be dropped: {exc}") from exc
    return True


def _comment(scratch: ScratchDatabase) -> str:
    return f"Scratch database of a rehearsal beside {scratch.beside}; its rehearsal drops it."


def _one(connection: BaseDatabaseWrapper, statement: LiteralString, name: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, (name,))
        return cursor.fetchone()


def _create(scratch: ScratchDatabase) -> None:
    # Set before: an interrupt may come too late to stop CREATE DATABASE.
    scratch.is_made = True
    try:
        _execute("CREATE DATABASE {} TEMPLATE template0{}", scratch, scratch.traits.options)
    except DatabaseError as exc:
        scratch.is_made = False
        if isinstance(exc.__cause__, errors.InsufficientPrivilege):
            user = str(scratch.connection.settings_dict["USER"])
            raise NoScratchDatabaseError(user=user, said=str(exc)) from exc
        raise
    _execute("COMMENT ON DATABASE {} IS {}", scratch, sql.Literal(_comment(scratch)))
    with closing(_beside(scratch.connection, _MAINTENANCE_DATABASE)) as maintenance:
        give_settings(scratch.traits, maintenance, name=scratch.name, say=scratch.say)
    with scratch.connection.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (found,) = cursor.fetchone()
    if found != scratch.name:
        raise NotScratchError(
            seen=f"Expected {scratch.name}, got {found}.",
            next_step="Take from OPTIONS what names another database or server.",
        )
    give_contents(scratch.traits, scratch.connection, say=scratch.say)


def _drop(scratch: ScratchDatabase) -> None:
    scratch.connection.close()
    if scratch.is_made and scratch.name != cut_name(scratch.beside):
        _execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", scratch)


def _execute(statement: LiteralString, scratch: ScratchDatabase, *more: sql.Composable) -> None:
    maintenance = _beside(scratch.connection, _MAINTENANCE_DATABASE)
    with closing(maintenance), maintenance.cursor() as cursor:
        cursor.execute(sql.SQL(statement).format(sql.Identifier(scratch.name), *more))


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
