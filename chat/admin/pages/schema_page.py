"""The schema page: migrations, drift, sizes and the ledger.

It changes nothing: what is to be done is a command of the operator's.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.views.decorators.http import require_http_methods, require_safe

from chat.admin.pages.schema_tables import (
    AppOfMigrations,
    apps_of_migrations,
    difference_table,
    index_table,
    ledger_lines,
    storage_table,
)
from chat.admin.pages.storage import index_storage, table_storage
from chat.admin_site import admin_page
from chat.schema.disk.loading import load_migrations
from chat.schema.drift.reading import Drift, DriftState, read_drift
from chat.schema.drift.sentences import next_step as drift_next_step
from chat.schema.drift.sentences import not_compared_sentence
from chat.schema.drift.sentences import sentence as drift_sentence
from chat.schema.errors import SchemaError
from chat.schema.ledger.events import read_events
from chat.schema.session.database import describe_database
from chat.schema.status.reading import MigrationState, all_ready, in_state, read_statuses
from chat.schema.status.sentences import next_step, sentences
from chat.schema.status.tables import listed, missing_tables

PERMISSION = "chat.view_schema"
_EVENTS_PER_PAGE = 20
_LARGEST_ID = 2**63 - 1


def may_see_schema(request: HttpRequest) -> bool:
    """Return whether this person may look at the schema."""
    return bool(request.user.has_perm(PERMISSION))


@admin_page(
    route="schema/",
    name="chat_schema",
    title="Schema",
    icon="schema",
    group="Schema",
    is_allowed=may_see_schema,
)
@require_http_methods(["GET", "HEAD", "POST"])
def schema_page(request: HttpRequest) -> TemplateResponse:
    """Return the page; a POST asks for the drift too, which reads the whole catalogue."""
    _require_permission(request)
    connection = connections[DEFAULT_DB_ALIAS]
    migrations = _migrations(connection)
    before = _number(request.GET.get("before"))
    return TemplateResponse(
        request,
        "chat/admin/schema.html",
        {
            **admin.site.each_context(request),
            "title": "Schema",
            "database": describe_database(connection),
            "migrations": migrations,
            "drift": _drift(connection) if request.method == "POST" else None,
            "tables": storage_table(table_storage(connection)),
            "indexes": index_table(index_storage(connection)),
            **_ledger(connection, before=before, is_there=migrations.has_ledger),
        },
    )


@admin_page(
    route="schema/warning/",
    name="chat_schema_warning",
    title="Warnings about the schema",
    icon="warning",
    # In no group of the sidebar: a part of the start page, which fetches it.
    group="",
    is_allowed=may_see_schema,
)
@require_safe
def schema_warning(request: HttpRequest) -> TemplateResponse:
    """Return the warnings about the schema, an empty page when there are none."""
    _require_permission(request)
    connection = connections[DEFAULT_DB_ALIAS]
    return TemplateResponse(
        request, "chat/admin/schema_warning.html", {"warnings": _warnings(connection)}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Migrations:
    apps: list[AppOfMigrations]
    counts: dict[str, int]
    sentences: list[str]
    next_step: str
    is_ready: bool
    has_ledger: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drift:
    sentence: str
    next_step: str
    not_compared: str | None
    is_clean: bool
    table: dict[str, Any] | None
    not_compared_table: dict[str, Any] | None


def _require_permission(request: HttpRequest) -> None:
    if not may_see_schema(request):
        raise PermissionDenied


def _migrations(connection: BaseDatabaseWrapper) -> _Migrations:
    try:
        loader = load_migrations(connection)
        statuses = read_statuses(connection, loader=loader)
        missing = missing_tables(connection, loader=loader)
    except SchemaError as error:
        return _Migrations(
            apps=[],
            counts={},
            sentences=[],
            next_step=str(error),
            is_ready=False,
            has_ledger=False,
        )
    return _Migrations(
        apps=apps_of_migrations(statuses),
        counts={
            str(state): len(found)
            for state in MigrationState
            if (found := in_state(statuses, state))
        },
        sentences=sentences(statuses)
        + ([f"Tables or views not there: {listed(missing)}"] if missing else []),
        next_step=next_step(statuses, is_drifted=bool(missing)),
        is_ready=all_ready(statuses) and not missing,
        has_ledger=any(status.checksum for status in statuses),
    )


def _drift(connection: BaseDatabaseWrapper) -> _Drift:
    try:
        drift = read_drift(connection)
    except SchemaError as error:
        return _Drift(
            sentence=str(error),
            next_step="",
            not_compared=None,
            is_clean=False,
            table=None,
            not_compared_table=None,
        )
    return _Drift(
        sentence=drift_sentence(drift),
        next_step=drift_next_step(drift),
        not_compared=not_compared_sentence(drift),
        is_clean=drift.state is DriftState.NONE,
        table=difference_table(drift.differences),
        not_compared_table=difference_table(drift.not_compared),
    )


def _ledger(
    connection: BaseDatabaseWrapper, *, before: int | None, is_there: bool
) -> dict[str, Any]:
    try:
        events = read_events(
            connection, before=before, limit=_EVENTS_PER_PAGE + 1, is_there=is_there
        )
    except SchemaError as error:
        return {"ledger_error": str(error)}
    shown = events[:_EVENTS_PER_PAGE]
    return {
        "events": ledger_lines(shown),
        "older_than": shown[-1].id if len(events) > len(shown) else None,
        "is_newest": before is None,
    }


def _warnings(connection: BaseDatabaseWrapper) -> list[str]:
    try:
        statuses = read_statuses(connection)
        warnings = [] if all_ready(statuses) else [next_step(statuses)]
        drift = read_drift(connection)
    except SchemaError as error:
        return [str(error)]
    return warnings + _drift_warning(drift)


def _drift_warning(drift: Drift) -> list[str]:
    return [drift_sentence(drift)] if drift.state is DriftState.DRIFT else []


def _number(text: str | None) -> int | None:
    """Return the number in a link, None when it is something else."""
    is_number = text is not None and text.isascii() and text.isdecimal()
    return min(int(text), _LARGEST_ID) if text is not None and is_number else None
