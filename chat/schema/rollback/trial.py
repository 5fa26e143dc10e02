"""The rollback on trial: done in a transaction that is rolled back, and looked at."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.db import Error
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from psycopg.sql import SQL, Identifier

from chat.schema.disk.loading import show_replaced
from chat.schema.disk.operations import database_operations, undoes_nothing
from chat.schema.disk.reversibility import irreversible_operations
from chat.schema.errors import SchemaError, end_of_process_refused
from chat.schema.rollback.relations import Effect, effects, read_empty, read_relations
from chat.schema.rollback.time_limit import TimeLimitReachedError, deadline, rolled_back, sqlstate
from chat.schema.run.gates import Plan
from chat.schema.run.patching import OutsideTrialError, other_connections_refused
from chat.schema.session.server_errors import what_was_said
from chat.schema.session.settings import session_state

# The rollback itself may have none of these errors: serialization_failure, deadlock_detected,
# query_canceled; and class 53, the server is short of something, which happens sooner in one long
# transaction than in several short ones.
_PASSING: Final = frozenset({"40001", "40P01", "57014"})
_LOCK_NOT_AVAILABLE: Final = "55P03"
_INSUFFICIENT_RESOURCES: Final = "53"

_ADVISORY_LOCKS = """
SELECT format('%s:%s:%s:%s', classid, objid, objsubid, mode)
FROM pg_locks
WHERE locktype = 'advisory' AND pid = pg_backend_pid()
"""

# objsubid tells the two kinds of keys apart: 1 is one bigint, 2 are two integers.
_UNLOCK_OTHERS = """
WITH others AS MATERIALIZED (
    SELECT classid, objid, objsubid, mode
    FROM pg_locks
    WHERE locktype = 'advisory'
      AND pid = pg_backend_pid()
      AND format('%%s:%%s:%%s:%%s', classid, objid, objsubid, mode) <> ALL(%s)
)
SELECT CASE
    WHEN objsubid = 1 AND mode = 'ShareLock'
        THEN pg_advisory_unlock_shared((classid::bigint << 32) | objid::bigint)
    WHEN objsubid = 1
        THEN pg_advisory_unlock((classid::bigint << 32) | objid::bigint)
    WHEN mode = 'ShareLock'
        THEN pg_advisory_unlock_shared(classid::int, objid::int)
    ELSE pg_advisory_unlock(classid::int, objid::int)
END
FROM others
"""

_DEFERRED_CONSTRAINTS = """
SELECT DISTINCT n.nspname, k.conname
FROM pg_constraint AS k
JOIN pg_namespace AS n ON n.oid = k.connamespace
WHERE k.condeferred
"""


class TrialAbandonedError(Exception):
    """The trial run could not be finished, which says nothing about the rollback."""


class TrialFailedError(Exception):
    """The trial run failed where the rollback would fail too; its message says where and how."""


class TrialSessionLostError(SchemaError):
    """The session was ended during the trial run of the rollback; nothing was changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            seen=reason,
            next_step=(
                "Run it again. If it happens again, a migration on the way back computes for so "
                "long between two statements that its locks would have stopped the others."
            ),
        )


@dataclass(frozen=True, slots=True)
class _Step:
    migration: Migration
    state: ProjectState


def obstacles(plan: Plan) -> list[str]:
    """Return why a plan cannot be tried, a line for each migration that stands in the way."""
    found = []
    for migration, _ in plan:
        if irreversible := irreversible_operations(migration):
            found.append(f"{migration} has no way back ({irreversible[0]})")
        elif not (
            migration.atomic or all(map(undoes_nothing, database_operations(migration.operations)))
        ):
            found.append(f"{migration} runs outside of a transaction (atomic = False)")
    return found


def try_rollback(
    connection: BaseDatabaseWrapper, *, plan: Plan, lock_timeout: timedelta, time_limit: timedelta
) -> list[Effect]:
    """Unapply a plan on the real database, look at what became of it, and roll all of that back.

    Takes the locks that the rollback takes: waits for each at most `lock_timeout`, and releases all
    of them after `time_limit`. Only Python code that stalls between two statements can take longer,
    by as much again; then the server ends the session. No signal is sent and no migration is
    recorded as unapplied. What PostgreSQL does not roll back stays: a sequence that moved.

    Raises:
        TrialAbandonedError: a lock was not free in time, the time limit was reached, or a migration
            asked for another connection.
        TrialFailedError: a migration failed.
        TrialSessionLostError: the session is gone, and with it every lock of the caller.
    """
    steps = _Executor(connection).steps(plan)
    session = connection.connection
    reached = ""
    with _advisory_locks_kept(connection, session=session):
        try:
            with (
                rolled_back(connection, lock_timeout=lock_timeout, time_limit=time_limit),
                deadline(connection, time_limit=time_limit),
            ):
                before = read_relations(connection)
                state = session_state(connection)
                for step in steps:
                    reached = str(step.migration)
                    _unapply(connection, step)
                    state.put_back(connection)
                after = read_relations(connection)
                return effects(before, after, empty=read_empty(connection, before, after))
        except Exception as exc:
            told = _told(exc, at=reached, lock_timeout=lock_timeout, time_limit=time_limit)
            if not _is_alive(connection, session):
                raise TrialSessionLostError(str(told)) from exc
            raise told from exc
        finally:
            _forget_content_types()


