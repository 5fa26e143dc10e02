"""What tables share: an id, and the moments of a row."""

from django.db import models
from django.db.models.functions import Now

from chat.db.ids import UUIDv7, uuid7


class Row(models.Model):
    """A row that never changes: an id that sorts by time, and when it was created."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class ChangingRow(Row):
    """A row that changes: a trigger sets `updated_at` at every UPDATE of any client."""

    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
