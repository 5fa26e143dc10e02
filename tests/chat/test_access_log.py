"""The log of looks at private messages: only ever added to, and each entry says what was done."""

import pytest

from tests.chat.sql import by_check, execute, refused
from tests.factories import AdminAccessFactory, UserFactory

pytestmark = pytest.mark.django_db

INSERT = "INSERT INTO admin_access_log (actor_id, action, details) VALUES (%s, %s, %s)"


@pytest.mark.parametrize("purge", ["off", "on"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE admin_access_log SET action = action",
        "UPDATE admin_access_log SET details = '{}'",
        "DELETE FROM admin_access_log",
    ],
)
def test_log_of_looks_is_not_rewritten(statement: str, purge: str) -> None:
    AdminAccessFactory.create()
    execute(f"SET LOCAL chat.purge = '{purge}'")

    assert refused(statement) == by_check("admin_access_log_append_only")


def test_log_of_looks_is_not_emptied() -> None:
    assert refused("TRUNCATE admin_access_log") == by_check("admin_access_log_table_kept")


def test_look_says_what_was_done() -> None:
    refusal = refused(INSERT, UserFactory.create().pk, "", "{}")

    assert refusal == by_check("admin_access_log_action_ck")


@pytest.mark.parametrize("details", ["[]", "1", "null"])
def test_details_of_a_look_are_an_object(details: str) -> None:
    refusal = refused(INSERT, UserFactory.create().pk, "direct_message.read", details)

    assert refusal == by_check("admin_access_log_details_ck")
