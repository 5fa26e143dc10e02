"""A table that others use: the migration gives way, says to whom, and ends nobody."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.schema.conftest import ManageSituation, StartSituation, wait_until
from tests.schema.test_interruptions import is_waiting_for_a_lock


@pytest.fixture
def reader(
    manage: ManageSituation, another_session: BaseDatabaseWrapper
) -> Iterator[BaseDatabaseWrapper]:
    """A session with a long transaction that has read the table."""
    assert manage("migrate", "paused", "0001", situations=["paused"]).returncode == 0
    another_session.set_autocommit(False)
    with another_session.cursor() as cursor:
        cursor.execute("SET application_name = 'a long report'")
        cursor.execute("SELECT count(*) FROM paused_notes")
    yield another_session
    another_session.rollback()


class Queue(threading.Thread):
    """Reads the table again and again, and keeps how long it was held up at most."""

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        super().__init__()
        self.longest_seconds = 0.0
        self.reads = 0
        self.is_over = threading.Event()
        self._connection = connection

    def run(self) -> None:
        with closing(self._connection.copy()) as connection:
            while not self.is_over.wait(0.01):
                began = time.monotonic()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT count(*) FROM paused_notes")
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - began)
                self.reads += 1


def test_gives_up_names_who_blocks_and_ends_nobody(
    manage: ManageSituation, reader: BaseDatabaseWrapper, scratch_connection: BaseDatabaseWrapper
) -> None:
    pid = reader.connection.info.backend_pid
    queue = Queue(scratch_connection)
    queue.start()

    result = manage(
        "migrate", "--lock-timeout", "0.6", "--lock-retries", "1", situations=["paused"]
    )

    queue.is_over.set()
    queue.join()
    assert result.returncode == 75
    blocker = (
        rf"pid {pid}, user \w+, application a long report, idle in transaction, "
        r"query of \d+\.\d s ago: SELECT count\(\*\) FROM paused_notes"
    )
    assert re.search(
        r"  Applying paused\.0002_change\.\.\. BLOCKED\n"
        r"    Attempt 1 of 2 waited 0\.6 s for a lock and was rolled back\. Blocked by:\n"
        rf"      {blocker}\n"
        r"    Trying paused\.0002_change again in 0\.6 s\.\.\.",
        result.stdout,
    )
    assert "Attempt 2" not in result.stdout
    assert re.search(
        rf"paused\.0002_change was tried 2 times\. Last blocked by:\n{blocker}\n", result.stderr
    )
    # The reader is there still, and nobody else waited for longer than the migration did, but for
    # what a busy machine adds. Without a timeout they would wait for the reader, and so for ever.
    with reader.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM paused_notes")
        assert cursor.fetchone() == (10,)
    assert queue.reads > 0
    assert 0.1 < queue.longest_seconds < 0.6 + 1.5


def test_goes_on_when_the_way_is_free(start: StartSituation, reader: BaseDatabaseWrapper) -> None:
    process = start("migrate", "--lock-timeout", "0.3", situations=["paused"])
    assert process.stdout is not None
    for line in process.stdout:
        if "Blocked by:" in line:
            break

    reader.rollback()
    stdout = process.stdout.read()

    assert process.wait() == 0
    assert re.search(r"Trying paused\.0002_change again in [\d.]+ s\.\.\. OK\n", stdout)
    assert "Applying" not in stdout


def test_each_attempt_begins_with_the_same_state(
    manage: ManageSituation, start: StartSituation, another_session: BaseDatabaseWrapper
) -> None:
    situations = ["renamed_field"]
    assert manage("migrate", "renamed_field", "0001", situations=situations).returncode == 0
    another_session.set_autocommit(False)
    with another_session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM renamed_labels")
    process = start("migrate", "--lock-timeout", "0.3", situations=situations)
    assert process.stdout is not None
    for line in process.stdout:
        if "Blocked by:" in line:
            break

    another_session.rollback()
    stdout = process.stdout.read()

    assert process.wait() == 0, stdout


def test_rollback_gives_way_too(
    manage: ManageSituation, another_session: BaseDatabaseWrapper
) -> None:
    assert manage("migrate", situations=["paused"]).returncode == 0
    another_session.set_autocommit(False)
    with another_session.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM paused_notes")

    blocked = manage(
        "migrate",
        "paused",
        "0001",
        "--lock-timeout",
        "0.2",
        "--lock-retries",
        "0",
        situations=["paused"],
    )
    another_session.rollback()
    free = manage("migrate", "paused", "0001", situations=["paused"])

    assert (blocked.returncode, free.returncode) == (75, 0)
    assert "paused.0002_change was tried 1 times." in blocked.stderr


def test_concurrent_index_waits_as_long_as_it_takes(
    manage: ManageSituation,
    start: StartSituation,
    scratch_connection: BaseDatabaseWrapper,
    another_session: BaseDatabaseWrapper,
) -> None:
    situations = ["paused_index"]
    assert manage("migrate", "paused_index", "0001", situations=situations).returncode == 0
    another_session.set_autocommit(False)
    with another_session.cursor() as cursor:
        cursor.execute("INSERT INTO paused_pages (title) VALUES ('being written')")
        cursor.execute("SET application_name = 'a long import'")
    process = start("migrate", "--lock-timeout", "0.1", situations=situations)

    # Several times the timeout; were it in force, the process would have ended.
    wait_until(lambda: is_waiting_for_a_lock(scratch_connection, "CREATE INDEX CONCURRENTLY"))
    is_over = threading.Event().wait(1.5)
    ended = process.poll()
    another_session.rollback()
    stdout, stderr = process.communicate()

    assert (is_over, ended) == (False, None)
    assert process.returncode == 0, stderr
    assert re.search(
        r"Applying paused_index\.0002_index\.\.\. WAITING\n"
        r"    It waits as long as it takes, since it is not one transaction, for:\n"
        r"      pid \d+, user \S+, application a long import, idle in transaction, query of .*\n"
        r"    Still waiting\.\.\. OK\n",
        stdout,
    )
