"""The trial run of a rollback: what it leaves behind, and what it holds up."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate, pre_migrate
from django.test import override_settings
from psycopg import sql

from chat.schema.catalogue.objects import read_catalogue
from chat.schema.rollback.loss import measure_loss
from chat.schema.rollback.trial import TrialSessionLostError
from tests.schema import steps
from tests.schema.test_loss import backwards, execute, measure
from tests.schema.test_status import Situation, migrate


@contextmanager
def somebody_else(connection: BaseDatabaseWrapper) -> Iterator[psycopg.Connection[Any]]:
    """Another session on the same database, in a transaction."""
    with psycopg.connect(**connection.get_connection_params()) as session:
        yield session


def rows(connection: BaseDatabaseWrapper, query: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return sorted(cursor.fetchall(), key=str)


def state(connection: BaseDatabaseWrapper) -> dict[str, Any]:
    """All that a session can see of its database and of itself."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
    data = {}
    for table in tables:
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("SELECT t::text FROM {} AS t").format(sql.Identifier(table)))
            data[table] = sorted(cursor.fetchall())
    return {
        "catalogue": read_catalogue(connection),
        "data": data,
        "storage": rows(
            connection,
            "SELECT oid, relname, relfilenode FROM pg_class WHERE relnamespace::regnamespace::text "
            "NOT IN ('pg_catalog', 'pg_toast', 'information_schema')",
        ),
        "sequences": rows(
            connection, "SELECT schemaname, sequencename, last_value FROM pg_sequences"
        ),
        "locks": rows(
            connection,
            "SELECT locktype, relation, classid, objid, objsubid, mode FROM pg_locks "
            "WHERE pid = pg_backend_pid() AND locktype <> 'virtualxid' "
            "AND mode <> 'AccessShareLock'",
        ),
        "settings": rows(
            connection, "SELECT name, setting FROM pg_settings WHERE name <> 'transaction_id'"
        ),
        "constraints": rows(
            connection, "SELECT conname, condeferrable, condeferred FROM pg_constraint"
        ),
        "pid": connection.connection.info.backend_pid,
        "transaction": connection.connection.info.transaction_status,
        "wrappers": list(connection.execute_wrappers),
    }


@pytest.fixture
def untidy(scratch_connection: BaseDatabaseWrapper) -> Iterator[BaseDatabaseWrapper]:
    situations = ["django.contrib.contenttypes", "situations.untidy_down"]
    with override_settings(INSTALLED_APPS=situations):
        migrate()
        execute(scratch_connection, "INSERT INTO untidy_down_ship (name) VALUES ('Ann')")
        yield scratch_connection


