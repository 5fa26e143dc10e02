"""Reads go to replicas, and find what their reader wrote, whatever befalls a replica."""

import math
import os
import random
import signal
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.signing import Signer
from django.db import DataError, OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError

from chat import replicas
from chat.db.statements import Statement
from chat.errors import InvalidInput
from chat.models import Channel, Message
from chat.queries.access import visible_channels
from chat.queries.history import message_page
from chat.services.messages.sending import send_message
from melo.readiness import Answer, read_readiness
from tests.replicas.conftest import CUT_OFF, NAME, Place, end, leading_to, set_address, wait_until
from tests.replicas.servers import Relay, Server

pytestmark = pytest.mark.usefixtures("replicated")

SIGNER = Signer(salt="chat.replicas")
_WRITERS, _READS_EACH = 4, 8
PAUSE, RESUME = "SELECT pg_wal_replay_pause()", "SELECT pg_wal_replay_resume()"


def send(place: Place) -> int:
    return send_message(author=place.author, channel=place.channel, content="ahoy").seq


def newest(place: Place) -> int:
    return message_page(viewer=place.author, channel=place.channel, limit=1).last_seq


def aliases_read(place: Place, times: int = 30) -> set[str]:
    """Return where reads went that need nothing."""
    return {replicas.reading_alias() for _ in range(times)}


def pause(server: Server) -> None:
    server.value(PAUSE)
    server.wait_for("SELECT pg_get_wal_replay_pause_state() = 'paused'")


def test_reads_go_to_the_replicas(place: Place) -> None:
    assert aliases_read(place) == {"replica_1", "replica_2"}


def test_a_write_is_found_though_no_replica_has_it(place: Place, standbys: list[Server]) -> None:
    for standby in standbys:
        pause(standby)
    before = newest(place)

    with replicas.read_your_writes():
        seq = send(place)
        mine = newest(place)
        alias = replicas.reading_alias()
    others = newest(place)

    assert (mine, alias, others) == (seq, "default", before)


def test_what_the_orm_writes_is_found_too(place: Place, standbys: list[Server]) -> None:
    send(place)
    for standby in standbys:
        pause(standby)

    with replicas.read_your_writes():
        newest_one = Message.objects.order_by("-seq").first()
        assert newest_one is not None
        newest_one.pinned_at = newest_one.created_at
        newest_one.save(update_fields=["pinned_at"])
        assert replicas.reading_alias() == "default"


def test_a_replica_that_has_the_write_is_read(place: Place, standbys: list[Server]) -> None:
    """One follows, the other does not: never is the one asked and the other read."""
    pause(standbys[0])

    with replicas.read_your_writes():
        for _ in range(10):
            seq = send(place)
            wait_until(lambda: replicas.reading_alias() == "replica_2")
            assert newest(place) == seq


def test_a_write_is_found_though_another_thread_of_the_request_reads_before_its_end(
    place: Place, primary: Server, standbys: list[Server]
) -> None:
    def read_meanwhile() -> None:
        with primary.connect() as session:
            # Nobody else sends the replicas what is not committed.
            session.execute("CHECKPOINT")
        wait_until(lambda: replicas.reading_alias() != "default")
        connections.close_all()

    with replicas.read_your_writes():
        with transaction.atomic():
            seq = send(place)
            other = threading.Thread(target=copy_context().run, args=(read_meanwhile,))
            other.start()
            other.join()
            for standby in standbys:
                pause(standby)

        assert newest(place) == seq


def test_a_row_read_from_a_replica_is_written_on_the_primary(place: Place) -> None:
    wait_until(lambda: Channel.objects.using("replica_1").filter(id=place.channel.id).exists())
    channel = Channel.objects.using("replica_1").get(id=place.channel.id)

    with replicas.read_your_writes():
        channel.topic = "Ships"
        channel.save(update_fields=["topic"])
        assert channel.server._state.db == "default"

    channel.refresh_from_db()
    assert channel.topic == "Ships"


