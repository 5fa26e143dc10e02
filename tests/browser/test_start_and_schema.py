"""The log-in page, the start page and the schema's page, as somebody at a browser sees them."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from chat.models import User
from chat.schema.run.recorder import LedgerRecorder
from chat.schema.session.lock import migration_lock
from tests.browser.conftest import LOOKS, Visitor
from tests.factories import MessageFactory

Visit = Callable[..., Visitor]


@pytest.fixture
def _pending(transactional_db: None) -> Iterator[None]:
    (last,) = MigrationLoader(connection).graph.leaf_nodes("chat")
    with migration_lock(connection, wait=timedelta(0)) as lock:
        recorder = LedgerRecorder(connection, lock=lock, on_disk=lambda _: None, checksums={})
        recorder.record_unapplied(*last)
        yield
        recorder.record_applied(*last)


@pytest.mark.parametrize(("scheme", "width"), LOOKS, ids=["light on a desk", "dark on a phone"])
def test_start_page_draws_its_charts(visit: Visit, operator: User, scheme: str, width: int) -> None:
    MessageFactory.create_batch(3)
    visitor = visit(scheme=scheme, width=width)

    visitor.log_in("ada")

    assert visitor.page.url == visitor.address + "/admin/"
    drawn = visitor.page.evaluate(
        "[...document.querySelectorAll('canvas.chart')].map(one => Boolean(Chart.getChart(one)))"
    )
    assert len(drawn) >= 3
    assert all(drawn)
    assert not visitor.is_wider_than_the_screen()
    assert visitor.faults() == []
    assert visitor.complaints == []


def test_schema_page_looks_for_drift(visit: Visit, operator: User) -> None:
    visitor = visit()
    visitor.log_in("ada")
    visitor.go("/admin/schema/")

    visitor.page.click("text=Look for drift")
    visitor.page.wait_for_selector("text=Nothing differs from the snapshot of")

    for scheme, width in LOOKS:
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.page.set_viewport_size({"width": width, "height": 900})
        assert not visitor.is_wider_than_the_screen()
        assert visitor.faults() == []
    assert visitor.complaints == []


def test_ledger_is_paged(visit: Visit, operator: User) -> None:
    visitor = visit()
    visitor.log_in("ada")
    visitor.go("/admin/schema/")
    newest = visitor.page.locator(".chat-timeline li").first.inner_text()

    visitor.page.click("text=Older")
    visitor.page.wait_for_selector("text=Newest")

    assert visitor.page.locator(".chat-timeline li").first.inner_text() != newest
    assert visitor.complaints == []


@pytest.mark.usefixtures("_pending")
def test_start_page_warns_of_a_pending_migration(visit: Visit, operator: User) -> None:
    visitor = visit(scheme="dark")
    visitor.log_in("ada")

    visitor.page.wait_for_selector("text=1 pending: python manage.py migrate")
    faults = visitor.faults()
    visitor.page.click("text=Look at the schema")
    visitor.page.wait_for_selector("h2:has-text('Migrations')")

    assert faults == []
    assert visitor.page.url == visitor.address + "/admin/schema/"
    assert visitor.complaints == []


def test_who_is_locked_out_is_told_when_to_come_back(visit: Visit, operator: User) -> None:
    visitor = visit()
    for _ in range(5):
        visitor.log_in("ada", "wrong")

    assert "Try again at" in visitor.page.inner_text("body")
    assert visitor.faults() == []
    # The browser writes every answer of 429 into its console; nothing else is there.
    assert ["429" in said for said in visitor.complaints] == [True]
