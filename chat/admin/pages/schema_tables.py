"""The tables of the schema page, as headers and rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from chat.admin.pages.storage import IndexStorage, TableStorage
from chat.schema.catalogue.objects import Difference
from chat.schema.disk.checksums import short_checksum
from chat.schema.ledger.events import LedgerEvent
from chat.schema.ledger.table import Event
from chat.schema.status.reading import MigrationState, MigrationStatus, current_migrations

_VARIANTS = {
    MigrationState.APPLIED: "success",
    MigrationState.PENDING: "warning",
    MigrationState.MODIFIED: "danger",
    MigrationState.MISSING: "danger",
    MigrationState.FAKED: "info",
    MigrationState.UNTRACKED: "info",
    MigrationState.INTERRUPTED: "danger",
}
_EVENT_VARIANTS = {
    Event.APPLIED: "success",
    Event.UNAPPLIED: "warning",
    Event.FAILED: "danger",
}
_HEADERS = ["Migration", "State", "Applied (UTC)", "Took", "By", "Kind", "Checksum"]
_MUCH_DEAD = 0.2
_MANY_DEAD = 1000
_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOfMigrations:
    """The migrations of one app, unfolded when `is_open`."""

    label: str
    current: str
    count: int
    is_open: bool
    table: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One event of the ledger."""

    label: SafeString
    migration: str
    at: datetime
    by: str
    took: str
    checksum: str
    reason: str


def apps_of_migrations(statuses: Sequence[MigrationStatus]) -> list[AppOfMigrations]:
    """Return the apps in the order of their first migrations, the open ones first."""
    apps: dict[str, list[MigrationStatus]] = {}
    for status in statuses:
        apps.setdefault(status.app, []).append(status)
    current = current_migrations(statuses)
    shown = [
        AppOfMigrations(
            label=app,
            current=current.get(app) or "zero",
            count=len(of_app),
            is_open=app == "chat"
            or any(status.state is not MigrationState.APPLIED for status in of_app),
            table={
                "headers": _HEADERS,
                "rows": [_migration(status) for status in of_app],
            },
        )
        for app, of_app in apps.items()
    ]
    return sorted(shown, key=lambda app: not app.is_open)


def storage_table(tables: Sequence[TableStorage]) -> dict[str, Any]:
    """Return the tables, marked where at least a fifth and a thousand rows are dead."""
    return {
        "label": "List of tables",
        "headers": ["Table", "Rows (estimate)", "Dead rows", "Table", "Indexes", "Vacuumed (UTC)"],
        "rows": [
            [
                table.name,
                f"{table.rows:,}" if table.rows is not None else "not known",
                _dead(table),
                _size(table.table_bytes),
                _size(table.index_bytes),
                _moment(table.vacuumed_at),
            ]
            for table in tables
        ],
    }


def index_table(indexes: Sequence[IndexStorage]) -> dict[str, Any]:
    """Return the indexes, marked when they are not valid or not used."""
    return {
        "label": "List of indexes",
        "headers": ["Index", "Table", "Scans", "Size", "Use"],
        "rows": [
            [index.name, index.table, f"{index.scans:,}", _size(index.size_bytes), _use(index)]
            for index in indexes
        ],
    }


def difference_table(differences: Sequence[Difference]) -> dict[str, Any] | None:
    """Return the objects that differ, None when none does."""
    if not differences:
        return None
    return {
        "label": "What differs",
        "headers": ["Object", "Kind", "What", "Before", "After"],
        "rows": [
            [
                difference.name,
                str(difference.kind),
                str(difference.what),
                _definition(difference.before),
                _definition(difference.after),
            ]
            for difference in differences
        ],
    }


def ledger_lines(events: Sequence[LedgerEvent]) -> list[LedgerLine]:
    """Return the events as lines."""
    return [
        LedgerLine(
            label=_label(
                event.event.replace("_", " "), _EVENT_VARIANTS.get(event.event, "default")
            ),
            migration=f"{event.app}.{event.name}",
            at=event.applied_at,
            by=event.applied_by,
            took=_duration(event.duration_ms),
            checksum=short_checksum(event.checksum or ""),
            reason=event.reason or "",
        )
        for event in events
    ]


def _migration(status: MigrationStatus) -> list[Any]:
    return [
        status.name if status.is_reversible is not False else f"{status.name} (not reversible)",
        _label(status.state, _VARIANTS[status.state]),
        _moment(status.applied_at),
        _duration(status.duration_ms) or _NONE,
        status.applied_by or _NONE,
        str(status.kind or "?"),
        short_checksum(status.checksum or "") or _NONE,
    ]


def _dead(table: TableStorage) -> str | SafeString:
    if table.dead_ratio < _MUCH_DEAD or table.dead_rows < _MANY_DEAD:
        return f"{table.dead_rows:,}"
    return format_html(
        "{} {}", f"{table.dead_rows:,}", _label(f"{table.dead_ratio:.0%}", "warning")
    )


def _use(index: IndexStorage) -> str | SafeString:
    if not index.is_valid:
        return _label("not valid", "danger")
    if index.is_idle:
        return _label("not used yet", "warning")
    return _label("unique", "default") if index.is_unique else ""


def _label(text: str, variant: str) -> SafeString:
    return render_to_string("unfold/helpers/label.html", {"text": text, "variant": variant})


def _definition(text: str | None) -> str | SafeString:
    if text is None:
        return _NONE
    return format_html('<code class="chat-definition">{}</code>', text)


def _size(size_bytes: int) -> str:
    return str(filesizeformat(size_bytes))


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else _NONE


def _duration(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return f"{milliseconds:,} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:,.1f} s"
