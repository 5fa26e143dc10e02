"""The charts of the start page: data for Unfold's Chart.js, and the same numbers as a table."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils.html import format_html

from chat.admin.lists.panels import shortened
from chat.admin.pages.figures import ActiveServers, BigChannel, MessagesPerDay
from chat.admin.pages.growth import Growth

_BAR = "var(--color-primary-500)"
_LINES = ("#a855f7", "#0ea5e9", "#22c55e", "#f59e0b", "#ef4444", "#64748b")
# Legible on white and on black.
_TEXT = "#7b8494"
_POINTS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One card of the start page; `data` and `options` are Chart.js's, as JSON."""

    title: str
    note: str
    kind: str
    data: str
    options: str
    headers: Sequence[str]
    rows: Sequence[Sequence[Any]] = field(default_factory=list)


def messages_chart(figures: MessagesPerDay) -> Chart:
    """Return a bar for each day."""
    total = sum(day.messages for day in figures.days)
    how = "counted" if figures.is_counted else "estimated from a part of each half hour"
    return Chart(
        title="Messages per day",
        note=(
            f"{total:,} in servers in {len(figures.days)} days (UTC), {how}; "
            "the last day is not over."
        ),
        kind="bar",
        data=_data(
            [f"{day.day:%d %b}" for day in figures.days],
            [_bars("Messages", [day.messages for day in figures.days])],
        ),
        options=_options(),
        headers=["Day", "Messages"],
        rows=[[day.day.isoformat(), f"{day.messages:,}"] for day in reversed(figures.days)],
    )


def servers_chart(figures: ActiveServers) -> Chart:
    """Return a bar for each span of time."""
    spans = {
        "1 day": figures.in_1_day,
        "7 days": figures.in_7_days,
        "30 days": figures.in_30_days,
        "90 days": figures.in_90_days,
        "all servers": figures.in_all,
    }
    return Chart(
        title="Active servers",
        note="Servers with a message in the last days.",
        kind="bar",
        data=_data(list(spans), [_bars("Servers", list(spans.values()))]),
        options=_options(),
        headers=["In the last", "Servers"],
        rows=[[span, f"{servers:,}"] for span, servers in spans.items()],
    )


def channels_chart(channels: Sequence[BigChannel]) -> Chart:
    """Return a bar for each channel, the biggest on top."""
    return Chart(
        title="Biggest channels",
        note="By the number of the last message, which counts deleted ones too.",
        kind="bar",
        data=_data(
            [
                shortened(f"{channel.server} / {channel.name}", characters=28)
                for channel in channels
            ],
            [_bars("Messages", [channel.messages for channel in channels])],
        ),
        options=_options(is_horizontal=True),
        headers=["Channel", "Messages"],
        rows=[
            [
                format_html(
                    '<a class="chat-more" href="{}">{} / {}</a>',
                    reverse("admin:chat_channel_change", args=[channel.id]),
                    channel.server,
                    channel.name,
                ),
                f"{channel.messages:,}",
            ]
            for channel in channels
        ],
    )


def growth_chart(tables: Sequence[Growth], *, now: datetime) -> Chart:
    """Return a line for each of the biggest tables, from the oldest row on, at most a year."""
    shown = [table for table in tables if table.rows > 0][: len(_LINES)]
    begin = max(min((table.bounds[0] for table in shown), default=now), now - timedelta(days=365))
    moments = [begin + (now - begin) * point / (_POINTS - 1) for point in range(_POINTS)]
    return Chart(
        title="Growth of tables",
        note="The rows of today by when they were created, as of each table's last ANALYZE.",
        kind="line",
        data=_data(
            [f"{moment:%d %b %y}" for moment in moments],
            [
                {
                    "label": table.table,
                    "data": [table.rows_at(moment) for moment in moments],
                    "borderColor": colour,
                    "backgroundColor": colour,
                    "borderWidth": 2,
                    "pointRadius": 0,
                    "pointHitRadius": 12,
                }
                for table, colour in zip(shown, _LINES, strict=False)
            ],
        ),
        options=_options(has_legend=True),
        headers=["Table", "Rows now", "30 days ago"],
        rows=[
            [table.table, f"{table.rows:,}", f"{table.rows_at(now - timedelta(days=30)):,}"]
            for table in shown
        ],
    )


def _data(labels: list[str], datasets: list[dict[str, Any]]) -> str:
    return json.dumps({"labels": labels, "datasets": datasets})


def _bars(label: str, values: list[int]) -> dict[str, Any]:
    return {
        "label": label,
        "data": values,
        "backgroundColor": _BAR,
        "borderRadius": 3,
        "maxBarThickness": 28,
    }


def _options(*, is_horizontal: bool = False, has_legend: bool = False) -> str:
    axis = "y" if is_horizontal else "x"
    ticks = {"color": _TEXT, "maxRotation": 0, "autoSkipPadding": 12}
    values = {
        "beginAtZero": True,
        "border": {"display": False},
        "grid": {"lineWidth": 0.5},
        "ticks": {**ticks, "precision": 0, "maxTicksLimit": 6},
    }
    names = {"grid": {"display": False}, "ticks": {**ticks, "autoSkip": not is_horizontal}}
    return json.dumps(
        {
            "animation": False,
            "responsive": True,
            "maintainAspectRatio": False,
            "indexAxis": axis,
            "interaction": {"mode": "index", "axis": axis, "intersect": False},
            "plugins": {
                "legend": {
                    "display": has_legend,
                    "align": "start",
                    "labels": {"color": _TEXT, "boxWidth": 10, "boxHeight": 10},
                }
            },
            "scales": {"x": values, "y": names} if is_horizontal else {"x": names, "y": values},
        }
    )
