"""purge takes old messages away for good in batches, and leaves all else as it should be."""

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from chat.models import Channel, Message
from chat.queries.unread import unread_overview
from chat.services.core import purging
from chat.services.users import erase_user
from tests.chat.sql import by_check, execute, refused, rows, value
from tests.chat.test_database_roles import acting_as, roles
from tests.commands.test_check_integrity import broken
from tests.concurrency.connections import connect
from tests.conftest import ROOT, clean_environ
from tests.factories import (
    AuditLogEntryFactory,
    BanFactory,
    ChannelFactory,
    DirectConversationFactory,
    DirectMessageFactory,
    InviteFactory,
    MessageAttachmentFactory,
    MessageFactory,
    MessageRevisionFactory,
    ReadStateFactory,
    ServerFactory,
    ServerMemberFactory,
)
from tests.services.together import wait_until_blocked_by

pytestmark = pytest.mark.django_db

NOW = datetime.now(tz=UTC)
OLD = NOW - timedelta(days=400)


def fill(channel: Channel, *, old: int, new: int) -> list[Message]:
    """Write messages of the channel's owner: first the old ones, then the new."""
    author = channel.server.owner
    return [
        MessageFactory.create(
            channel=channel, author=author, **({"created_at": OLD} if n < old else {})
        )
        for n in range(old + new)
    ]


