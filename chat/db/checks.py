"""CHECKs that many tables share."""

from collections.abc import Sequence

from django.db import models
from django.db.models.functions import Greatest, Least, Length
from django.db.models.lookups import Exact, GreaterThanOrEqual, LessThan

from chat.rules.limits import EARLIEST, LATEST
from chat.rules.names import LEGIBLE_PATTERN


def moments_constraint(table: str, *columns: str) -> models.CheckConstraint:
    """Return the CHECK that every client can read the moments in these columns.

    PostgreSQL stores 'infinity' and years that Python's datetime does not have; one such row would
    break every page that shows it. Several columns are compared together, for PostgreSQL prepares
    each comparison of a CHECK anew for each statement.
    """
    if len(columns) == 1:
        readable = models.Q(**{f"{columns[0]}__gte": EARLIEST, f"{columns[0]}__lt": LATEST})
    else:
        # Both pass over NULL.
        readable = models.Q(
            GreaterThanOrEqual(Least(*columns), EARLIEST), LessThan(Greatest(*columns), LATEST)
        )
    return models.CheckConstraint(
        name=f"{table}_moments_ck",
        condition=readable,
        violation_error_message="Moments are between the years 1970 and 9998; for ever is NULL.",
    )


def legible_constraint(
    table: str, column: str, *, may_be_empty: bool = False
) -> models.CheckConstraint:
    """Return the CHECK that a name is one line with a visible character.

    An invisible name cannot be searched for or told from another, and a line break or an escape
    sequence breaks the list that shows it.
    """
    legible = models.Q(**{f"{column}__regex": LEGIBLE_PATTERN})
    return models.CheckConstraint(
        name=f"{table}_{column}_legible_ck",
        condition=models.Q(**{column: ""}) | legible if may_be_empty else legible,
        violation_error_message="A name is one line with at least one visible character.",
    )


def choices_constraint(table: str, column: str, choices: Sequence[str]) -> models.CheckConstraint:
    """Return the CHECK that a column has one of these words."""
    return models.CheckConstraint(
        name=f"{table}_{column}_ck", condition=models.Q(**{f"{column}__in": list(choices)})
    )


def length_constraint(
    table: str, column: str, *, least: int = 0, exactly: int | None = None
) -> models.CheckConstraint:
    """Return the CHECK that a column has at least, or exactly, so many characters or bytes."""
    length = Length(column)
    return models.CheckConstraint(
        name=f"{table}_{column}_ck",
        condition=GreaterThanOrEqual(length, least) if exactly is None else Exact(length, exactly),
    )


def object_constraint(table: str, column: str) -> models.CheckConstraint:
    """Return the CHECK that a JSON column has an object."""
    kind = models.Func(column, function="jsonb_typeof", output_field=models.TextField())
    return models.CheckConstraint(name=f"{table}_{column}_ck", condition=Exact(kind, "object"))
