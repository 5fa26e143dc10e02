"""seed_demo fills a database with a community that is the same each time, and whole."""

from collections import Counter
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from chat.db.ids import uuid7
from chat.demo.histories import DemoChannel, MessageGenerator
from chat.demo.plan import Plan
from chat.demo.rhythm import Rhythm
from tests.chat.sql import rows, stored, value
from tests.conftest import Manage, ScratchDatabase, broken_rules, clean_environ

pytestmark = pytest.mark.django_db


def seed(**options: Any) -> str:
    out = StringIO()
    sizes = {"messages": 600, "users": 30, "servers": 3, **options}
    call_command("seed_demo", "--until", "2026-02-03", **sizes, stdout=out)
    return out.getvalue()


def people_and_messages() -> list[tuple[Any, ...]]:
    return rows(
        "SELECT id, seq, author_id::text, content, created_at::text FROM messages"
        " UNION ALL SELECT id, 0, '', username, created_at::text FROM users"
        " ORDER BY id"
    )


def test_as_many_messages_as_asked_for() -> None:
    assert "600 messages by 30 users in 3 servers" in seed()

    assert value("SELECT count(*) FROM messages") == 600
    assert value("SELECT count(*) FROM messages WHERE space_id = channel_id") == 50
    assert value("SELECT count(*) FROM users") == 30
    assert value("SELECT count(*) FROM servers") == 3


@pytest.mark.one_machine("each part has statistics of its own")
def test_planner_and_admin_know_how_many_rows_there_are() -> None:
    seed()

    assert value("SELECT reltuples FROM pg_class WHERE oid = 'messages'::regclass") == 600


def test_every_kind_of_row_is_there() -> None:
    seed(messages=3000)

    empty = {table for table, count, _ in stored() if not count}
    assert empty == {"admin_access_log", "discarded_files", "user_preferences", "user_sessions"}
    assert value("SELECT count(*) FROM messages WHERE reply_to_seq IS NOT NULL") > 100
    assert value("SELECT count(*) FROM messages WHERE deleted_at IS NOT NULL") > 10
    kinds = dict(
        rows(
            "SELECT kind, count(*) FROM channels JOIN channel_counters USING (space_id)"
            " WHERE channel_id = channels.id AND last_seq > 0 GROUP BY kind"
        )
    )
    assert kinds["thread"] > 3
    assert kinds["group"] > 0
    assert kinds["pair"] > kinds["group"]


def test_conversation_has_what_a_channel_has() -> None:
    seed(messages=3000)

    for part in ("reactions", "mentions", "message_attachments", "read_states"):
        assert value(
            f"SELECT count(*) FROM {part} JOIN channels USING (space_id)"
            " WHERE channels.id = channels.space_id"
        ), part
    assert rows(
        "SELECT count(*) FROM participants WHERE joined_at >"
        " (SELECT min(created_at) FROM messages"
        " WHERE space_id = participants.space_id AND channel_id = participants.space_id)"
    ) == [(0,)]


def test_numbers_and_counters_are_right() -> None:
    seed()

    assert (
        rows(
            "SELECT channel_id FROM channel_counters WHERE last_seq <> (SELECT count(*)"
            " FROM messages WHERE space_id = channel_counters.space_id"
            " AND channel_id = channel_counters.channel_id)"
            " OR last_message_at IS DISTINCT FROM (SELECT max(created_at) FROM messages"
            " WHERE space_id = channel_counters.space_id"
            " AND channel_id = channel_counters.channel_id)"
        )
        == []
    )


def test_first_server_is_the_largest_by_far() -> None:
    seed()

    sizes = [
        size
        for (size,) in rows(
            "SELECT sum(last_seq)::int FROM channel_counters JOIN servers USING (space_id)"
            " GROUP BY space_id ORDER BY 1 DESC"
        )
    ]
    assert sizes == [300, 150, 100]