def fail_in(channel: Channel, *, how: str = "RAISE 'deadlock detected'") -> None:
    """Have the database refuse to delete a message of the channel's space."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN {how}; RETURN OLD; END $$"
    )
    execute(
        "CREATE TRIGGER fail BEFORE DELETE ON messages FOR EACH ROW"
        f" WHEN (OLD.space_id = '{channel.space_id}') EXECUTE FUNCTION fail()"
    )


def numbers(channel: Channel) -> list[int]:
    return [
        seq
        for (seq,) in rows(
            "SELECT seq FROM messages WHERE channel_id = %s ORDER BY seq", channel.id
        )
    ]


def purge(capsys: pytest.CaptureFixture[str], **options: Any) -> str:
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    call_command("purge", **options)
    return capsys.readouterr().out


YEAR = timedelta(days=365)


def purge_batches(channel: Channel, *, before: datetime, batch: int) -> Iterator[int]:
    """Purge the space of a channel batch by batch; yield how many messages each has taken."""
    parts = purging.old_messages([channel.space_id], before=before, batch=batch)
    for taken in purging.batches(parts, most=batch):
        yield purging.purge_messages(taken, before=before)


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_old_messages_go_and_new_ones_keep_their_numbers(
    batch: int, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=5, new=3)

    said = purge(capsys, older_than=YEAR, batch=batch)

    assert numbers(channel) == [6, 7, 8]
    assert f"server {channel.space_id}: 5 messages to purge." in said
    assert "Purged 5 messages." in said
    assert broken() == {}


def test_answer_stays_and_answers_nothing_and_the_file_s_key_waits(
    capsys: pytest.CaptureFixture[str],
) -> None:
    channel = ChannelFactory.create()
    old, _ = fill(channel, old=1, new=1)
    answer = MessageFactory.create(
        channel=channel, author=channel.server.owner, reply_to_seq=old.seq
    )
    file = MessageAttachmentFactory.create(message=old)

    purge(capsys, older_than=YEAR)

    answer.refresh_from_db()
    assert (answer.seq, answer.reply_to_seq) == (3, None)
    assert rows("SELECT storage_key FROM discarded_files") == [(file.storage_key,)]


def test_what_was_purged_is_unread_to_nobody_and_no_pin(
    capsys: pytest.CaptureFixture[str],
) -> None:
    channel = ChannelFactory.create()
    member = ServerMemberFactory.create(server=channel.server)
    execute(
        "INSERT INTO roles (space_id, name, position, permissions) VALUES (%s, 'm', 0, 68608)",
        channel.space_id,
    )
    first, *_ = fill(channel, old=5, new=3)
    execute("UPDATE messages SET pinned_at = now() WHERE id = %s", first.id)
    execute("DELETE FROM read_states WHERE user_id = %s", member.user_id)
    execute(
        "INSERT INTO read_states (space_id, channel_id, user_id) VALUES (%s, %s, %s)",
        channel.space_id,
        channel.id,
        member.user_id,
    )

    purge(capsys, older_than=YEAR)

    overview = {
        entry.channel_id: entry.unread for entry in unread_overview(user=member.user).entries
    }
    assert overview[channel.id] == 3
    assert value("SELECT count(*) FROM messages WHERE pinned_at IS NOT NULL") == 0


def test_dry_run_counts_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=5, new=3)

    said = purge(capsys, older_than=YEAR, dry_run=True, batch=2)

    assert said == f"server {channel.space_id}: 5 messages to purge.\n"
    assert len(numbers(channel)) == 8


def test_each_server_has_its_own_policy(capsys: pytest.CaptureFixture[str]) -> None:
    channels = [ChannelFactory.create() for _ in range(3)]
    for channel, kept in zip(channels, (365, None, 500), strict=True):
        fill(channel, old=2, new=1)
        execute("UPDATE servers SET retention_days = %s WHERE id = %s", kept, channel.space_id)

    purge(capsys)

    assert [len(numbers(channel)) for channel in channels] == [1, 3, 3]


def test_servers_without_a_policy_are_said_to_have_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=1, new=0)

    for options in ({}, {"server": channel.space_id}):
        said = purge(capsys, dry_run=True, **options)

        assert said == "No retention_days: nothing to purge without --older-than.\n"


def test_only_the_server_that_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = ChannelFactory.create(), ChannelFactory.create()
    for channel in (one, other):
        fill(channel, old=2, new=1)

    purge(capsys, older_than=YEAR, server=one.space_id)

    assert [len(numbers(channel)) for channel in (one, other)] == [1, 3]


def test_conversations_are_not_touched(capsys: pytest.CaptureFixture[str]) -> None:
    pair = DirectConversationFactory.create()
    MessageFactory.create(channel=pair, created_at=OLD)

    purge(capsys, older_than=YEAR)

    assert len(numbers(pair)) == 1


def test_conversations_are_purged_where_that_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    pair, group, young = (
        DirectConversationFactory.create(),
        DirectConversationFactory.create(group=True),
        DirectConversationFactory.create(),
    )
    channel = ChannelFactory.create()
    fill(channel, old=2, new=1)
    for conversation, ages in ((pair, (OLD, OLD, NOW)), (group, (OLD,)), (young, (NOW,))):
        for created_at in ages:
            MessageFactory.create(channel=conversation, created_at=created_at)

    foreseen = purge(capsys, older_than=YEAR, conversations=True, dry_run=True)
    said = purge(capsys, older_than=YEAR, conversations=True)

    assert foreseen == "conversations: 3 messages to purge in 2.\n"
    assert said == foreseen + "Purged 3 messages.\n"
    assert [len(numbers(each)) for each in (pair, group, young, channel)] == [1, 0, 1, 3]
    assert broken() == {}


def test_one_conversation_alone_is_purged(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = old_pairs(2)

    said = purge(capsys, older_than=YEAR, conversations=pairs[0].id, verbosity=2)

    assert f"conversation {pairs[0].id}: 1 messages to purge." in said
    assert [len(numbers(each)) for each in pairs] == [0, 1]


def old_pairs(count: int) -> list[Channel]:
    """Make conversations with an old message each, in the order of their ids."""
    pairs = [DirectConversationFactory.create() for _ in range(count)]
    for pair in pairs:
        MessageFactory.create(channel=pair, created_at=OLD)
    return sorted(pairs, key=lambda pair: pair.id)


def small_channels(count: int) -> list[Channel]:
    """Make channels of a server with an old message each."""
    first = ChannelFactory.create()
    channels = [first, *(ChannelFactory.create(server=first.server) for _ in range(count - 1))]
    for channel in channels:
        fill(channel, old=1, new=0)
    return channels


@pytest.mark.parametrize(("batch", "transactions"), [(1000, 1), (3, 2), (1, 5)])
@pytest.mark.parametrize(
    ("make", "options"),
    [
        pytest.param(
            old_pairs,
            {"conversations": True},
            marks=pytest.mark.one_machine("each conversation is in a batch of its own"),
        ),
        (small_channels, {}),
    ],
)
def test_small_places_share_a_batch(
    make: Callable[[int], list[Channel]],
    options: dict[str, Any],
    batch: int,
    transactions: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    channels = make(5)
    for channel in channels:
        old = Message.objects.get(channel_id=channel.id)
        MessageAttachmentFactory.create(message=old)
        MessageFactory.create(channel=channel, author=old.author, reply_to_seq=old.seq)

    said = purge(capsys, older_than=YEAR, batch=batch, **options)

    assert "Purged 5 messages." in said
    # Each batch is a transaction, or in a test a savepoint, with an id of its own.
    assert value("SELECT count(DISTINCT xmin::text) FROM channel_counters") == transactions
    assert rows("SELECT DISTINCT seq, reply_to_seq FROM messages") == [(2, None)]
    assert value("SELECT count(*) FROM discarded_files") == 5
    assert broken() == {}


def test_conversation_that_fails_is_named_and_those_beside_it_are_purged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs = old_pairs(3)
    fail_in(pairs[1])

    with pytest.raises(CommandError, match=rf"^Failed: conversation {pairs[1].id}\.") as ended:
        purge(capsys, older_than=YEAR, conversations=True)

    assert "At least 2 messages are purged" in str(ended.value)
    said = capsys.readouterr().out
    assert f"{pairs[1].id}: FAILED, deadlock detected" in said
    assert "conversations: 3 messages to purge in 3." in said
    assert [len(numbers(pair)) for pair in pairs] == [0, 1, 0]


@pytest.mark.parametrize("conversations", [False, True])
def test_full_disk_ends_it_at_once(conversations: bool, capsys: pytest.CaptureFixture[str]) -> None:
    channels = [*old_pairs(2), *small_channels(1)]
    full = "RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'"
    fail_in(channels[0 if conversations else -1], how=full)

    with pytest.raises(CommandError) as ended:
        purge(capsys, older_than=YEAR, conversations=conversations)

    assert str(ended.value) == (
        "The database went no further: could not extend file: No space left on device."
        " At least 0 messages are purged and stay it; run it again to go on."
    )
    assert [len(numbers(channel)) for channel in channels] == [1, 1, 1]


@pytest.mark.django_db(transaction=True)
def test_connection_that_is_lost_meanwhile_is_made_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs = old_pairs(3)
    fail_in(pairs[1], how="PERFORM pg_terminate_backend(pg_backend_pid())")

    try:
        with pytest.raises(CommandError, match=rf"^Failed: conversation {pairs[1].id}\.") as ended:
            call_command("purge", older_than=YEAR, conversations=True)
    finally:
        execute("DROP FUNCTION fail CASCADE")

    assert "At least 2 messages are purged" in str(ended.value)
    said = capsys.readouterr().out
    assert f"{pairs[1].id}: FAILED, terminating connection" in said
    assert [len(numbers(pair)) for pair in pairs] == [0, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_conversation_that_is_held_meanwhile_is_named_and_those_beside_it_are_purged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    pairs = old_pairs(3)

    def run() -> None:
        with closing(connection):
            call_command("purge", older_than=YEAR, conversations=True)

    with connect() as holder, ThreadPoolExecutor(max_workers=1) as pool:
        with holder.transaction():
            holder.execute("UPDATE channels SET legal_hold_at = now() WHERE id = %s", [pairs[1].id])
            ran = pool.submit(run)
            wait_until_blocked_by(holder, unless=ran)
        ran.result(timeout=30)

    said = capsys.readouterr().out
    left = "held, kept longer, restored or gone meanwhile, left."
    assert f"conversation {pairs[1].id}: {left}" in said
    assert "Purged 2 messages." in said
    assert [len(numbers(pair)) for pair in pairs] == [0, 1, 0]


@pytest.mark.django_db(transaction=True)
def test_counters_are_locked_in_the_order_of_their_ids() -> None:
    lowest, *others = old_pairs(9)
    spaces = [lowest.id, *(pair.id for pair in others)]
    parts = list(purging.old_messages(spaces, before=NOW, batch=9))
    lock: LiteralString = (
        "SELECT FROM channel_counters WHERE space_id = %s AND channel_id = space_id"
        " FOR UPDATE NOWAIT"
    )

    def run() -> int:
        with closing(connection):
            return purging.purge_messages([*reversed(parts)], before=NOW)

    with connect() as sender, ThreadPoolExecutor(max_workers=1) as pool:
        with sender.transaction():
            sender.execute(lock, [lowest.id])
            ran = pool.submit(run)
            wait_until_blocked_by(sender, unless=ran)
            # It has locked none of these before, so who has the first gets the others too.
            for pair in others:
                sender.execute(lock, [pair.id])
        assert ran.result(timeout=30) == 9


@pytest.mark.django_db(transaction=True)
def test_two_purges_at_once_take_each_message_once(capsys: pytest.CaptureFixture[str]) -> None:
    old_pairs(20)

    def run() -> int:
        with closing(connection):
            call_command("purge", older_than=YEAR, conversations=True, batch=3)
        return 0

    with ThreadPoolExecutor(max_workers=2) as pool:
        for ran in [pool.submit(run) for _ in range(2)]:
            ran.result(timeout=60)

    counts = re.findall(r"Purged (\d+) messages", capsys.readouterr().out)
    assert sum(map(int, counts)) == 20
    assert rows("SELECT FROM messages") == []
    assert broken() == {}


def test_conversations_are_found_page_by_page() -> None:
    pairs = old_pairs(5)

    found = list(purging.old_conversations(before=NOW - YEAR, page=2))

    assert [each.space_id for each in found] == [pair.id for pair in pairs]


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
def test_conversation_under_a_hold_is_passed_over_and_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    held, other = old_pairs(2)
    execute("UPDATE channels SET legal_hold_at = now() WHERE id = %s", held.id)

    with acting_as(roles().owner):
        said = purge(capsys, older_than=YEAR, conversations=True)

    assert f"conversation {held.id}: under a legal hold, passed over." in said
    assert [len(numbers(each)) for each in (held, other)] == [1, 0]


def test_hold_is_of_a_server_or_a_conversation() -> None:
    channel = ChannelFactory.create()

    assert refused(
        "UPDATE channels SET legal_hold_at = now() WHERE id = %s", channel.id
    ) == by_check("channels_legal_hold_ck")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "Conversations have no retention_days; give --older-than too."),
        ({"older_than": YEAR, "known": False}, "There is no conversation .*"),
        ({"older_than": YEAR, "which": UUID(int=0)}, "There is no conversation .*"),
        ({"whole": True}, "Conversations have no retention_days; give --older-than too."),
    ],
)
def test_conversations_that_nothing_is_said_of_are_refused(
    options: dict[str, Any], said: str
) -> None:
    known = options.pop("known", True)
    # A server is none.
    which = options.pop("which", True if known else ServerFactory.create().id)

    with pytest.raises(CommandError, match=said) as ended:
        call_command("purge", conversations=which, **options)

    assert ended.value.returncode == 64


def test_clock_of_this_machine_purges_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=0, new=2)
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOW + timedelta(days=1000))

    purge(capsys, older_than=YEAR)

    assert len(numbers(channel)) == 2


def test_more_days_than_there_are_moments_keep_everything(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for kept in (2_147_483_647, 365):
        channel = ChannelFactory.create()
        fill(channel, old=2, new=1)
        execute("UPDATE servers SET retention_days = %s WHERE id = %s", kept, channel.space_id)

    purge(capsys)

    assert value("SELECT count(*) FROM messages") == 4


def test_server_under_a_hold_is_passed_over_and_named(capsys: pytest.CaptureFixture[str]) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=2, new=1)
    execute("UPDATE servers SET legal_hold_at = now() WHERE id = %s", channel.space_id)

    said = purge(capsys, older_than=YEAR)

    assert f"server {channel.space_id}: under a legal hold, passed over." in said
    assert len(numbers(channel)) == 3


HELD = {
    "servers": "UPDATE servers SET legal_hold_at = now()",
    "channels": "UPDATE channels SET legal_hold_at = now() WHERE server_id IS NULL",
}
# What is in both, and what a server has alone.
KEPT = ("messages", "channels", "message_revisions", "message_attachments")
KEPT_OF = {"servers": (*KEPT, "audit_log", "invites"), "channels": (*KEPT, "participants")}


def everything_in(table: str) -> None:
    """Make something of everything that a server or a conversation has, and set a hold."""
    part = {"direct": table == "channels"}
    MessageRevisionFactory.create(**part)
    MessageAttachmentFactory.create(**part)
    if table == "servers":
        InviteFactory.create()
        AuditLogEntryFactory.create()
        # Which is when its audit log can be purged at all.
        execute("UPDATE servers SET deleted_at = now()")
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(HELD[table])


@pytest.mark.one_machine("what a trigger refuses there comes without the name that it gives")
@pytest.mark.parametrize("table", HELD)
def test_nothing_under_a_hold_is_purged_by_hand(table: str) -> None:
    everything_in(table)
    execute("SET LOCAL chat.purge = 'on'")

    refusals = {each: refused(f"DELETE FROM {each}") for each in KEPT_OF[table]}

    assert refusals == {each: by_check(f"{each}_legal_hold") for each in KEPT_OF[table]}
    if table == "servers":
        assert refused("DELETE FROM servers") == by_check("servers_legal_hold")


@pytest.mark.one_machine("what a trigger refuses there comes without the name that it gives")
@pytest.mark.parametrize("table", HELD)
def test_table_with_something_under_a_hold_is_not_emptied(table: str) -> None:
    everything_in(table)
    execute("SET LOCAL chat.purge = 'on'")
    kept = ("messages", "message_revisions", "message_attachments", "audit_log")

    refusals = {each: refused(f"TRUNCATE {each} CASCADE") for each in kept}

    assert refusals == {each: by_check(f"{each}_legal_hold") for each in kept}
    # With all that leads to it: the first of the tables that are asked says no.
    assert refused("TRUNCATE servers CASCADE").sqlstate == "23514"


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
@pytest.mark.parametrize("table", HELD)
def test_application_removes_no_sent_file_that_is_held(table: str) -> None:
    everything_in(table)
    unsent = MessageAttachmentFactory.create(message=None, space_id=ServerFactory.create().id)

    with acting_as(roles().app):
        assert refused("DELETE FROM message_attachments WHERE message_id IS NOT NULL") == by_check(
            "message_attachments_legal_hold"
        )
        assert execute("DELETE FROM message_attachments WHERE id = %s", unsent.id) == 1
        # An erasure takes what is the user's all the same.
        for (user,) in rows("SELECT id FROM users"):
            erase_user(actor=user, user=user, delete_owned_servers=True)
    for taken in ("message_attachments", "message_revisions", "invites"):
        assert rows(f"SELECT FROM {taken}") == []


@pytest.mark.parametrize("table", HELD)
@pytest.mark.django_db(transaction=True)
def test_hold_that_is_just_being_set_is_waited_for(table: str) -> None:
    message = MessageFactory.create() if table == "servers" else DirectMessageFactory.create()

    def purge_by_hand(session: psycopg.Connection[Any]) -> None:
        with session.transaction():
            session.execute("SET LOCAL chat.purge = 'on'")
            session.execute("DELETE FROM messages")

    with connect() as holder, connect() as purger, ThreadPoolExecutor(max_workers=1) as pool:
        with holder.transaction():
            holder.execute(HELD[table])
            purged = pool.submit(purge_by_hand, purger)
            wait_until_blocked_by(holder, unless=purged)
        with pytest.raises(psycopg.errors.CheckViolation, match="is under a legal hold"):
            purged.result(timeout=30)

    assert rows("SELECT id FROM messages") == [(message.id,)]
    # Nobody could empty the tables for the next test.
    execute(HELD[table].replace("now()", "NULL"))


def test_hold_that_comes_meanwhile_ends_the_purge_of_its_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=4, new=0)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    batches = purge_batches(channel, before=datetime.now(tz=UTC), batch=2)
    assert next(batches) == 2
    execute("UPDATE servers SET legal_hold_at = now() WHERE id = %s", channel.space_id)

    with pytest.raises(purging.HeldError):
        next(batches)

    assert numbers(channel) == [3, 4]


@pytest.mark.parametrize(
    ("options", "days", "left"),
    [
        ({}, "NULL", [3, 4]),
        ({}, "366", [3, 4]),
        ({}, "30", []),
        ({"older_than": YEAR}, "NULL", []),
    ],
)
def test_server_that_is_kept_longer_meanwhile_is_left(
    options: dict[str, Any], days: str, left: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=4, new=0)
    execute("UPDATE servers SET retention_days = 365 WHERE id = %s", channel.space_id)
    fail_in(channel, how=f"UPDATE public.servers SET retention_days = {days}")

    said = purge(capsys, batch=2, **options)

    assert numbers(channel) == left
    named = f"{channel.space_id}: held, kept longer, restored or gone meanwhile, left."
    assert (named in said) == bool(left)


def test_server_that_fails_is_named_and_the_others_are_purged(
    capsys: pytest.CaptureFixture[str],
) -> None:
    channels = sorted((ChannelFactory.create() for _ in range(2)), key=lambda each: each.space_id)
    for channel in channels:
        fill(channel, old=2, new=1)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    fail_in(channels[0])

    with pytest.raises(CommandError, match=f"^Failed: server {channels[0].space_id}\\.") as ended:
        call_command("purge", older_than=YEAR)

    assert ended.value.returncode == 1
    assert f"{channels[0].space_id}: FAILED, deadlock detected" in capsys.readouterr().out
    assert [len(numbers(channel)) for channel in channels] == [3, 1]


def test_batch_reads_no_more_than_the_one_before() -> None:
    """What those before it have deleted is still there, as for as long as a snapshot is held."""
    channel = ChannelFactory.create()
    execute(
        "INSERT INTO messages (space_id, channel_id, author_id)"
        " SELECT %s, %s, %s FROM generate_series(1, 400)",
        *(channel.space_id, channel.id, channel.server.owner_id),
    )
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    # Of a table that is small for all it knows, or full of what other tests deleted, the planner
    # takes now one way to it and now another.
    execute("ANALYZE messages")
    for way in ("enable_bitmapscan", "enable_seqscan"):
        execute(f"SET LOCAL {way} = off")
    looked_at: LiteralString = """
        SELECT sum(pg_stat_get_xact_tuples_returned(indexrelid))
        FROM pg_index
        WHERE indrelid = 'messages'::regclass
    """
    now = datetime.now(tz=UTC)

    read = []
    for _ in range(20):
        before = value(looked_at)
        # Each as a run of its own, which begins where the others ended.
        assert next(purge_batches(channel, before=now, batch=20)) == 20
        read.append(value(looked_at) - before)

    # It would be the 20 of each batch before: 380 at last.
    assert max(read) < read[0] + 20, read


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
def test_role_that_may_not_purge_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=2, new=1)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    names = roles()

    with acting_as(names.app), pytest.raises(CommandError) as ended:
        call_command("purge", older_than=YEAR)

    assert f"Role {names.app} may not purge" in str(ended.value)
    assert f"Only {names.owner}" in str(ended.value)


@pytest.mark.one_machine("two roles write in one transaction, of which a cluster takes one")
def test_owner_purges(capsys: pytest.CaptureFixture[str]) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=2, new=1)
    execute("SET CONSTRAINTS ALL IMMEDIATE")

    with acting_as(roles().owner):
        purge(capsys, older_than=YEAR)

    assert numbers(channel) == [3]


# A whole server ----------------------------------------------------------------------------------


def test_deleted_server_goes_with_all_that_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    channel, other = ChannelFactory.create(), ChannelFactory.create()
    for each in (channel, other):
        fill(each, old=2, new=3)
    for _ in range(3):
        ServerMemberFactory.create(server=channel.server)
        ChannelFactory.create(server=channel.server, kind="thread", parent=channel)
        InviteFactory.create(server=channel.server, channel=channel)
    execute("UPDATE servers SET deleted_at = now() WHERE id = %s", channel.space_id)

    purge(capsys, server=channel.space_id, whole=True, batch=2)

    for table in ("servers", "channels", "messages", "server_members", "read_states"):
        assert rows(f"SELECT DISTINCT space_id FROM {table}") == [(other.space_id,)], table
    assert rows("SELECT code FROM invite_codes") == []
    assert len(numbers(other)) == 5


@pytest.mark.one_machine("the test makes triggers, which would be on no other machine")
def test_no_transaction_takes_more_rows_of_a_table_than_a_batch() -> None:
    channel = ChannelFactory.create()
    threads = [
        ChannelFactory.create(server=channel.server, kind="thread", parent=channel)
        for _ in range(4)
    ]
    for _ in range(4):
        member = ServerMemberFactory.create(server=channel.server)
        for place in (channel, *threads):
            ReadStateFactory.create(channel=place, user=member.user)
        InviteFactory.create(server=channel.server, channel=channel)
        BanFactory.create(server=channel.server)
    execute("UPDATE servers SET deleted_at = now() WHERE id = %s", channel.space_id)
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute(
        "CREATE FUNCTION count_gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO gone SELECT TG_TABLE_NAME, statement_timestamp(), count(*) FROM old;"
        " RETURN NULL; END $$"
    )
    execute("CREATE TEMPORARY TABLE gone (name text, moment timestamptz, rows bigint)")
    # A key that cascades does it as the owner of its table, who is another here.
    execute("GRANT ALL ON gone TO PUBLIC")
    for table in ("bans", "channels", "invite_codes", "invites", "read_states", "server_members"):
        execute(
            f"CREATE TRIGGER z AFTER DELETE ON {table} REFERENCING OLD TABLE AS old"
            " FOR EACH STATEMENT EXECUTE FUNCTION count_gone()"
        )

    call_command("purge", server=channel.space_id, whole=True, batch=2, verbosity=0)

    most = "SELECT name, sum(rows) FROM gone GROUP BY name, moment ORDER BY 2 DESC LIMIT 1"
    assert rows(most)[0][1] == 2, rows(most)
    assert rows("SELECT FROM servers") == []


@pytest.mark.parametrize("server", [False, True])
def test_server_that_is_not_deleted_stays(server: bool) -> None:
    channel = ChannelFactory.create()

    with pytest.raises(CommandError, match="--whole is for one server that is marked as deleted"):
        call_command("purge", whole=True, server=channel.space_id if server else None)


# Stopped -----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_between_batches_it_says_so_and_the_next_run_goes_on(how: signal.Signals) -> None:
    channel = ChannelFactory.create()
    fill(channel, old=40, new=1)
    params = connection.get_connection_params()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "purge", "--older-than", "365d", "--batch", "2", "-v2"],
        cwd=ROOT,
        env=clean_environ(
            DB_HOST=str(params.get("host") or ""),
            DB_PORT=str(params.get("port") or ""),
            DB_USER=str(params.get("user") or ""),
            DB_PASSWORD=str(params.get("password") or ""),
            DB_NAME=str(connection.settings_dict["NAME"]),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    # A lock on the server lets the next batch wait, so that it does not come to its end before.
    while "2 of 40" not in process.stdout.readline():
        pass
    with transaction.atomic():
        execute("SELECT FROM servers WHERE space_id = %s FOR UPDATE", channel.space_id)
        process.send_signal(how)
        _, said = process.communicate(timeout=30)

    left = numbers(channel)
    assert 1 < len(left) < 40
    if how is not signal.SIGKILL:
        assert process.returncode == 130
        assert "Stopped." in said
        # Of the last batch the command may have heard, or not.
        assert any(
            f"At least {gone} messages are purged and stay it; run it again to go on." in said
            for gone in (41 - len(left), 39 - len(left))
        )

    call_command("purge", older_than=YEAR, verbosity=0)

    assert numbers(channel) == [41]
    assert broken() == {}


# Meanwhile ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_purge_waits_for_who_is_sending_an_answer_to_what_it_purges() -> None:
    channel = ChannelFactory.create()
    fill(channel, old=2, new=1)
    send: LiteralString = (
        "INSERT INTO messages (space_id, channel_id, author_id, reply_to_seq)"
        " VALUES (%s, %s, %s, %s)"
    )
    place = [channel.space_id, channel.id, channel.server.owner_id]

    def run() -> list[int]:
        with closing(connection):
            yesterday = datetime.now(tz=UTC) - timedelta(days=1)
            return list(purge_batches(channel, before=yesterday, batch=9))

    with connect() as sender, ThreadPoolExecutor(max_workers=1) as pool:
        with sender.transaction():
            sender.execute(send, [*place, None])
            purged = pool.submit(run)
            wait_until_blocked_by(sender, unless=purged)
            sender.execute(send, [*place, 1])
        assert purged.result(timeout=30) == [2]

    assert rows("SELECT seq, reply_to_seq FROM messages ORDER BY seq") == [
        (3, None),
        (4, None),
        (5, None),
    ]
    assert broken() == {}


def test_what_is_no_number_of_days_is_refused() -> None:
    with pytest.raises(CommandError, match="'a year' is not a number of days from 1d to 36500d"):
        call_command("purge", "--older-than", "a year")
