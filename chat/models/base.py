"""What tables share: an id, and the moments of a row."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from chat.db.ids import UUIDv7, uuid7


class Row(models.Model):
    """A row that never changes: an id that sorts by time, and when it was created."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True

    def _do_update(self, base_qs: Any, using: Any, pk_val: Any, values: Any, *args: Any) -> Any:
        """Update the row in its space, which leads to the machine that has it and never changes."""
        space = next((each for each in values if each[0].column == "space_id"), None)
        if space is not None:
            base_qs = base_qs.filter(**{space[0].attname: getattr(self, space[0].attname)})
            values = [each for each in values if each is not space]
        return super()._do_update(base_qs, using, pk_val, values, *args)


class ChangingRow(Row):
    """A row that changes: a trigger sets `updated_at` at every UPDATE of any client."""

    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
