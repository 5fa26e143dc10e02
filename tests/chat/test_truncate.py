"""Messages, files and histories are not emptied all at once, unless by who says that they purge."""

import pytest

from chat.models import Channel
from tests.chat.sql import by_check, execute, refused, rows, value
from tests.factories import (
    AdminAccessFactory,
    AuditLogEntryFactory,
    MessageAttachmentFactory,
    MessageFactory,
    MessageRevisionFactory,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.one_machine("TRUNCATE is refused there in other words, also of who purges"),
]

KEPT = ["admin_access_log", "audit_log", "message_attachments", "message_revisions", "messages"]


@pytest.fixture(autouse=True)
def filled() -> None:
    AdminAccessFactory.create()
    AuditLogEntryFactory.create()
    MessageAttachmentFactory.create()
    MessageRevisionFactory.create()
    # PostgreSQL truncates no table of which a check is still to come.
    execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("table", KEPT)
def test_table_is_not_truncated(table: str) -> None:
    assert refused(f"TRUNCATE {table} CASCADE") == by_check(f"{table}_table_kept")


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("setting", ["off", "", "true"])
def test_purge_wants_exactly_on(table: str, setting: str) -> None:
    execute(f"SET LOCAL chat.purge = '{setting}'")

    assert refused(f"TRUNCATE {table} CASCADE") == by_check(f"{table}_table_kept")


@pytest.mark.parametrize("table", ["users", "servers", "channels", "channel_counters"])
def test_table_is_not_truncated_along_with_another(table: str) -> None:
    refusal = refused(f"TRUNCATE {table} CASCADE")

    assert refusal.sqlstate == "23514"
    assert refusal.constraint in {f"{kept}_table_kept" for kept in KEPT}


@pytest.mark.parametrize("table", KEPT)
def test_purge_truncates_a_table(table: str) -> None:
    execute("SET LOCAL chat.purge = 'on'")

    execute(f"TRUNCATE {table} CASCADE")

    assert rows(f"SELECT id FROM {table}") == []


def test_numbers_go_on_and_nothing_is_unread_when_all_messages_were_purged() -> None:
    execute("SET LOCAL chat.purge = 'on'")
    execute("TRUNCATE messages CASCADE")

    assert rows("SELECT DISTINCT first_seq, last_seq FROM channel_counters") == [(2, 1)]
    channel = value("SELECT id FROM channels LIMIT 1")
    execute("SET CONSTRAINTS ALL DEFERRED")
    assert MessageFactory.create(channel=Channel.objects.get(id=channel)).seq == 2
