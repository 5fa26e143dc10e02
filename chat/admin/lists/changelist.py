"""A list of the admin without counts and page numbers: filtered by indexes, paged by key."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.db import OperationalError, connection, transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.views import ChangeList

from chat.admin.lists.filters import Filter, FilterError, cleaned
from chat.admin.lists.keyset import CursorError, KeysetPage, estimated_rows, keyset_page

BEFORE, AFTER = "before", "after"
# A list takes milliseconds. One that takes longer has no index for it, and is stopped.
LIST_TIMEOUT_MS = 3000
_QUERY_CANCELED = "57014"


@dataclass(frozen=True, kw_only=True)
class Field:
    """A filter with the value that was typed into it."""

    filter: Filter
    value: str


class KeysetPaginator:
    """What Unfold draws beneath a list: links to the other pages, and the number of rows.

    `rows` is exact when the list ends on this page, and the planner's estimate otherwise.
    """

    template_name = "chat/admin/keyset_pages.html"

    def __init__(
        self, *, rows: int, is_estimate: bool, per_page: int, links: dict[str, str | None]
    ) -> None:
        self.rows = rows
        self.is_estimate = is_estimate
        self.per_page = per_page
        self.links = links


class KeysetChangeList(ChangeList):
    """The list of a `KeysetAdmin`."""

    order: Sequence[str]
    query: str
    root_queryset: QuerySet[Model]
    # The rows that the planner estimates: filtered too, without `Filter.implied`.
    rows_to_estimate: QuerySet[Model]
    # Those of all filters that are filled in, as plain equalities.
    conditions: dict[str, Any]
    is_stopped = False

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Read the rows within a time limit; when they take longer, show none and say so."""
        try:
            with transaction.atomic():
                _set_limits()
                super().__init__(request, *args, **kwargs)
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != _QUERY_CANCELED:
                raise
            messages.warning(
                request,
                f"Stopped after {LIST_TIMEOUT_MS / 1000:g} seconds: too many rows would have to be "
                "read. Filter the list, or search for something rarer.",
            )
            self.is_stopped = True
            super().__init__(request, *args, **kwargs)

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str] | None = None
    ) -> QuerySet[Model]:
        """Take the cursor and the filters out of the address, and filter the rows."""
        if self.is_stopped:
            self.root_queryset = self.root_queryset.none()
        admin = self.model_admin
        self.rows_to_estimate, self.conditions = admin.rows_to_estimate(self.root_queryset), {}
        self.cursors = {name: self._take(name) for name in (BEFORE, AFTER)}
        self.fields = [
            Field(filter=each, value=cleaned(self.params.get(each.name))) for each in admin.filters
        ]
        try:
            self.order, self.root_queryset = self._filtered(self.root_queryset)
        except FilterError as refusal:
            messages.warning(request, str(refusal))
            self.order, self.root_queryset = admin.order, self.root_queryset.none()
        # Not by Django, which would not pass on the conditions that the search needs for its index.
        query, self.query = self.query, ""
        rows: QuerySet[Model] = super().get_queryset(request, exclude_parameters)
        self.query = cleaned(query)
        return admin.search(request, rows, self.query, self.conditions) if self.query else rows

    def _take(self, name: str) -> str | None:
        self.filter_params.pop(name, None)
        value: str | None = self.params.pop(name, None)
        return value or None

    def _filtered(self, rows: QuerySet[Model]) -> tuple[Sequence[str], QuerySet[Model]]:
        given = [field for field in self.fields if field.value]
        if not given:
            admin = self.model_admin
            return admin.order, rows if admin.shows_unfiltered else rows.none()
        names = tuple(field.filter.name for field in given)
        order = self.model_admin.indexed_orders.get(names)
        if order is None:
            labels = " and ".join(field.filter.label for field in given)
            together, next_step = (
                ("together", "Clear one of them.")
                if len(given) > 1
                else ("alone", "Fill in another filter too.")
            )
            raise FilterError(
                f"There is no index by {labels} {together}, so the whole table would have to be "
                f"read. {next_step}"
            )
        for field in given:
            conditions = field.filter.conditions(field.value)
            self.conditions |= conditions
            rows = rows.filter(**(_as_range(conditions) if field.filter.is_range else conditions))
            self.rows_to_estimate = self.rows_to_estimate.filter(
                **{
                    column: value
                    for column, value in conditions.items()
                    if column not in field.filter.implied
                }
            )
        return order, rows

    def get_filters_params(self, params: dict[str, Any] | None = None) -> dict[str, Any]:
        """Leave out this list's own filters and cursors; Django refuses whatever is left."""
        own = {each.name for each in self.model_admin.filters} | {BEFORE, AFTER}
        left: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in left.items() if name not in own}

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Model]) -> list[str]:
        """Return the order that the index for these filters has."""
        return list(self.order)

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page, and about how many rows there are; two statements at most."""
        try:
            page = self._page()
        except CursorError as error:
            raise IncorrectLookupParameters from error
        self.model_admin.log_list(request, page.rows, self)
        is_whole = page.before is None and page.after is None
        total = (
            len(page.rows)
            if is_whole
            else estimated_rows(self.queryset if self.query else self.rows_to_estimate)
        )
        self.result_list = page.rows
        self.result_count = len(page.rows)
        self.show_full_result_count = False
        # The same, or else Unfold would put a number of results beside the title.
        self.full_result_count = self.result_count
        self.show_admin_actions = True
        self.can_show_all = False
        self.multi_page = False
        self.paginator = KeysetPaginator(
            rows=total,
            is_estimate=not is_whole,
            per_page=self.list_per_page,
            links={
                "first": self.get_query_string() if any(self.cursors.values()) else None,
                BEFORE: self.get_query_string({BEFORE: page.before}) if page.before else None,
                AFTER: self.get_query_string({AFTER: page.after}) if page.after else None,
            },
        )
        self.title = str(self.opts.verbose_name_plural).capitalize()

    def _page(self) -> KeysetPage:
        return keyset_page(
            self.queryset,
            order=self.order,
            size=self.list_per_page,
            before=self.cursors[BEFORE],
            after=self.cursors[AFTER],
        )


def _as_range(conditions: dict[str, Any]) -> dict[str, Any]:
    return {
        f"{column}__{end}": value for column, value in conditions.items() for end in ("gte", "lte")
    }


def _set_limits() -> None:
    # A plan made for any server would be a bad one for the biggest: each list gets its own.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('statement_timeout', %s, true), "
            "set_config('plan_cache_mode', 'force_custom_plan', true)",
            [str(LIST_TIMEOUT_MS)],
        )
