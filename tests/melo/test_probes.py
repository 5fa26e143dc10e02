"""`/healthz` and `/readyz`, over databases in every state."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import pytest
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from melo.embedded.server import EmbeddedServer
from melo.readiness import Answer, Readiness, read_readiness
from tests.melo.test_connection_errors import (
    PASSWORD,
    listener_that_answers,
    unused_port,
)
from tests.scratch import connect

PRODUCTION = override_settings(
    DEBUG=False, ALLOWED_HOSTS=["chat.example.com"], SECURE_SSL_REDIRECT=True
)


@contextmanager
def default_leads_to(**settings: Any) -> Iterator[None]:
    """Let the requests of this test find the default database elsewhere."""
    before = connections["default"]
    changed = deepcopy(before.settings_dict)
    changed.update(settings)
    connections["default"] = type(before)(changed, alias="default")
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = before


def record(app: str, name: str) -> None:
    MigrationRecorder(connections["default"]).record_applied(app, name)


def forget(app: str, name: str) -> None:
    MigrationRecorder(connections["default"]).record_unapplied(app, name)


@pytest.mark.django_db
def test_migrated_database_is_ready(client: Client) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()) == (200, {"status": "ready"})
    assert response["Content-Type"] == "application/json"
    assert response["Cache-Control"] == "no-store"


@PRODUCTION
def test_process_is_alive_by_plain_http_and_any_host_without_a_database(client: Client) -> None:
    response = client.get("/healthz", headers={"host": "10.0.0.7:8000"})

    assert (response.status_code, response.json()) == (200, {"status": "alive"})
    assert not response.cookies


@PRODUCTION
@pytest.mark.django_db
def test_ready_by_plain_http_and_any_host(client: Client) -> None:
    response = client.get("/readyz", headers={"host": "10.0.0.7:8000"})

    assert response.status_code == 200


@PRODUCTION
def test_other_pages_still_ask_for_the_host_and_for_https(client: Client) -> None:
    named = client.get("/admin/", headers={"host": "chat.example.com"})
    unnamed = client.get("/healthz/x", headers={"host": "10.0.0.7:8000"})

    assert (named.status_code, named["Location"]) == (301, "https://chat.example.com/admin/")
    assert unnamed.status_code == 400


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_probe_only_reads(client: Client, path: str) -> None:
    assert client.post(path).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_pending_migration_is_named(client: Client) -> None:
    forget("chat", "0025_exclude_in_search")
    try:
        response = client.get("/readyz")
    finally:
        record("chat", "0025_exclude_in_search")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "migrations are pending: 1 (chat.0025_exclude_in_search)",
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("kind", "name"), [("TABLE", "reactions"), ("VIEW", "channel_access")])
def test_table_or_view_that_is_not_there_is_named(client: Client, kind: str, name: str) -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute(f"ALTER {kind} {name} RENAME TO renamed")
        try:
            response = client.get("/readyz")
        finally:
            cursor.execute(f"ALTER {kind} renamed RENAME TO {name}")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": f"tables or views of the models are not there: {name}",
    }


@pytest.mark.django_db(transaction=True)
def test_database_ahead_of_the_code_is_named(client: Client) -> None:
    record("chat", "9999_from_the_future")
    try:
        response = client.get("/readyz")
    finally:
        forget("chat", "9999_from_the_future")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "the database is ahead of the code by 1 (chat.9999_from_the_future)",
    }


@pytest.mark.django_db
def test_empty_database_has_the_first_of_many_named(client: Client, scratch_database: Any) -> None:
    with default_leads_to(NAME=scratch_database.name, EMBEDDED_DIR=None, **where_tests_run()):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert "migrations are pending: " in response.json()["reason"]
    assert response.json()["reason"].endswith(", …)")


@pytest.mark.django_db
def test_server_that_is_not_there(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    port = unused_port()
    with (
        caplog.at_level(logging.WARNING, "melo.readiness"),
        default_leads_to(HOST="127.0.0.1", PORT=port, PASSWORD=PASSWORD, EMBEDDED_DIR=None),
    ):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "no connection to the database: not listening",
    }
    assert f"No PostgreSQL server listens at 127.0.0.1:{port}." in caplog.text


@pytest.mark.django_db
def test_server_that_never_answers_does_not_hold_the_probe_for_ever(client: Client) -> None:
    with (
        listener_that_answers(b"") as port,
        default_leads_to(HOST="127.0.0.1", PORT=port, EMBEDDED_DIR=None),
    ):
        response = client.get("/readyz")

    assert response.json()["reason"] == "no connection to the database: timeout"


@pytest.mark.django_db
def test_wrong_password_is_not_shown(client: Client, guarded_server: EmbeddedServer) -> None:
    endpoint = guarded_server.ensure_running()
    with default_leads_to(
        HOST=str(endpoint.socket_dir),
        PORT=endpoint.port,
        USER="alice",
        PASSWORD=PASSWORD,
        NAME="postgres",
        EMBEDDED_DIR=None,
    ):
        response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json() == {
        "status": "not ready",
        "reason": "no connection to the database: wrong password",
    }


@pytest.mark.django_db(transaction=True)
def test_table_that_is_locked_does_not_hold_the_probe_for_ever(client: Client) -> None:
    session = connect(connections["default"].settings_dict["NAME"], alias="locker")
    try:
        session.set_autocommit(False)
        with session.cursor() as cursor:
            cursor.execute("LOCK TABLE django_migrations IN ACCESS EXCLUSIVE MODE")
        response = client.get("/readyz")
    finally:
        session.close()

    assert response.json()["reason"] == "the database raised an error: 57014"


@pytest.mark.django_db
def test_probe_leaves_the_connection_of_the_request_alone(client: Client) -> None:
    with CaptureQueriesContext(connections["default"]) as queries:
        client.get("/readyz")

    assert len(queries) == 0
    assert "readiness" not in [connection.alias for connection in connections.all()]


@pytest.mark.django_db
def test_pool_that_is_exhausted_does_not_decide() -> None:
    connection = connections["default"]
    options = connection.settings_dict["OPTIONS"] | {"pool": {"min_size": 1, "max_size": 1}}
    pooled = type(connection)({**connection.settings_dict, "OPTIONS": options}, alias="pooled")

    assert read_readiness(pooled) == Answer(is_ready=True)


@pytest.mark.django_db
def test_answer_is_kept_for_a_second_and_no_longer() -> None:
    now = 0.0
    readiness = Readiness(clock=lambda: now)
    with default_leads_to(HOST="127.0.0.1", PORT=unused_port(), EMBEDDED_DIR=None):
        first = readiness.answer()
    now = 0.9
    second = readiness.answer()
    now = 2.0
    third = readiness.answer()

    assert [first.is_ready, second.is_ready, third.is_ready] == [False, False, True]


def where_tests_run() -> dict[str, Any]:
    params = connections["default"].get_connection_params()
    return {"HOST": params.get("host") or "", "PORT": params.get("port") or ""}
