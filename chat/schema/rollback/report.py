"""The loss in words that fit 80 columns. Nothing here reads a database or prints."""

from collections.abc import Sequence

from chat.schema.rollback.counts import Count, Precision, total
from chat.schema.rollback.loss import Loss, LossItem
from chat.schema.rollback.relations import EffectKind
from chat.schema.text import WIDTH, shortened, wrapped

_WHAT = {
    EffectKind.TABLE_DROPPED: "table",
    EffectKind.TABLE_EMPTIED: "emptied",
    EffectKind.TABLE_REPLACED: "table",
    EffectKind.ROWS_DELETED: "deleted",
    EffectKind.ROWS_UPDATED: "updated",
    EffectKind.COLUMN_DROPPED: "column",
    EffectKind.COLUMN_REPLACED: "column",
    EffectKind.COLUMN_RETYPED: "column",
}
_WHAT_WIDTH = max(map(len, _WHAT.values()))


def rollback_table(loss: Loss) -> str:
    """Return the migrations in the order in which they are undone, those of other apps among them.

    Lines are not broken: a name must be found by searching for it.
    """
    names = [f"  {app}.{name}" for app, name in loss.rollbacks]
    return "\n".join(["To be rolled back, in this order:", *names])


def loss_table(loss: Loss) -> str:
    """Return what would be lost, first in sum and then table by table and column by column.

    What is empty is only counted. Reasons and the database's words are broken into lines, so that
    nothing is wider than 80 columns; a name that is too long loses its middle.
    """
    nothing = "nothing that can be known" if loss.unknown else "nothing"
    lines = [f"To be lost: {_sum(loss.lost) or nothing}"]
    lines += _rows(loss.lost)
    changed = [item for item in loss.changed if not item.count.is_nothing]
    if changed:
        lines += ["May have other values afterwards:", *_rows(changed)]
    if loss.unknown:
        lines += ["Not known until it is run:"]
        lines += [line for text in loss.unknown for line in wrapped(text, indent="  ")]
    if loss.definitions:
        lines += wrapped(f"Dropped too, without data of their own: {', '.join(loss.definitions)}")
    return "\n".join([*lines, *_how_it_is_known(loss)])


def count_in_words(count: Count, *, unit: str) -> str:
    """Return `1 row`, `1,200 rows`, `about 1,200,000 rows`, `up to 12 values`."""
    units = unit if count.number == 1 and count.precision is not Precision.UNKNOWN else f"{unit}s"
    match count.precision:
        case Precision.UNKNOWN:
            return f"unknown {units}" if count.number == 0 else f"over {count.number:,} {units}"
        case Precision.ABOUT:
            return f"about {count.number:,} {units}"
        case Precision.AT_MOST:
            return f"up to {count.number:,} {units}"
        case Precision.EXACT:
            return f"{count.number:,} {units}"


def _sum(items: Sequence[LossItem]) -> str:
    certain = [item for item in items if not item.count.is_nothing]
    parts = []
    rows = [item.count for item in certain if not item.is_column]
    if rows:
        parts.append(f"{count_in_words(total(rows), unit='row')} in {_of(len(rows), 'table')}")
    values = [item.count for item in certain if item.is_column]
    if values:
        parts.append(
            f"{count_in_words(total(values), unit='value')} in {_of(len(values), 'column')}"
        )
    return ", ".join(parts)


def _rows(items: Sequence[LossItem]) -> list[str]:
    shown = [item for item in items if not item.count.is_nothing]
    empty = [item for item in items if item.count.is_nothing]
    lines = [_row(item) for item in shown]
    tables = sum(not item.is_column for item in empty)
    columns = len(empty) - tables
    parts = [_of(tables, "table")] if tables else []
    parts += [_of(columns, "column")] if columns else []
    if parts:
        lines.append(
            f"  {' and '.join(parts)} with nothing in {'it' if len(empty) == 1 else 'them'}"
        )
    return lines


def _row(item: LossItem) -> str:
    count = count_in_words(item.count, unit="value" if item.is_column else "row")
    what = f"  {_WHAT[item.kind]:<{_WHAT_WIDTH}}  "
    detail = f", {item.detail}" if item.detail else ""
    room = WIDTH - len(what) - len(count) - 2
    name = shortened(item.name + detail, room)
    return f"{what}{name:<{room}}  {count}"


def _how_it_is_known(loss: Loss) -> list[str]:
    if loss.is_tried:
        return wrapped("Known from a trial run on this database, which was rolled back.")
    if loss.failure is not None:
        reasons = [f"The trial run failed, as the rollback would, at {loss.failure}"]
    else:
        reasons = ["Not tried, but read from the migrations:", *loss.not_tried]
    return [
        line
        for number, reason in enumerate(reasons)
        for line in wrapped(reason, indent="  " if number else "")
    ]


def _of(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
