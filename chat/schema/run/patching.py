"""The only patches of Django; each lasts for a block and is put back whatever happens."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NoReturn, TypeAlias

from django.core.management.commands import migrate
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from chat.schema.disk.names import require_migration
from chat.schema.errors import SchemaError

ExecutorFactory: TypeAlias = Callable[[BaseDatabaseWrapper, Any], MigrationExecutor]


class OutsideTrialError(SchemaError):
    """A migration that is only tried asked for another database, and was refused there."""

    def __init__(self, alias: str, *, tried: str) -> None:
        self.alias = alias
        super().__init__(
            seen=(
                f"It is tried on the database {tried!r}, and asked for a connection of its own to "
                f"{alias!r}: what is done there is done for real."
            ),
            next_step=(
                "In the migration, pass using(schema_editor.connection.alias), or work on "
                "schema_editor.connection."
            ),
        )


@contextmanager
def executor_of_migrate(factory: ExecutorFactory) -> Iterator[None]:
    """Let Django's migrate command make its executor with `factory` within the block.

    The command takes the class from the globals of its module; there is no other way to choose it.
    It calls a whole name ambiguous if another one begins with it; here the whole name wins.
    """

    def by_name(loader: MigrationLoader, app_label: str, name: str) -> Migration:
        whole = require_migration(loader, app_label=app_label, name=name)
        return loader.disk_migrations[app_label, whole]

    with (
        _swapped(migrate, MigrationExecutor=factory),
        _swapped(MigrationLoader, get_migration_by_prefix=by_name),
    ):
        yield


@contextmanager
def closing_refused(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Refuse to close a connection that works, whoever asks within the block.

    Its session holds the migration lock, so in that moment another migrator would begin.

    Raises:
        RuntimeError: at the line that closes it.
    """
    close = BaseDatabaseWrapper.close

    def guard(wrapper: BaseDatabaseWrapper) -> None:
        session = wrapper.connection
        if wrapper is connection and session is not None and not session.closed:
            raise RuntimeError(
                "A migration must not close its connection: the migration lock would be free."
            )
        close(wrapper)

    # On the class, as an instance would keep the attribute.
    with _swapped(BaseDatabaseWrapper, close=guard):
        yield


@contextmanager
def one_savepoint_less(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Leave out the savepoint of the next atomic block within the open transaction.

    That is the block that Django's executor puts around a migration. The transaction around it ends
    with it, so its savepoint is two statements for nothing.
    """

    def left_out() -> None:
        del connection.savepoint

    # On the connection itself, so that deleting it brings back Django's.
    connection.savepoint = left_out  # type: ignore[method-assign]
    try:
        yield
    finally:
        vars(connection).pop("savepoint", None)


@contextmanager
def other_connections_refused(
    connection: BaseDatabaseWrapper, *, is_tried_on: Callable[[BaseDatabaseWrapper], bool]
) -> Iterator[None]:
    """Refuse every connection but the rehearsed ones to migration code that is only tried.

    Only what is done on the rehearsed ones is rolled back or dropped afterwards. So every other
    connection of Django's is refused, under whatever alias, open or not, in this thread and in
    those that the block starts; other threads are left alone. No statement.

    Raises:
        OutsideTrialError: the block asked for another, even if it went on without it.
    """
    of_others = set(threading.enumerate()) - {threading.current_thread()}
    refused: list[str] = []

    def refuse(alias: str) -> NoReturn:
        refused.append(alias)
        raise OutsideTrialError(alias, tried=connection.alias)

    def guarded(method: Callable[[BaseDatabaseWrapper], None]) -> Any:
        def guard(wrapper: BaseDatabaseWrapper) -> None:
            if threading.current_thread() not in of_others and not is_tried_on(wrapper):
                refuse(wrapper.alias)
            method(wrapper)

        return guard

    with ExitStack() as stack:
        # On the class, as a connection may have been taken from `connections` before, or copied.
        wrappers = BaseDatabaseWrapper
        stack.enter_context(
            _swapped(
                wrappers,
                connect=guarded(wrappers.connect),
                ensure_connection=guarded(wrappers.ensure_connection),
            )
        )
        for wrapper in connections.all(initialized_only=True):
            if not is_tried_on(wrapper):
                # psycopg's own connection, which the guards above do not see.
                out_of_reach = wrapper.connection and _OutOfReach(partial(refuse, wrapper.alias))
                stack.enter_context(_swapped(wrapper, connection=out_of_reach))
        try:
            yield
        except Exception as exc:
            if refused and not isinstance(exc, OutsideTrialError):
                raise OutsideTrialError(refused[0], tried=connection.alias) from exc
            raise
    if refused:
        refuse(refused[0])


class _OutOfReach:
    """Stands in place of a connection, and refuses whatever is asked of it."""

    def __init__(self, refuse: Callable[[], NoReturn]) -> None:
        self._refuse = refuse

    def __getattr__(self, name: str) -> NoReturn:
        self._refuse()


@contextmanager
def _swapped(owner: Any, **attributes: Any) -> Iterator[None]:
    before = {name: getattr(owner, name) for name in attributes}
    _set(owner, attributes)
    try:
        yield
    finally:
        _set(owner, before)


def _set(owner: Any, attributes: Mapping[str, Any]) -> None:
    for name, value in attributes.items():
        setattr(owner, name, value)