def test_a_query_of_two_statements_reads_one_replica(place: Place) -> None:
    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})
    asked: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        asked.append(context["connection"].alias)
        return execute(sql, params, many, context)

    calls = []
    with ExitStack() as watched:
        for alias in ("replica_1", "replica_2"):
            watched.enter_context(connections[alias].execute_wrapper(note))
        for _ in range(40):
            asked.clear()
            visible_channels(user=place.author)
            calls.append(tuple(asked))

    assert set(calls) == {("replica_1",) * 2, ("replica_2",) * 2}


def test_a_transaction_reads_where_it_writes(place: Place) -> None:
    with transaction.atomic():
        assert replicas.reading_alias() == "default"


def test_a_transaction_without_a_block_reads_where_it_writes(place: Place) -> None:
    """Though a replica has all that it wrote, which it will not show before the end."""
    primary = connections["default"]
    primary.set_autocommit(False)
    try:
        with replicas.read_your_writes():
            send(place)
            primary.cursor().execute("SELECT pg_switch_wal()")
            time.sleep(1)
            assert replicas.reading_alias() == "default"
            with pytest.raises(TransactionManagementError, match="ask after it"):
                replicas.token()
    finally:
        primary.rollback()
        primary.set_autocommit(True)


def test_a_token_carries_the_write_to_the_next_request(
    place: Place, standbys: list[Server]
) -> None:
    for standby in standbys:
        pause(standby)
    with replicas.read_your_writes():
        assert replicas.token() is None
        seq = send(place)
        token = replicas.token()

    with replicas.read_your_writes(token):
        assert newest(place) == seq
        # Whenever it is asked for.
        time.sleep(1.1)
        assert replicas.token() == token
        for standby in standbys:
            standby.value(RESUME)
        wait_until(lambda: replicas.reading_alias() != "default")
        assert newest(place) == seq


def test_a_token_does_not_replace_what_was_written_before_it(
    place: Place, standbys: list[Server]
) -> None:
    with replicas.read_your_writes():
        send(place)
        token = replicas.token()
    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})
    for standby in standbys:
        pause(standby)

    with replicas.read_your_writes():
        seq = send(place)
        with replicas.read_your_writes(token):
            assert newest(place) == seq


def test_a_token_is_not_made_before_the_end_of_a_transaction(place: Place) -> None:
    with replicas.read_your_writes():
        with transaction.atomic():
            send(place)
            with pytest.raises(TransactionManagementError, match="ask after it"):
                replicas.token()
        assert replicas.token() is not None


@pytest.mark.parametrize("token", ["", "x", "1:2:3", 7, None])
def test_a_token_that_is_none_is_refused(token: Any) -> None:
    token = SIGNER.sign_object([1, 2]) if token is None else token
    with pytest.raises(InvalidInput, match="token"), replicas.read_your_writes(token):
        pass


@pytest.mark.parametrize("other", [(1, 0), (0, 1), (0, -1)], ids=str)
def test_a_token_of_another_history_is_answered_by_the_primary(
    other: tuple[int, int], place: Place, standbys: list[Server]
) -> None:
    """Until a replica has all that the primary has now: it is not for ever."""
    for standby in standbys:
        pause(standby)
    with replicas.read_your_writes():
        send(place)
        token = replicas.token()
    assert token is not None
    system, timeline, lsn = SIGNER.unsign_object(token)
    foreign = SIGNER.sign_object((system + other[0], timeline + other[1], lsn + 10**9))

    with replicas.read_your_writes(foreign):
        assert replicas.reading_alias() == "default"
        assert replicas.token() == token
        for standby in standbys:
            standby.value(RESUME)
        wait_until(lambda: replicas.reading_alias() != "default")


def test_a_replica_that_was_behind_before_anybody_looked_is_not_read(
    place: Place, standbys: list[Server]
) -> None:
    """Nobody asks the clocks, which may differ."""
    end(replicas.watch())
    pause(standbys[0])
    send(place)
    anew = replicas.Watch()

    wait_until(lambda: "replica_2" in anew.usable())
    time.sleep(1)
    assert set(anew.usable()) == {"replica_2"}

    standbys[0].value(RESUME)
    wait_until(lambda: set(anew.usable()) == {"replica_1", "replica_2"})
    end(anew)


