"""The classes that every page is made from: fast on millions of rows, and read-only."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.contrib.admin import ShowFacets
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import ValidationError
from django.db.models import BinaryField, GeneratedField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin

from chat.admin.lists.changelist import KeysetChangeList
from chat.admin.lists.filters import Conditions, Filter, cleaned, of_server, uuid_or_none
from chat.admin.lists.panels import Panel, column, rendered, row_link


class KeysetAdmin(ModelAdmin):
    """Lists that are filtered and paged along indexes, and rows with what belongs to them."""

    # The order of the unfiltered list, along an index: columns that no two rows share.
    order: Sequence[str] = ("-pk",)
    filters: Sequence[Filter] = ()
    # For each combination of filters (in their order above), the order that an index has.
    indexed_orders: Mapping[tuple[str, ...], Sequence[str]] = {}
    # Whether the list shows rows before a filter is filled in.
    shows_unfiltered = True

    # Any search field makes Django draw the search box; `search` decides what it finds.
    search_fields = ("id",)
    search_help_text = "Id"
    nothing_found: str = "Nothing found."
    list_per_page = 50
    sortable_by = ()
    actions = None
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_before_template = "chat/admin/filters.html"
    change_form_outer_after_template = "chat/admin/panels.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        """Return the list that is paged by key."""
        return KeysetChangeList

    def get_list_select_related(self, request: HttpRequest) -> list[str]:
        """Return the relations among the columns of the list, those that may be NULL too."""
        relations = set(_relations(self.model))
        shown = [name for name in self.get_list_display(request) if name in relations]
        return [*shown, *(self.list_select_related or ())]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Refuse every condition written into the address: only filters have indexes."""
        return False

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return what `search` finds in the whole table, or everything when nothing was asked."""
        term = cleaned(search_term)
        return (self.search(request, queryset, term, {}) if term else queryset), False

    def search(
        self, request: HttpRequest, queryset: QuerySet[Any], term: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the row with this id, or what a text finds under these conditions."""
        row_id = uuid_or_none(term)
        if row_id is not None:
            return queryset.filter(pk=row_id)
        return self.search_text(request, queryset, term, conditions)

    def search_text(
        self, request: HttpRequest, queryset: QuerySet[Any], text: str, conditions: Conditions
    ) -> QuerySet[Any]:
        """Return the rows that a text finds; here none, because that takes an index."""
        return queryset.none()

    def rows_to_estimate(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of which the planner is asked how many there are, for those of a list."""
        return rows

    def log_list(
        self, request: HttpRequest, rows: Sequence[Any], changelist: KeysetChangeList
    ) -> None:
        """Log that these rows are shown; nothing, save where each access is logged."""

    def panels(self, request: HttpRequest, row: Any) -> Iterable[Panel | None]:
        """Return the tables beneath the row; None for what this person may not see."""
        return ()

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Put the panels beneath the row."""
        row = kwargs.get("obj")
        if row is not None:
            context["panels"] = [panel for panel in self.panels(request, row) if panel]
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)
        return response


class ReadOnlyAdmin(KeysetAdmin):
    """A page that shows every column of a row, newest rows first, and offers no change."""

    # Shown above the others.
    columns_first: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds a row here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes a row here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes a row here."""
        return False

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        """Return the row with all the rows that it refers to, in one statement."""
        try:
            row_id = self.opts.pk.to_python(object_id)
        except ValidationError:
            return None
        rows: QuerySet[Model] = self.get_queryset(request)
        related = [*_relations(self.model), *(self.list_select_related or ())]
        # Without names it would mean every relation, which Django 6.1 warns about.
        if related:
            rows = rows.select_related(*related)
        return rows.filter(pk=row_id).first()

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return every column that a person can read; a reference is a link."""
        first, relations = self.columns_first, _relations(self.model)
        return [
            _linked(request, name) if name in relations else name
            for name in sorted(_readable_columns(self.model), key=lambda name: name not in first)
            if name not in (self.exclude or ())
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Leave out what nobody reads: binary and generated columns, and words to search by."""
        columns = _readable_columns(self.model)
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.only(*columns, self.opts.pk.name)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the same: without the right to change, Django shows only what is named here."""
        return self.get_fields(request, obj)


class ServerDataAdmin(ReadOnlyAdmin):
    """A page of a table that servers and conversations share: it shows the servers' rows alone."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Leave out what belongs to conversations: who reads those is logged."""
        return of_server(super().get_queryset(request))

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Show the server in place of `space_id`, where the channel has it."""
        names = super().get_fields(request, obj)
        if "channel" not in _relations(self.model):
            return names
        server = _linked(request, "server", of="channel")
        return [server if name == "space_id" else name for name in names]


def _readable_columns(model: type[Model]) -> list[str]:
    return [
        field.name
        for field in model._meta.concrete_fields
        if not isinstance(field, BinaryField | GeneratedField | SearchVectorField)
    ]


def _relations(model: type[Model]) -> list[str]:
    return [field.name for field in model._meta.concrete_fields if field.is_relation]


def _linked(request: HttpRequest, name: str, *, of: str | None = None) -> Callable[[Any], object]:
    return column(
        name.replace("_", " "),
        lambda row: rendered(request, row_link(getattr(getattr(row, of) if of else row, name))),
    )
