"""Drift as text: a table for people, JSON for programs.

Nothing here reads a database or prints; README.md beside this file documents the JSON.
"""

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC
from typing import Any

from django.core.management.color import Style

from chat.schema.catalogue.objects import Change, Difference, ObjectKind
from chat.schema.drift.reading import Drift, DriftState
from chat.schema.drift.sentences import (
    accept_command,
    next_step,
    not_compared_sentence,
    sentence,
)
from chat.schema.text import WIDTH, command_line, shortened, wrapped

JSON_VERSION = 1

_STYLE_ROLES: Mapping[DriftState, str] = {
    DriftState.NONE: "SUCCESS",
    DriftState.DRIFT: "ERROR",
    DriftState.UNKNOWN: "WARNING",
}
_CHANGE_WIDTH = max(len(change) for change in Change)
_KIND_WIDTH = max(len(kind) for kind in ObjectKind)
_ROW = f"  {{what:<{_CHANGE_WIDTH}}}  {{kind:<{_KIND_WIDTH}}}  {{name}}"
_NAME_WIDTH = WIDTH - len(_ROW.format(what="", kind="", name=""))
_SIDE = f"  {'':<{_CHANGE_WIDTH}}  {{side:<6}}  {{definition}}"
_DEFINITION_WIDTH = WIDTH - len(_SIDE.format(side="", definition=""))
# How much of what both sides begin with is shown before what differs.
_CONTEXT = 16
_NAMES_IN_SUMMARY = 5


def drift_table(drift: Drift, *, style: Style) -> str:
    """Return every object that differs with before and after, what is known, and what to do next.

    No line is longer than 80 columns: of a definition that is, the part that differs is shown.
    """
    lines = wrapped(snapshot_line(drift))
    for difference in drift.differences:
        lines += difference_rows(difference)
    paint = getattr(style, _STYLE_ROLES[drift.state])
    lines += [paint(line) for line in wrapped(sentence(drift))]
    lines += _not_compared(drift)
    lines += wrapped(next_step(drift))
    return "\n".join(lines)


def drift_summary(drift: Drift, *, style: Style) -> str:
    """Return the number of objects that differ and their names, five at most, in 80 columns."""
    paint = getattr(style, _STYLE_ROLES[drift.state])
    lines = [paint(line) for line in wrapped(f"Drift: {drift.state}. {sentence(drift)}")]
    lines += _named(drift.differences)
    lines += _not_compared(drift)
    if drift.state is DriftState.UNKNOWN:
        lines += wrapped(next_step(drift))
    return "\n".join(lines)


def drift_before_run(drift: Drift, *, style: Style) -> str:
    """Return what a run reports, before it begins, of changes by hand, in 80 columns."""
    count = len(drift.certain)
    differ, them, they_stay = (
        ("1 object differs", "it", "it stays")
        if count == 1
        else (f"{count} objects differ", "them", "they stay")
    )
    said = f"Drift: {differ} from what {drift.origin} left."
    return "\n".join(
        [
            *map(style.WARNING, wrapped(said)),
            *_named(drift.certain),
            *wrapped(
                f"This run does not touch {them}; {they_stay} reported until you undo {them}, or "
                f"accept {them} with {accept_command()}"
            ),
        ]
    )


def drift_json(drift: Drift, *, database: str) -> str:
    """Return the drift as one JSON object; drift.schema.json is its schema."""
    return json.dumps(
        {"version": JSON_VERSION, "database": database, **drift_as_json(drift)}, indent=2
    )


def drift_as_json(drift: Drift) -> dict[str, Any]:
    """Return what `drift_json` says of the drift, for another object to hold."""
    return {
        "state": drift.state,
        "server_version": drift.server_version,
        "snapshot": {
            "app": drift.app,
            "name": drift.name,
            "event": drift.event,
            "taken_at": drift.taken_at.astimezone(UTC).isoformat() if drift.taken_at else None,
            "postgresql_version": drift.taken_on,
            "is_current": drift.is_current,
        }
        if drift.migration
        else None,
        "differences": [asdict(difference) for difference in drift.differences],
        "not_compared": [asdict(difference) for difference in drift.not_compared],
        "sentence": sentence(drift),
        "next_step": next_step(drift),
    }


def snapshot_line(drift: Drift) -> str:
    """Return in a line which snapshot the database was compared with."""
    if drift.taken_at is None:
        return "Snapshot: none"
    version = (drift.taken_on or "").partition(" ")[0]
    return (
        f"Snapshot: {drift.origin}, {drift.taken_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC, "
        f"PostgreSQL {version}"
    )


def _not_compared(drift: Drift) -> list[str]:
    said = not_compared_sentence(drift)
    if said is None:
        return []
    return [*wrapped(said), *map(_row, drift.not_compared)]


def _named(differences: Sequence[Difference]) -> list[str]:
    shown = differences[:_NAMES_IN_SUMMARY]
    lines = [_row(difference) for difference in shown]
    if more := len(differences) - len(shown):
        lines.append(f"  and {more} more: {command_line('migration_drift')}")
    return lines


def difference_rows(difference: Difference) -> list[str]:
    """Return a line that names the object, and its definitions before and after, if any."""
    before, after = _focused(difference.before, difference.after)
    sides = [("before", before), ("after", after)]
    return [
        _row(difference),
        *(
            _SIDE.format(side=side, definition=definition)
            for side, definition in sides
            if definition is not None
        ),
    ]


def _row(difference: Difference) -> str:
    name = difference.name.removeprefix("public.")
    return _ROW.format(
        what=difference.what, kind=difference.kind, name=shortened(name, _NAME_WIDTH)
    )


def _focused(before: str | None, after: str | None) -> list[str | None]:
    """Return both on one line each, cut so that the first thing that differs is seen."""
    sides = [None if text is None else " ".join(text.split()) for text in (before, after)]
    both = [text for text in sides if text is not None]
    start = 0
    if len(both) == 2 and max(map(len, both)) > _DEFINITION_WIDTH:
        start = max(0, _common_length(*both) - _CONTEXT)
    return [None if text is None else _cut(text, start) for text in sides]


def _common_length(before: str, after: str) -> int:
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    return sum(1 for _ in alike)


def _cut(text: str, start: int) -> str:
    shown = f"…{text[start:]}" if start else text
    return shown if len(shown) <= _DEFINITION_WIDTH else f"{shown[: _DEFINITION_WIDTH - 1]}…"