def test_a_replica_that_lags_is_left_and_taken_again(
    place: Place, standbys: list[Server], settings: Any
) -> None:
    settings.REPLICA_MAX_LAG = 1
    pause(standbys[0])
    send(place)
    wait_until(lambda: aliases_read(place) == {"replica_2"})

    standbys[0].value(RESUME)

    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})


def test_replicas_are_read_where_a_segment_of_the_log_begins(
    place: Place, primary: Server, settings: Any
) -> None:
    """There the primary is at the end of a header, and nobody writes anything."""
    settings.REPLICA_MAX_LAG = 1

    primary.value("SELECT pg_switch_wal()")
    # Twice the lag.
    time.sleep(2)

    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"}, seconds=3)
    with replicas.read_your_writes():
        replicas.wrote()
        wait_until(lambda: replicas.reading_alias() != "default", seconds=3)


def test_a_replica_is_not_behind_for_what_is_not_committed(
    place: Place, primary: Server, settings: Any
) -> None:
    """Of which the primary keeps the end to itself while nothing else is written."""
    settings.REPLICA_MAX_LAG = 1

    with primary.connect(NAME) as session, session.transaction(force_rollback=True):
        session.execute("CREATE TABLE uncommitted AS SELECT generate_series(1, 5000) AS n")
        # Three times the lag, and a fifth of what the primary may take.
        time.sleep(3)
        wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"}, seconds=3)


def test_a_replica_that_died_is_left_and_taken_again(place: Place, standbys: list[Server]) -> None:
    seq = send(place)
    wait_until(lambda: newest(place) == seq)
    for standby in standbys:
        standby.kill()

    assert {newest(place) for _ in range(20)} == {seq}
    assert aliases_read(place) == {"default"}

    standbys[1].start()
    wait_until(lambda: aliases_read(place) == {"replica_2"})


def test_a_replica_that_is_not_used_is_in_the_log(
    standbys: list[Server], caplog: pytest.LogCaptureFixture
) -> None:
    """Also when nobody reads."""
    standbys[0].kill()
    wait_until(lambda: "Watching replica_1: No PostgreSQL server listens" in caplog.text)

    standbys[0].start()
    wait_until(lambda: "Watching replica_1: no problem any more" in caplog.text)
    assert "replica_2" not in caplog.text


def test_replicas_answer_while_the_primary_is_away(
    place: Place, primary: Server, standbys: list[Server], settings: Any
) -> None:
    """Also those that have not got all that it wrote."""
    settings.REPLICA_MAX_LAG = 2
    before = send(place)
    wait_until(lambda: {newest(place) for _ in range(20)} == {before})
    for standby in standbys:
        pause(standby)
    send(place)
    # The watch sees it.
    time.sleep(1)
    primary.kill()
    try:
        time.sleep(3)
        assert newest(place) == before
    finally:
        primary.start()


def test_a_replica_that_is_cut_off_is_left_and_taken_again(
    place: Place, standbys: list[Server]
) -> None:
    if standbys[1].host != CUT_OFF:
        pytest.skip("only root can take an address away from this machine, with the program `ip`")
    seq = send(place)
    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})

    set_address("del")
    try:
        assert {newest(place) for _ in range(50)} == {seq}
        wait_until(lambda: aliases_read(place) == {"replica_1"})
        assert newest(place) == seq
    finally:
        set_address("add")

    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})


