"""Panels: short tables beneath a row, of what belongs to it, with links to the whole lists."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from chat.models import Channel, DirectConversation
from chat.models.channels import CONVERSATION_KINDS

PANEL_ROWS = 10


@dataclass(frozen=True, kw_only=True)
class Link:
    """A link of a panel, shown to those who may view `model`."""

    text: str
    url: str
    model: type[Model] | None = None


@dataclass(frozen=True, kw_only=True)
class RowLink:
    """A cell that names a row: a link for those who may view the row, else text."""

    model: type[Model]
    row_id: object
    text: object


@dataclass(frozen=True, kw_only=True)
class Question:
    """A field to type into, and the page that it is sent to with the `known` values."""

    url: str
    name: str
    label: str
    hint: str
    known: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A short table; `is_cut` says that there are more rows than it shows."""

    title: str
    headers: Sequence[str] = ()
    rows: Sequence[Sequence[object]] = ()
    is_cut: bool = False
    links: Sequence[Link] = ()
    nothing: str = "None."
    question: Question | None = None
    # Unfold's component takes a mapping.
    table: dict[str, object] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "table", {"headers": self.headers, "rows": self.rows})


def rows_panel(
    request: HttpRequest,
    *,
    title: str,
    rows: QuerySet[Any],
    columns: Mapping[str, Callable[[Any], object]],
    limit: int = PANEL_ROWS,
    links: Sequence[Link] = (),
    nothing: str = "None.",
) -> Panel | None:
    """Return the first `limit` rows as a panel; None without the right to view them.

    `columns` has for each header the function that makes the cell from a row. One statement.
    """
    if not may_view(request, rows.model):
        return None
    found = list(rows[: limit + 1])
    return Panel(
        title=title,
        headers=tuple(columns),
        rows=[[rendered(request, show(row)) for show in columns.values()] for row in found[:limit]],
        is_cut=len(found) > limit,
        links=[link for link in links if link.model is None or may_view(request, link.model)],
        nothing=nothing,
    )


def may_view(request: HttpRequest, model: type[Model]) -> bool:
    """Tell whether this person may view a table; no statement after the first."""
    return bool(admin.site.get_model_admin(model).has_view_permission(request))


def list_url(model: type[Model], **filters: object) -> str:
    """Return the address of the list of a table, with filters."""
    options = model._meta
    path = reverse(f"admin:{options.app_label}_{options.model_name}_changelist")
    return f"{path}?{urlencode(filters)}" if filters else path


def row_url(model: type[Model], row_id: object) -> str:
    """Return the address of one row."""
    options = model._meta
    return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[row_id])


def list_link(text: str, model: type[Model], **filters: object) -> Link:
    """Return a link to the list of a table, with filters."""
    return Link(text=text, url=list_url(model, **filters), model=model)


def row_link(row: Model | None, text: object = None) -> RowLink | str:
    """Return a link to the row, for a cell of a panel; a dash for None."""
    if row is None:
        return "-"
    is_conversation = isinstance(row, Channel) and row.kind in CONVERSATION_KINDS
    model = DirectConversation if is_conversation else type(row)
    return RowLink(model=model, row_id=row.pk, text=text or row)


def column(description: str, show: Callable[[Any], object]) -> Callable[[Any], object]:
    """Return a column that no field has, for a list or the page of a row."""

    @admin.display(description=description)
    def cell(row: Any) -> object:
        return show(row)

    return cell


def shortened(text: str, *, characters: int = 80) -> str:
    """Return the text on one line, cut to so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= characters else line[: characters - 1].rstrip() + "…"


def moment(at: Any) -> str:
    """Return a time to the second, in UTC; a dash for None."""
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else "-"


def rendered(request: HttpRequest, cell: object) -> object:
    """Return a cell as it is shown: a link to a row for those who may view it, else text."""
    if not isinstance(cell, RowLink):
        return cell
    if not may_view(request, cell.model):
        return str(cell.text)
    return format_html(
        '<a class="chat-link" href="{}">{}</a>', row_url(cell.model, cell.row_id), cell.text
    )
