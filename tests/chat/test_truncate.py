"""Messages and histories are not emptied all at once, unless somebody says that they purge."""

import pytest

from tests.chat.sql import by_check, execute, refused, rows
from tests.factories import AuditLogEntryFactory, MessageRevisionFactory

pytestmark = pytest.mark.django_db

KEPT = ["audit_log", "direct_messages", "message_revisions", "messages"]


@pytest.fixture(autouse=True)
def filled() -> None:
    AuditLogEntryFactory.create()
    MessageRevisionFactory.create()
    MessageRevisionFactory.create(direct=True)
    # PostgreSQL truncates no table of which a check is still to come.
    execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("table", KEPT)
def test_table_is_not_truncated(table: str) -> None:
    assert refused(f"TRUNCATE {table} CASCADE") == by_check(f"{table}_table_kept")


@pytest.mark.parametrize("table", KEPT)
@pytest.mark.parametrize("setting", ["off", "", "true"])
def test_purge_wants_exactly_on(table: str, setting: str) -> None:
    execute("SELECT set_config('chat.purge', %s, true)", setting)

    assert refused(f"TRUNCATE {table} CASCADE") == by_check(f"{table}_table_kept")


@pytest.mark.parametrize("table", ["users", "servers", "channels", "direct_conversations"])
def test_table_is_not_truncated_along_with_another(table: str) -> None:
    refusal = refused(f"TRUNCATE {table} CASCADE")

    assert refusal.sqlstate == "23514"
    assert refusal.constraint in {f"{kept}_table_kept" for kept in KEPT}


@pytest.mark.parametrize("table", KEPT)
def test_purge_truncates_a_table(table: str) -> None:
    execute("SET LOCAL chat.purge = 'on'")

    execute(f"TRUNCATE {table} CASCADE")

    assert rows(f"SELECT id FROM {table}") == []