def test_a_replica_that_is_frozen_during_a_read_is_left_and_taken_again(
    place: Place, standbys: list[Server]
) -> None:
    seq = send(place)
    wait_until(lambda: {newest(place) for _ in range(20)} == {seq})
    where = Statement("SELECT pg_is_in_recovery() FROM pg_sleep(%(seconds)s)")

    def freeze() -> None:
        time.sleep(0.5)
        for standby in standbys:
            standby.signal(signal.SIGSTOP)

    with ThreadPoolExecutor() as pool:
        freezing = pool.submit(freeze)
        try:
            is_replica = replicas.read(where.value, {"seconds": 1.0})
            assert newest(place) == seq
        finally:
            freezing.result()
            for standby in standbys:
                standby.signal(signal.SIGCONT)

    assert not is_replica
    wait_until(lambda: aliases_read(place) == {"replica_1", "replica_2"})


def test_a_replica_that_falls_silent_after_the_log_in_is_given_up(standbys: list[Server]) -> None:
    """As a pooler does that has lost its server."""
    seconds = connections.settings["replica_1"]["ANSWER_SECONDS"]
    left_open: list[Any] = []

    def ask() -> None:
        try:
            Statement("SELECT 1").value({}, using="replica_1")
        finally:
            left_open.append(connections["replica_1"].connection)
            connections.close_all()

    with ThreadPoolExecutor() as pool, Relay(standbys[0]) as relay:
        connections.settings["replica_1"]["PORT"] = relay.port
        pool.submit(ask).result()
        left_open.clear()
        relay.is_silent_after_log_in = True
        with pytest.raises(OperationalError, match="did not answer"):
            pool.submit(ask).result(timeout=3 * seconds)

    # With it, the next statement would not be sent before the answer to this one.
    assert left_open == [None]


def test_a_probe_gives_up_a_server_that_falls_silent_after_the_log_in(primary: Server) -> None:
    with ThreadPoolExecutor() as pool, Relay(primary) as relay:
        connections.settings["default"]["PORT"] = relay.port
        relay.is_silent_after_log_in = True
        asked = pool.submit(lambda: read_readiness(connections["default"]))
        answer = asked.result(timeout=10)

    assert answer == Answer(is_ready=False, reason="the database raised an error: no SQLSTATE")


def test_a_result_that_keeps_coming_is_waited_for() -> None:
    seconds = connections.settings["replica_1"]["ANSWER_SECONDS"]
    slow = Statement(
        "SELECT repeat('x', 20000), pg_sleep(0.15 + 0 * n) FROM generate_series(1, %(n)s) AS n"
    )

    rows = slow.tuples({"n": 10 * seconds}, using="replica_1")

    assert len(rows) == 10 * seconds


def test_a_statement_that_fails_leaves_the_replica_to_others(place: Place) -> None:
    wrong = Statement("SELECT 1 / %(n)s::integer")

    for _ in range(10):
        with pytest.raises(DataError):
            replicas.read(wrong.value, {"n": 0})

        assert aliases_read(place) == {"replica_1", "replica_2"}


def test_a_dump_of_a_replica_has_its_rows(capsys: pytest.CaptureFixture[str]) -> None:
    Group.objects.create(name="Harbour masters")
    wait_until(lambda: Group.objects.using("replica_1").exists())

    call_command("dumpdata", "auth.Group", database="replica_1")

    assert "Harbour masters" in capsys.readouterr().out
    Group.objects.all().delete()


def test_a_statement_that_a_replica_cancels_is_asked_of_the_primary(
    place: Place, primary: Server
) -> None:
    with primary.connect(NAME) as session:
        session.execute("CREATE TABLE rubbish AS SELECT generate_series(1, 1000) AS n")
    wait_until(lambda: _count_rubbish("replica_1") == _count_rubbish("replica_2") == 1000)
    slow = Statement("SELECT count(pg_sleep(%(seconds)s + 0 * n)) FROM rubbish")

    def vacuum() -> None:
        time.sleep(0.3)
        with primary.connect(NAME) as session:
            session.execute("DELETE FROM rubbish")
            session.execute("VACUUM rubbish")

    with ThreadPoolExecutor() as pool:
        vacuuming = pool.submit(vacuum)
        # Rows that the vacuum removes stand in the way of this look at them.
        count = replicas.read(slow.value, {"seconds": 0.001})
        vacuuming.result()

    assert count == 0


