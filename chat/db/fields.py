"""A ForeignKey without a constraint of its own, and the tenant of a row."""

from collections.abc import Sequence
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.models.lookups import Exact

from chat.db.distributed import is_distributed


class Reference(models.ForeignKey[Any, Any]):
    """A ForeignKey for the ORM alone, without a constraint or an index in the database.

    Its constraint is a CompositeForeignKey in Meta.constraints and its index one of Meta.indexes:
    both have names and include the tenant, and the constraint is checked by each statement and not
    at COMMIT.
    """

    def __init__(self, to: Any, on_delete: Any = models.DO_NOTHING, **kwargs: Any) -> None:
        kwargs = {"db_constraint": False, "db_index": False, **kwargs}
        super().__init__(to, on_delete, **kwargs)

    def get_extra_restriction(self, alias: str | None, related_alias: str) -> Any:
        """Return the condition of a join on a cluster, which joins only what has one space."""
        own, related = _space_of(self.model), _space_of(self.related_model)
        if None in {alias, own, related} or not is_distributed(DEFAULT_DB_ALIAS):
            return None
        return Exact(related.get_col(alias), own.get_col(related_alias))

    def deconstruct(self) -> Any:
        """Return an ordinary ForeignKey: a migration must not depend on this module."""
        name, _, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs


def _space_of(model: Any) -> Any:
    return next((each for each in model._meta.concrete_fields if each.column == "space_id"), None)


class SpaceField(models.UUIDField):  # type: ignore[type-arg]
    """The tenant of a server or a channel, copied from other columns of the row when it is saved.

    It is the first of the columns `of` that has a value. A CHECK requires the same, whoever writes
    the row.
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
