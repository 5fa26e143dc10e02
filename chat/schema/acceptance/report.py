"""What is about to be accepted, as text."""

from django.core.management.color import Style

from chat.schema.acceptance.of_drift import DriftAcceptance
from chat.schema.catalogue.objects import ObjectKind
from chat.schema.drift.report import difference_rows, snapshot_line
from chat.schema.text import wrapped


def acceptance_table(acceptance: DriftAcceptance, *, style: Style) -> str:
    """Return what will become the new baseline, before and after, in 80 columns."""
    if acceptance.drift.migration is None:
        counts = ", ".join(
            f"{kind} {count}" for kind in ObjectKind if (count := acceptance.counts.get(kind, 0))
        )
        return "\n".join(
            wrapped(
                "The ledger has no snapshot. What is there will become the baseline, as "
                f"{acceptance.migration} left it: {counts or 'an empty schema'}"
            )
        )
    lines = [
        *wrapped(snapshot_line(acceptance.drift)),
        style.WARNING("Will become the new baseline:"),
    ]
    for difference in acceptance.differences:
        lines += difference_rows(difference)
    return "\n".join(lines)