def test_longest_history_has_no_more_pins_than_there_may_be() -> None:
    plan = Plan(
        seed=1, messages=160_000, users=2, servers=1, until=datetime(2026, 2, 3, tzinfo=UTC)
    )
    channel = DemoChannel(id=uuid7(), writers=[uuid7(), uuid7()], language="en", messages=160_000)

    history = MessageGenerator(plan, Rhythm(plan.since)).history(channel)

    assert sum(row.pinned_at is not None for row in history) == 250


def test_run_twice_adds_nothing() -> None:
    seed()
    before = stored()

    seed()

    assert stored() == before


def test_interrupted_run_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    seed()
    whole = people_and_messages()
    with pytest.raises(CommandError, match=r"^Stopped\. What was written before is kept") as ended:
        seed_until_stopped(monkeypatch)
    assert ended.value.returncode == 130
    assert broken_rules("default") == []

    seed(seed=2)

    assert len(people_and_messages()) == 2 * len(whole)
    assert broken_rules("default") == []


def seed_until_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run with seed 2 until the first histories are in, and then stop."""
    with monkeypatch.context() as patch:
        read = Counter[str]()

        def stop(bar: Any, count: int = 1) -> None:
            read["messages"] += count
            if read["messages"] > 200:
                raise KeyboardInterrupt

        patch.setattr("chat.management.commands.seed_demo.tqdm.update", stop)
        seed(seed=2)


def test_another_seed_is_another_community() -> None:
    seed()

    seed(seed=2)

    assert value("SELECT count(*) FROM users") == 60


def test_history_ends_on_the_day_that_is_given() -> None:
    seed()

    assert rows("SELECT max(created_at) < '2026-02-03Z' FROM messages") == [(True,)]
    assert rows("SELECT min(created_at) > '2025-05-01Z' FROM messages") == [(True,)]


def test_smallest_size_works() -> None:
    seed(messages=1, users=1, servers=1)

    assert value("SELECT count(*) FROM messages") == 1


@pytest.mark.parametrize(
    "option",
    ["--messages=0", "--messages=many", "--users=-1", "--until=yesterday", "--until=2999-01-01"],
)
def test_option_out_of_bounds_is_refused(option: str) -> None:
    with pytest.raises(CommandError, match=option.split("=", maxsplit=1)[0]):
        call_command("seed_demo", option)


@override_settings(IS_PRODUCTION=True)
def test_production_is_refused() -> None:
    with pytest.raises(CommandError, match="This is production") as refusal:
        seed()

    assert refusal.value.returncode == 3
    assert value("SELECT count(*) FROM users") == 0


def test_two_processes_make_the_same_community(
    manage: Manage, manage_process: Manage, migrated_database: ScratchDatabase
) -> None:
    seed(messages=200)

    run = manage_process(
        *("seed_demo", "--messages", "200", "--users", "30", "--servers", "3"),
        *("--until", "2026-02-03"),
        env={**migrated_database.environ, "PYTHONHASHSEED": "7"},
    )

    assert run.returncode == 0
    assert run.stderr == ""
    dumped = manage(
        *("shell", "-v0", "-c"),
        "from chat.models import Message; "
        "print(*Message.objects.order_by('id').values_list('id', flat=True))",
        env=migrated_database.environ,
    )
    here = rows("SELECT id FROM messages ORDER BY 1")
    assert dumped.stdout.split() == [str(message_id) for (message_id,) in here]


def test_database_without_tables_is_told_to_migrate(
    manage: Manage, scratch_database: ScratchDatabase
) -> None:
    run = manage("seed_demo", "--messages", "10", env=scratch_database.environ)

    assert run.returncode == 1
    assert run.stderr.strip() == (
        'CommandError: The database is older than the code: relation "users" does not exist. '
        "Run python manage.py migrate first."
    )


def test_help_needs_no_database(manage: Manage) -> None:
    run = manage("seed_demo", "--help", env=clean_environ(DB_HOST="nowhere.invalid"))

    assert run.returncode == 0
    assert "--messages" in run.stdout