def test_trial_leaves_nothing_behind(untidy: BaseDatabaseWrapper) -> None:
    execute(untidy, "SELECT pg_advisory_lock(42), pg_advisory_lock(4, 2)")
    read_catalogue(untidy)
    before = state(untidy)

    loss = measure(untidy, "untidy_down", None)

    assert loss.is_tried, loss
    assert state(untidy) == before
    held = rows(
        untidy, "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )
    assert held == [(2,), (42,)]


def test_trial_leaves_nothing_in_the_cache_of_content_types(
    untidy: BaseDatabaseWrapper,
) -> None:
    from django.contrib.contenttypes.models import ContentType

    manager = ContentType.objects.db_manager("scratch")

    assert measure(untidy, "untidy_down", None).is_tried
    with pytest.raises(ContentType.DoesNotExist):
        manager.get_by_natural_key("untidy_down", "ghost")


def test_trial_tells_nobody(untidy: BaseDatabaseWrapper) -> None:
    heard: list[Any] = []

    def listen(sender: Any, **named: Any) -> None:
        heard.append(sender)

    pre_migrate.connect(listen)
    post_migrate.connect(listen)
    try:
        with somebody_else(untidy) as session:
            session.autocommit = True
            session.execute("LISTEN untidy_down")
            measure(untidy, "untidy_down", None)
            heard += session.notifies(timeout=0)
    finally:
        pre_migrate.disconnect(listen)
        post_migrate.disconnect(listen)

    assert heard == []


def test_trial_inside_a_transaction_leaves_it_as_it_was(untidy: BaseDatabaseWrapper) -> None:
    with transaction.atomic(using="scratch"):
        execute(untidy, "INSERT INTO untidy_down_ship (name) VALUES ('Bea')")
        before = state(untidy)

        loss = measure(untidy, "untidy_down", None)

        after = state(untidy)
    assert loss.is_tried
    assert after == before
    assert [item.count.number for item in loss.lost] == [2]


@pytest.fixture
def messages(scratch_connection: BaseDatabaseWrapper, situation: Situation) -> BaseDatabaseWrapper:
    situation("two_steps")
    migrate()
    execute(scratch_connection, "INSERT INTO two_steps_messages (content) VALUES ('a'), ('b')")
    return scratch_connection


def test_trial_gives_way_to_a_reader(messages: BaseDatabaseWrapper) -> None:
    with somebody_else(messages) as reader:
        reader.execute("SELECT * FROM two_steps_messages")

        loss = measure(messages, "two_steps", None, lock_timeout=timedelta(milliseconds=50))

        with somebody_else(messages) as writer:
            writer.execute("SET lock_timeout = '1ms'")
            writer.execute("INSERT INTO two_steps_messages (content) VALUES ('c')")
    (reason,) = loss.not_tried
    assert reason.startswith("two_steps.0002_touch did not get a lock within 0.05 s, because some")
    assert [(item.name, item.count.number) for item in loss.lost] == [("two_steps_messages", 2)]
    assert loss.unknown == ("two_steps.0002_touch: SQL file 0002_touch",)
    assert not loss.is_nothing


def test_table_that_cannot_be_counted_is_not_called_empty(messages: BaseDatabaseWrapper) -> None:
    with somebody_else(messages) as owner:
        owner.execute("LOCK TABLE two_steps_messages IN ACCESS EXCLUSIVE MODE")

        loss = measure(messages, "two_steps", None, lock_timeout=timedelta(milliseconds=50))

    assert not loss.lost[0].count.is_nothing
    assert not loss.is_nothing


def test_writer_waits_no_longer_than_the_time_limit(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    """The way back locks the table for an hour and lifts every timeout that it can."""
    situation("holds_locks")
    migrate()
    is_measured = threading.Event()
    waited: list[bool] = []
    result: list[str] = []

    def write() -> None:
        with somebody_else(scratch_connection) as writer:
            writer.autocommit = True
            is_locked = (
                "SELECT 1 FROM pg_locks WHERE relation = 'holds_locks_ship'::regclass "
                "AND mode = 'AccessExclusiveLock' AND granted"
            )
            while not waited and not is_measured.is_set():
                waited.extend(bool(row) for row in writer.execute(is_locked))
                writer.execute("SELECT pg_sleep(0.01)")
            # Far above the limit, for a slow machine, and far below the hour.
            writer.execute("SET lock_timeout = '60s'")
            writer.execute("INSERT INTO holds_locks_ship (name) VALUES ('Ann')")
            result.append("written")

    thread = threading.Thread(target=write)
    thread.start()
    loss = measure(
        scratch_connection, "holds_locks", "0001_initial", time_limit=timedelta(seconds=2)
    )
    is_measured.set()
    thread.join()

    assert loss.not_tried == ("holds_locks.0002_for_ever was not undone within 2 s",)
    assert (waited, result) == ([True], ["written"])
    assert not loss.is_nothing
    assert rows(scratch_connection, "SHOW statement_timeout") == [("0",)]


def test_session_survives_a_cancelled_trial(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("holds_locks")
    migrate()
    execute(scratch_connection, "SELECT pg_advisory_lock(42)")
    before = state(scratch_connection)

    for _ in range(3):
        measure(scratch_connection, "holds_locks", None, time_limit=timedelta(milliseconds=200))

    assert state(scratch_connection) == before


def test_code_that_stalls_loses_its_session_and_its_locks(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    situation("stalls_down")
    migrate()
    plan = backwards(scratch_connection, "stalls_down", None)

    with pytest.raises(TrialSessionLostError) as caught:
        measure_loss(scratch_connection, plan=plan, time_limit=timedelta(seconds=1))

    assert "Run it again." in str(caught.value)
    scratch_connection.close()
    assert rows(scratch_connection, "SELECT count(*) FROM stalls_down_ship") == [(0,)]


def test_failure_is_named_and_leaves_nothing_behind(messages: BaseDatabaseWrapper) -> None:
    execute(messages, "ALTER FUNCTION shout() RENAME TO renamed")
    before = state(messages)

    loss = measure(messages, "two_steps", None)

    assert loss.failure == "two_steps.0002_touch: function public.shout() does not exist"
    assert not loss.is_nothing
    assert state(messages) == before


def test_deferred_constraints_are_checked_where_the_rollback_would_commit(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> None:
    """Left pending, the events of the one migration would forbid the next to alter the table."""
    situation("defers")
    migrate()
    execute(scratch_connection, "INSERT INTO defers_port (name) VALUES ('Home')")
    execute(scratch_connection, "INSERT INTO defers_ship (port_id) VALUES (1), (1)")

    loss = measure(scratch_connection, "defers", "0001_initial")
    migrate("defers", "0001")

    assert loss.is_tried, loss
    assert [(item.name, item.count.number) for item in loss.changed] == [("defers_ship", 2)]


@pytest.fixture
def other(
    scratch_connection: BaseDatabaseWrapper, situation: Situation
) -> Iterator[BaseDatabaseWrapper]:
    """Another alias of the same database, connected; the situation `strays` is applied."""
    situation("strays")
    migrate()
    with closing(scratch_connection.copy(alias="other")) as wrapper:
        connections.settings["other"], connections["other"] = wrapper.settings_dict, wrapper
        wrapper.ensure_connection()
        yield wrapper
        del connections["other"], connections.settings["other"]


INSERT = "INSERT INTO strays_ship DEFAULT VALUES"


def _in_a_thread(alias: str) -> None:
    with ThreadPoolExecutor() as threads:
        threads.submit(lambda: execute(connections[alias], INSERT)).result()


def _by_a_copy(alias: str) -> None:
    with closing(connections[alias].copy()) as wrapper:
        wrapper.connect()
        execute(wrapper, INSERT)


def _and_go_on(alias: str) -> None:
    with suppress(Exception):
        execute(connections[alias], INSERT)


@pytest.mark.parametrize(
    ("stray", "alias"),
    [
        (lambda apps: apps.get_model("strays.ship").objects.using("other").create(), "other"),
        (lambda _: execute(connections["other"], INSERT), "other"),
        (lambda _: connections["other"].connection.execute(INSERT), "other"),
        (lambda _: _by_a_copy("other"), "other"),
        (lambda _: _by_a_copy("scratch"), "scratch"),
        (lambda _: _in_a_thread("other"), "other"),
        (lambda _: _in_a_thread("scratch"), "scratch"),
        (lambda _: _and_go_on("other"), "other"),
    ],
    ids=[
        *("orm", "cursor", "psycopg", "copy", "own copy", "thread", "own thread", "suppressed"),
    ],
)
def test_every_other_connection_refuses_during_the_trial(
    scratch_connection: BaseDatabaseWrapper,
    other: BaseDatabaseWrapper,
    monkeypatch: pytest.MonkeyPatch,
    stray: Callable[[Any], Any],
    alias: str,
) -> None:
    monkeypatch.setattr(steps, "stray", stray)
    session = other.connection

    loss = measure(scratch_connection, "strays", None)

    assert rows(scratch_connection, "SELECT count(*) FROM strays_ship") == [(0,)]
    assert loss.unknown == ("strays.0002_stray: Raw Python operation",)
    (reason,) = loss.not_tried
    assert reason == (
        "strays.0002_stray: It is tried on the database 'scratch', and asked for a "
        f"connection of its own to {alias!r}: what is done there is done for real. In the "
        "migration, pass using(schema_editor.connection.alias), or work on "
        "schema_editor.connection."
    )
    execute(other, INSERT)
    assert other.connection is session


def test_threads_that_were_there_before_may_connect_during_the_trial(
    scratch_connection: BaseDatabaseWrapper,
    other: BaseDatabaseWrapper,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ThreadPoolExecutor(max_workers=1) as threads:
        threads.submit(lambda: None).result()
        monkeypatch.setattr(
            steps, "stray", lambda _: threads.submit(_by_a_copy, "scratch").result()
        )

        loss = measure(scratch_connection, "strays", "0001_initial")

    assert loss.is_tried
