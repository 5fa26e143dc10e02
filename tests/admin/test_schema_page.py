"""The page about the schema, over a schema in every state."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.test.utils import CaptureQueriesContext

from chat.models import User
from chat.schema.run.recorder import LedgerRecorder
from chat.schema.session.lock import migration_lock
from tests.admin.test_dashboard import allow, operator

__all__ = ["operator"]

pytestmark = pytest.mark.django_db

PAGE = "/admin/schema/"
WARNING = "/admin/schema/warning/"


def text(client: Client, path: str = PAGE, *, post: bool = False) -> str:
    """Return the words of a page, as somebody reads them."""
    response = client.post(path) if post else client.get(path)
    assert response.status_code == 200
    body = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", body).split())


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("path", [PAGE, WARNING])
def test_nobody_looks_without_the_permission(client: Client, operator: User, path: str) -> None:
    assert client.get(path).status_code == 403

    allow(operator, "view_schema")

    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [PAGE, WARNING])
def test_stranger_is_sent_to_the_log_in_page(client: Client, path: str) -> None:
    assert client.get(path)["Location"].startswith("/admin/login/")


def test_right_to_look_at_everything_else_is_not_enough(client: Client, operator: User) -> None:
    allow(operator, "view_message", "view_auditlogentry", "view_user")

    assert client.get(PAGE).status_code == 403
    assert "/admin/schema/" not in client.get("/admin/").content.decode()


def test_migrated_database_has_nothing_to_do(admin_client: Client) -> None:
    page = text(admin_client)

    assert "Nothing to do: the database is what the code expects." in page
    assert re.search(r"\d+ applied Drift|\d+ applied chat at ", page)
    assert re.search(r"0001_initial applied 20\d\d-\d\d-\d\d \d\d:\d\d [\d,.]+ m?s ", page)
    assert text(admin_client, WARNING) == ""


@pytest.mark.superuser
def test_pending_migration_is_named_with_what_to_do(admin_client: Client) -> None:
    with migration_lock(connection, wait=timedelta(0)) as lock:
        recorder = LedgerRecorder(connection, lock=lock, on_disk=lambda _: None, checksums={})
        recorder.record_unapplied("chat", "0025_exclude_in_search")

    assert "1 pending: python manage.py migrate" in text(admin_client)
    assert "0025_exclude_in_search pending" in text(admin_client)
    assert text(admin_client, WARNING).startswith("1 pending: python manage.py migrate")


@pytest.mark.superuser
def test_database_ahead_of_the_code_is_told(admin_client: Client) -> None:
    MigrationRecorder(connection).record_applied("chat", "9999_from_the_future")

    assert "chat.9999_from_the_future is applied, and not on disk" in text(admin_client)
    assert "The database is ahead of the code by 1" in text(admin_client, WARNING)


@pytest.mark.superuser
def test_table_that_is_not_there_is_told(admin_client: Client) -> None:
    execute("ALTER TABLE user_preferences RENAME TO aside")

    page = text(admin_client)

    assert "Tables or views not there: user_preferences" in page
    assert "See the drift: python manage.py migration_drift" in page
    assert "Nothing to do" not in page


@pytest.mark.superuser
def test_drift_is_looked_for_when_asked(admin_client: Client) -> None:
    execute("ALTER TABLE users ADD COLUMN handmade text")

    unasked = text(admin_client)
    asked = text(admin_client, post=True)

    assert "handmade" not in unasked
    assert "1 object differs from the snapshot of" in asked
    assert "public.users.handmade column added - text" in asked
    assert "1 object differs from the snapshot of" in text(admin_client, WARNING)


def test_schema_without_drift_is_said_to_be_without(admin_client: Client) -> None:
    assert "Nothing differs from the snapshot of" in text(admin_client, post=True)


def test_drift_is_not_asked_for_by_another_site(admin_client: Client) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = admin_client.cookies

    assert strict.post(PAGE).status_code == 403


@pytest.mark.superuser
def test_markup_in_the_catalogue_stays_text(admin_client: Client) -> None:
    execute("""ALTER TABLE users ADD COLUMN "<b>x</b>" text DEFAULT '<script>alert(1)</script>'""")

    page = admin_client.post(PAGE).content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert(1)" not in page
    assert "<b>x</b>" not in page


@pytest.mark.superuser
def test_table_in_the_ledgers_place_is_told(admin_client: Client) -> None:
    execute("ALTER TABLE schema_migrations RENAME TO aside")
    execute("CREATE TABLE schema_migrations (version text)")

    page = text(admin_client, post=True)

    assert "ALTER TABLE schema_migrations RENAME TO schema_migrations_before_django" in page
    assert "schema_migrations" in text(admin_client, WARNING)


def test_tables_and_indexes_are_listed_with_their_sizes(admin_client: Client) -> None:
    page = text(admin_client).replace("\xa0", " ")

    # With a mark, where tests before have left many dead rows.
    assert re.search(
        r" messages (not known|[\d,]+) [\d,]+ (\d+% )?[\d.]+ (bytes|KB|MB) [\d.]+ (KB|MB) ", page
    )
    assert re.search(r" messages_pkey messages [\d,]+ [\d.]+ (KB|MB) unique ", page)


def test_ledger_is_paged_back_to_the_first_event(admin_client: Client) -> None:
    path, seen = PAGE, []
    while path:
        page = admin_client.get(path).content.decode()
        seen += re.findall(r"</span>\s*<strong>([\w.]+)</strong></p>", page)
        older = re.search(r'href="(\?before=\d+)#ledger"', page)
        path = PAGE + older[1] if older else ""

    with connection.cursor() as cursor:
        cursor.execute("SELECT app || '.' || name FROM schema_migrations ORDER BY id DESC")
        assert seen == [name for (name,) in cursor.fetchall()]
    assert len(seen) > 20


@pytest.mark.parametrize("before", ["abc", "-1", "", "9" * 40, "0"])
def test_page_that_nobody_linked_to_is_no_error(admin_client: Client, before: str) -> None:
    assert admin_client.get(PAGE, {"before": before}).status_code == 200


def test_nothing_is_changed_by_looking(admin_client: Client) -> None:
    with CaptureQueriesContext(connection) as queries:
        admin_client.get(PAGE)
        admin_client.post(PAGE)
        admin_client.get(WARNING)

    verbs = {query["sql"].split()[0].upper() for query in queries}
    assert verbs <= {"SELECT", "WITH", "SAVEPOINT", "RELEASE", "SHOW"}


def test_page_takes_at_most_twelve_statements(client: Client, operator: User) -> None:
    allow(operator, "view_schema")

    with CaptureQueriesContext(connection) as queries:
        client.get(PAGE)

    assert len(queries) <= 12
