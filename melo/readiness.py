"""Whether this process can serve: the database answers, and has the schema that the code expects.

It uses a connection of its own, opened and closed for each check, so that neither an exhausted pool
nor an old connection to a server that is gone decides, and so that all of it ends in time.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from chat.schema.disk.loading import load_migrations
from chat.schema.errors import SchemaError
from chat.schema.status.reading import (
    MigrationState,
    MigrationStatus,
    names_in_state,
    read_statuses,
)
from chat.schema.status.tables import listed, missing_tables
from melo.postgresql.errors import DatabaseUnavailable

_LOGGER = logging.getLogger(__name__)

# libpq takes 2 seconds at least, and begins anew for each address of a host.
_CONNECT_SECONDS: Final = 2
_STATEMENT_TIMEOUT: Final = "2s"
# What a server would say of that has time to arrive; one that is frozen says nothing.
_ANSWER_SECONDS: Final = 3
_KEEP_SECONDS: Final = 1.0
_NAMED_AT_MOST: Final = 3
_ALIAS: Final = "readiness"

# In the order of `migration_status`'s next step: the most pressing first.
_REASONS: Final = {
    MigrationState.MISSING: "the database is ahead of the code by {count}",
    MigrationState.MODIFIED: "applied migrations were changed: {count}",
    MigrationState.INTERRUPTED: "migrations were interrupted: {count}",
    MigrationState.PENDING: "migrations are pending: {count}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Whether this process can serve; if not, why, in words that may be shown to anybody."""

    is_ready: bool
    reason: str = ""


class Readiness:
    """Asks the database at most once a second, since anybody can open the page."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, Answer] | None = None

    def answer(self) -> Answer:
        """Return the answer, not older than a second.

        9 statements at most, 5 of them those of `read_statuses`, 3 of `missing_tables`, and a new
        connection.
        """
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] > _KEEP_SECONDS:
                answer = read_readiness(connections[DEFAULT_DB_ALIAS])
                self._kept = (self._clock(), answer)
            return self._kept[1]


def read_readiness(connection: BaseDatabaseWrapper) -> Answer:
    """Return whether the database that `connection` leads to can be used by this code.

    The whole error goes to the log; the reason names neither the server nor the user.
    """
    try:
        with _beside(connection) as own:
            loader = load_migrations(own)
            statuses = read_statuses(own, loader=loader)
            missing = missing_tables(own, loader=loader)
    except DatabaseUnavailable as error:
        _LOGGER.warning("Not ready: %s", error)
        return Answer(is_ready=False, reason=f"no connection to the database: {error.reason}")
    except DatabaseError as error:
        _LOGGER.warning("Not ready: %s", error)
        sqlstate = getattr(error.__cause__, "sqlstate", None) or "no SQLSTATE"
        return Answer(is_ready=False, reason=f"the database raised an error: {sqlstate}")
    except SchemaError as error:
        _LOGGER.warning("Not ready: %s", error)
        what = str(error).partition("\n")[0]
        return Answer(is_ready=False, reason=f"the migrations cannot be read: {what}")
    reason = _reason(statuses)
    if missing and not reason:
        reason = f"tables or views of the models are not there: {listed(missing)}"
    return Answer(is_ready=not reason, reason=reason)


def _reason(statuses: Sequence[MigrationStatus]) -> str:
    for state, words in _REASONS.items():
        if names := names_in_state(statuses, state):
            shown = [*names[:_NAMED_AT_MOST], *(["…"] if len(names) > _NAMED_AT_MOST else [])]
            return f"{words.format(count=len(names))} ({', '.join(shown)})"
    return ""


@contextmanager
def _beside(connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    """Open a connection to the same database, past any pool, for this thread and this block."""
    settings = deepcopy(connection.settings_dict)
    settings["OPTIONS"].pop("pool", None)
    settings["OPTIONS"]["connect_timeout"] = _CONNECT_SECONDS
    settings["ANSWER_SECONDS"] = _ANSWER_SECONDS
    own = type(connection)(settings, alias=_ALIAS)
    # Django's recorder asks for its connection by alias.
    connections[_ALIAS] = own
    try:
        with closing(own):
            # For this transaction alone: through a pooler the session is somebody else's next.
            own.set_autocommit(False)
            with own.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", (_STATEMENT_TIMEOUT,)
                )
            yield own
    finally:
        del connections[_ALIAS]