def test_no_author_reads_what_is_older_than_their_write(
    place: Place, standbys: list[Server], capsys: pytest.CaptureFixture[str]
) -> None:
    """While replay pauses here and there; 1,000,000 with MELO_TEST_REPLICA_READS=1000000."""
    reads = int(os.environ.get("MELO_TEST_REPLICA_READS", "10000"))
    is_over = threading.Event()

    def pause_at_random() -> None:
        while not is_over.is_set():
            standby = random.choice(standbys)
            standby.value(PAUSE)
            is_over.wait(random.uniform(0, 0.2))
            standby.value(RESUME)
            is_over.wait(random.uniform(0, 0.2))

    def write_and_read() -> list[tuple[bool, str, float]]:
        found = []
        for _ in range(reads // (_WRITERS * _READS_EACH)):
            with replicas.read_your_writes():
                seq = send(place)
                for _ in range(_READS_EACH):
                    time.sleep(random.choice((0, 0, 0.004)))
                    began = time.perf_counter()
                    is_there = newest(place) >= seq
                    taken = time.perf_counter() - began
                    found.append((is_there, replicas.reading_alias(), taken))
        connections.close_all()
        return found

    with ThreadPoolExecutor(1 + _WRITERS) as pool:
        pausing = pool.submit(pause_at_random)
        writing = [pool.submit(write_and_read) for _ in range(_WRITERS)]
        found = [read for future in writing for read in future.result()]
        is_over.set()
        pausing.result()

    assert sum(not is_there for is_there, *_ in found) == 0
    off = sum(alias != "default" for _, alias, _ in found) / len(found)
    on_it, off_it = (
        statistics.median(
            # On a busy machine the replicas may always be there first.
            [taken for _, alias, taken in found if (alias == "default") == is_primary] or [math.nan]
        )
        for is_primary in (True, False)
    )
    with capsys.disabled():
        print(  # noqa: T201 - what the test is to show
            f" {len(found):,} reads, {off:.0%} of them off the primary: "
            f"median {off_it * 1000:.2f} ms, on it {on_it * 1000:.2f} ms",
            end=" ",
        )
    assert off > 0.05


def _count_rubbish(alias: str) -> int | None:
    there = Statement("SELECT to_regclass('rubbish') IS NOT NULL").value({}, using=alias)
    return Statement("SELECT count(*) FROM rubbish").value({}, using=alias) if there else None


# Last, for the standby is one no more.
def test_a_replica_of_the_server_before_a_failover_is_left(
    primary: Server, standbys: list[Server], settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Though the old primary is still there, and writes on."""
    standbys[0].value("SELECT pg_promote()")
    settings.REPLICAS = ["replica_1"]
    end(replicas.watch())
    with leading_to(standbys[0], standbys[1]):
        anew = replicas.Watch()
        wait_until(lambda: anew._answered_at)
        with primary.connect(NAME) as session:
            session.execute("CREATE TABLE written_on AS SELECT generate_series(1, 10000) AS n")
        wait_until(lambda: "Watching replica_1: it follows another server" in caplog.text)

        assert anew.usable() == {}

        end(anew)


def test_a_failover_is_noticed_though_the_old_primary_is_silent(
    primary: Server, standbys: list[Server], settings: Any
) -> None:
    """The name of the primary leads to the new one, and no connection to the old one was closed."""
    settings.REPLICAS = ["replica_1"]
    end(replicas.watch())
    with Relay(primary) as relay, leading_to(primary, standbys[1]):
        connections.settings["default"]["PORT"] = relay.port
        anew = replicas.Watch()
        wait_until(lambda: set(anew.usable()) == {"replica_1"})

        relay.fall_silent()
        standbys[0].value("SELECT pg_promote()")
        relay.server = standbys[0]

        wait_until(lambda: anew.usable() == {})
        end(anew)


def test_a_replica_that_was_promoted_is_left(place: Place, standbys: list[Server]) -> None:
    standbys[0].value("SELECT pg_promote()")

    wait_until(lambda: aliases_read(place) == {"replica_2"})
