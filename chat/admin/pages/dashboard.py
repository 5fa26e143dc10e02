"""The start page: the figures that this person may see, and a warning about the schema."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from psycopg.errors import QueryCanceled

from chat.admin.pages.charts import (
    Chart,
    channels_chart,
    growth_chart,
    messages_chart,
    servers_chart,
)
from chat.admin.pages.figures import (
    active_servers,
    biggest_channels,
    messages_per_day,
    statement_timeout,
)
from chat.admin.pages.growth import read_growth
from chat.admin.pages.schema_page import may_see_schema
from chat.db.distributed import is_distributed


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Return the start page's context with its charts; one statement each, and 3 more."""
    connection = connections[DEFAULT_DB_ALIAS]
    charts: list[Chart] = []
    is_cut = False
    if _may_see_figures(request):
        try:
            with statement_timeout(connection):
                charts.extend(_charts(request, connection, now=timezone.now()))
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            is_cut = True
    warning_url = reverse("admin:chat_schema_warning") if may_see_schema(request) else None
    return {**context, "charts": charts, "is_cut": is_cut, "schema_warning_url": warning_url}


def _charts(
    request: HttpRequest, connection: BaseDatabaseWrapper, *, now: datetime
) -> Iterator[Chart]:
    may = request.user.has_perm
    # A cluster joins no moments to messages, and knows not how many there are.
    if may("chat.view_message") and not is_distributed(connection.alias):
        yield messages_chart(messages_per_day(connection, now=now))
    if may("chat.view_server"):
        yield servers_chart(active_servers(connection, now=now))
    if may("chat.view_server") and may("chat.view_channel"):
        yield channels_chart(biggest_channels(connection))
    if may_see_schema(request):
        yield growth_chart(read_growth(connection), now=now)


def _may_see_figures(request: HttpRequest) -> bool:
    permissions = ("chat.view_message", "chat.view_server", "chat.view_schema")
    return any(request.user.has_perm(permission) for permission in permissions)