def _told(
    error: Exception, *, at: str, lock_timeout: timedelta, time_limit: timedelta
) -> TrialAbandonedError | TrialFailedError:
    """Return whether it was the trial run or the rollback that could not be done, and why."""
    if isinstance(error, TimeLimitReachedError):
        return TrialAbandonedError(f"{at} was not undone within {_seconds(time_limit)}")
    if isinstance(error, OutsideTrialError):
        return TrialAbandonedError(f"{at}: {error.seen} {error.next_step}")
    state = sqlstate(error) if isinstance(error, Error) else ""
    if state == _LOCK_NOT_AVAILABLE:
        return TrialAbandonedError(
            f"{at} did not get a lock within {_seconds(lock_timeout)}, because somebody else uses "
            "the table"
        )
    told = f"{at}: {_first_line(error)}"
    if state in _PASSING or state.startswith(_INSUFFICIENT_RESOURCES):
        return TrialAbandonedError(told)
    return TrialFailedError(told)


class _Executor(MigrationExecutor):
    """Django's, which here only computes the state from which each migration is unapplied."""

    def steps(self, plan: Plan) -> list[_Step]:
        """Return the plan with its states, rendered: that takes long and needs no lock."""
        self._found: list[_Step] = []
        show_replaced(self.loader, [(each.app_label, each.name) for each, _ in plan])
        full_plan = self.migration_plan(self.loader.graph.leaf_nodes(), clean_start=True)
        self._migrate_all_backwards(  # type: ignore[attr-defined]
            list(plan), full_plan, fake=False
        )
        for step in self._found:
            # Django drops the models of the last; asking for them renders them again.
            step.state.apps  # noqa: B018
        return self._found

    def unapply_migration(
        self,
        state: ProjectState,
        migration: Migration,
        fake: bool = False,  # noqa: FBT001, FBT002 — as Django has it
    ) -> ProjectState:
        self._found.append(_Step(migration, state))
        return state


def _unapply(connection: BaseDatabaseWrapper, step: _Step) -> None:
    with (
        end_of_process_refused(),
        other_connections_refused(connection, is_tried_on=lambda wrapper: wrapper is connection),
        connection.schema_editor(atomic=True) as editor,
    ):
        step.migration.unapply(step.state, editor)
    # Where the rollback commits, what was deferred is checked; left pending, it would also forbid
    # the next migration to alter the table.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(_DEFERRED_CONSTRAINTS)
        names = [Identifier(schema, name) for schema, name in cursor.fetchall()]
        if names:
            cursor.execute(SQL("SET CONSTRAINTS {} DEFERRED").format(SQL(", ").join(names)))


@contextmanager
def _advisory_locks_kept(connection: BaseDatabaseWrapper, *, session: Any) -> Iterator[None]:
    """Give back the advisory locks that the block takes for the session; a rollback does not."""
    with connection.cursor() as cursor:
        cursor.execute(_ADVISORY_LOCKS)
        held = [key for (key,) in cursor.fetchall()]
    try:
        yield
    finally:
        if _is_alive(connection, session):
            with connection.cursor() as cursor:
                cursor.execute(_UNLOCK_OTHERS, [held])


def _forget_content_types() -> None:
    """Clear what a migration may have cached of rows that were rolled back."""
    if apps.is_installed("django.contrib.contenttypes"):
        manager = apps.get_model("contenttypes", "ContentType")._default_manager
        manager.clear_cache()


def _is_alive(connection: BaseDatabaseWrapper, session: Any) -> bool:
    """Return whether this is the session still; Django replaces a lost one without a word."""
    return connection.connection is session and not session.closed


def _first_line(error: Exception) -> str:
    return what_was_said(error).partition("\n")[0] or type(error).__name__


def _seconds(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"
