"""The log of what moderators did: only ever added to, and each entry says what was done."""

import pytest

from tests.chat.sql import by_check, execute, refused
from tests.factories import AuditLogEntryFactory, ServerFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "assignment", ["reason = 'none'", "created_at = now()", "actor_id = NULL", "action = action"]
)
@pytest.mark.parametrize("purge", ["off", "on"])
def test_log_is_not_rewritten(assignment: str, purge: str) -> None:
    entry = AuditLogEntryFactory.create()
    execute(f"SET LOCAL chat.purge = '{purge}'")

    refusal = refused(f"UPDATE audit_log SET {assignment} WHERE id = %s", entry.id)

    assert refusal == by_check("audit_log_append_only")


@pytest.mark.parametrize("purge", ["off", "on"])
def test_log_is_not_deleted(purge: str) -> None:
    entry = AuditLogEntryFactory.create()
    execute(f"SET LOCAL chat.purge = '{purge}'")

    refusal = refused("DELETE FROM audit_log WHERE id = %s", entry.id)

    assert refusal == by_check("audit_log_append_only")


@pytest.mark.parametrize("is_deleted", [False, True])
@pytest.mark.parametrize("purge", ["off", "on"])
def test_log_goes_with_a_deleted_server_that_is_purged(is_deleted: bool, purge: str) -> None:
    entry, other = AuditLogEntryFactory.create_batch(2)
    if is_deleted:
        execute("UPDATE servers SET deleted_at = now() WHERE id = %s", entry.server_id)
    execute(f"SET LOCAL chat.purge = '{purge}'")

    if is_deleted and purge == "on":
        assert execute("DELETE FROM audit_log WHERE space_id = %s", entry.server_id) == 1
    else:
        refusal = refused("DELETE FROM audit_log WHERE space_id = %s", entry.server_id)
        assert refusal == by_check("audit_log_append_only")

    assert refused("DELETE FROM audit_log WHERE id = %s", other.id) == by_check(
        "audit_log_append_only"
    )


@pytest.mark.parametrize("changes", ["[]", "1", '"text"', "null"])
def test_changes_in_the_log_are_an_object(changes: str) -> None:
    refusal = refused(
        "INSERT INTO audit_log (space_id, action, changes) VALUES (%s, 'role.update', %s)",
        ServerFactory.create().id,
        changes,
    )

    assert refusal == by_check("audit_log_changes_ck")


def test_entry_in_the_log_says_what_was_done() -> None:
    refusal = refused(
        "INSERT INTO audit_log (space_id, action) VALUES (%s, '')", ServerFactory.create().id
    )

    assert refusal == by_check("audit_log_action_ck")
