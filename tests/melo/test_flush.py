"""Django's flush empties the tables that nobody else may empty."""

import pytest
from django.core.management import call_command

from chat.models import AdminAccess, AuditLogEntry, DirectMessage, Message, MessageRevision
from tests.chat.sql import by_check, refused, value
from tests.factories import AdminAccessFactory, AuditLogEntryFactory, MessageRevisionFactory

pytestmark = pytest.mark.django_db(transaction=True)

KEPT = [AdminAccess, AuditLogEntry, DirectMessage, Message, MessageRevision]


@pytest.fixture
def filled() -> None:
    AdminAccessFactory.create()
    AuditLogEntryFactory.create()
    MessageRevisionFactory.create()
    MessageRevisionFactory.create(direct=True)


def flush() -> None:
    call_command("flush", interactive=False, verbosity=0)


@pytest.mark.usefixtures("filled")
def test_flush_empties_the_tables_that_are_kept() -> None:
    flush()

    assert [model._default_manager.count() for model in KEPT] == [0, 0, 0, 0, 0]


def test_right_to_empty_ends_with_the_flush() -> None:
    flush()

    assert value("SELECT coalesce(current_setting('chat.purge', true), '')") == ""
    assert refused("TRUNCATE audit_log") == by_check("audit_log_table_kept")
