"""CHECKs that many tables share."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import models
from django.db.models.functions import Greatest, Least
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from chat.rules.names import LEGIBLE_PATTERN


def moments_constraint(table: str, *columns: str) -> models.CheckConstraint:
    """Return the CHECK that holds the moments of a table to those that every client can read.

    PostgreSQL stores 'infinity' and years that Python's datetime does not have; one such row would
    break every page that shows it. Several columns are compared together, for PostgreSQL prepares
    each comparison of a CHECK anew for each statement.
    """
    first, end = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
    if len(columns) == 1:
        readable = models.Q(**{f"{columns[0]}__gte": first, f"{columns[0]}__lt": end})
    else:
        # Both pass over NULL.
        readable = models.Q(
            GreaterThanOrEqual(Least(*columns), first), LessThan(Greatest(*columns), end)
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
