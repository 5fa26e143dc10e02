"""What tables share: an id, the moments of a row, and a ForeignKey whose constraint is declared."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import models
from django.db.models.functions import Now

from chat.db.ids import UUIDv7, uuid7
from chat.rules.names import LEGIBLE_PATTERN


class Reference(models.ForeignKey[Any, Any]):
    """A ForeignKey for the ORM alone.

    The database's side of it (which columns, what happens on delete) is a CompositeForeignKey in
    Meta.constraints and its index one of Meta.indexes, so that both have names, are checked at the
    statement and not at COMMIT, and carry the tenant.
    """

    def __init__(self, to: Any, on_delete: Any = models.DO_NOTHING, **kwargs: Any) -> None:
        kwargs = {"db_constraint": False, "db_index": False, **kwargs}
        super().__init__(to, on_delete, **kwargs)

    def deconstruct(self) -> Any:
        """Return an ordinary ForeignKey: a migration must not depend on this module."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


class SpaceField(models.UUIDField):  # type: ignore[type-arg]
    """The tenant of a row that is its own: the id of the server, or of the conversation.

    Saved from the other columns of the row, `of` in their order, so that nobody has to say it
    twice. A CHECK holds the row to the same, whoever writes it.
    """

    def __init__(self, *, of: Sequence[str] = (), **kwargs: Any) -> None:
        self.of = tuple(of)
        super().__init__(**{"editable": False, **kwargs})

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:  # noqa: FBT001
        """Return the first of the columns that has a value, and set it on the instance."""
        value = next(filter(None, (getattr(model_instance, name) for name in self.of)), None)
        setattr(model_instance, self.attname, value)
        return value

    def deconstruct(self) -> Any:
        """Return an ordinary UUIDField: a migration must not depend on this module."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.UUIDField", args, kwargs


def moments_constraint(table: str, *columns: str) -> models.CheckConstraint:
    """Return the CHECK that holds the moments of a table to those that every client can read.

    PostgreSQL stores 'infinity' and years that Python's datetime does not have; one such row would
    break every page that shows it.
    """
    readable = models.Q()
    for column in columns:
        readable &= models.Q(
            **{
                f"{column}__gte": datetime(1970, 1, 1, tzinfo=UTC),
                f"{column}__lt": datetime(9999, 1, 1, tzinfo=UTC),
            }
        )
    return models.CheckConstraint(
        name=f"{table}_moments_ck",
        condition=readable,
        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
    )


def legible_constraint(
    table: str, column: str, *, may_be_empty: bool = False
) -> models.CheckConstraint:
    """Return the CHECK that a name is one line with something to see on it.

    What cannot be seen can be neither searched for nor told from the next, and a line break or an
    escape sequence makes more of a list than one row.
    """
    legible = models.Q(**{f"{column}__regex": LEGIBLE_PATTERN})
    return models.CheckConstraint(
        name=f"{table}_{column}_legible_ck",
        condition=models.Q(**{column: ""}) | legible if may_be_empty else legible,
        violation_error_message="A name is one line with at least one visible character.",
    )


class Row(models.Model):
    """A row that is written once: an id that sorts by time, and when it was made."""

    id = models.UUIDField(primary_key=True, default=uuid7, db_default=UUIDv7(), editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True


class ChangingRow(Row):
    """A row that changes: a trigger moves `updated_at` at every UPDATE, whoever sends it."""

    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        abstract = True
