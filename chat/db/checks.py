"""CHECKs that many tables share."""

from __future__ import annotations

from django.db import models

from chat.rules.limits import EARLIEST, LATEST
from chat.rules.names import LEGIBLE_PATTERN


def moments_constraint(table: str, *columns: str) -> models.CheckConstraint:
    """Return the CHECK that holds the moments of a table to those that every client can read.

    PostgreSQL stores 'infinity' and years that Python's datetime does not have; one such row would
    break every page that shows it.
    """
    readable = models.Q()
    for column in columns:
        readable &= models.Q(
            **{
                f"{column}__gte": EARLIEST,
                f"{column}__lt": LATEST,
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
