"""What every page of the admin has in common: it shows, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import BinaryField, GeneratedField, Model
from unfold.admin import ModelAdmin

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class InspectionAdmin(ModelAdmin):
    """A page that shows every column of a row, newest rows first, and offers no change."""

    # A count of the whole table reads the whole table.
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds a row here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody changes a row here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nobody deletes a row here."""
        return False

    def get_list_select_related(self, request: HttpRequest) -> list[str]:
        """Return the relations among the columns of the list, those that may be NULL too."""
        relations = {field.name for field in self.opts.concrete_fields if field.is_relation}
        return [name for name in self.get_list_display(request) if name in relations]

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return every column that a person can read."""
        return _readable_columns(self.model)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Model]:
        """Leave out what nobody reads: generated columns, such as the words of a message."""
        columns = _readable_columns(self.model)
        rows: QuerySet[Model] = super().get_queryset(request)
        return rows.only(*columns, self.model._meta.pk.name)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Return the same: without the right to change, Django shows only what is named here."""
        return _readable_columns(self.model)


def _readable_columns(model: type[Model]) -> list[str]:
    return [
        field.name
        for field in model._meta.concrete_fields
        if not isinstance(field, BinaryField | GeneratedField)
    ]
